"""The model function: one pass over a batch, and a head for each kind of question that the project asks."""

from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from trainer.ml.calibration import Calibration
from trainer.ml.estimator import EstimatorSpec, Lbfgs, ModeKeys, minimize
from trainer.ml.features import extract
from trainer.ml.heads import scores
from trainer.ml.heads.choices import ChoiceHead
from trainer.ml.heads.spans import SpanHead
from trainer.ml.inputs import Inputs, Numbering, Vocabulary
from trainer.ml.schema import Schema
from trainer.ml.tokens import Tokenizer
from trainer.ml.vectors import Vectors


@dataclass(frozen=True)
class ModelParams:
    """All that shapes the graph, and how it is optimised."""

    schema: Schema
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    vectors: Vectors
    phases: tuple[int, ...]
    span_decay: float = 0.2
    boldness: float = 0.0
    choice_decay: float = 1.0
    calibration: Calibration = field(default_factory=Calibration)  # none: scores as the heads give them


def model_fn(features: dict[str, tf.Tensor], labels: Any, mode: ModeKeys, params: ModelParams) -> EstimatorSpec:
    """One step of training, or the answers to a batch: of texts, or of features that are numbered already."""
    model = _Model(params)
    inputs = Inputs(**features) if "text" not in features else model.read(features["text"])
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions=model.answers(inputs))
    loss = model.loss(inputs, labels)
    train_op = minimize(loss, lambda: Lbfgs(params.phases)) if mode == ModeKeys.TRAIN else None
    return EstimatorSpec(mode, loss=loss, train_op=train_op)


class _Model:
    def __init__(self, params: ModelParams) -> None:
        schema, known = params.schema, params.vocabulary
        self.params = params
        self.numbering = Numbering(known, params.vectors)
        self.spans = (
            SpanHead(len(schema.spans), known, params.vectors, decay=params.span_decay, boldness=params.boldness)
            if schema.spans
            else None
        )
        self.choices = [ChoiceHead(question, known, decay=params.choice_decay) for question in schema.questions]

    def read(self, texts: tf.Tensor) -> Inputs:
        return self.numbering.number(extract(texts, self.params.tokenizer))

    def loss(self, inputs: Inputs, labels: dict[str, tf.Tensor]) -> tf.Tensor:
        parts = [self.spans.loss(inputs, labels)] if self.spans else []
        parts += [
            head.loss(inputs, labels[f"choices_{index}"], labels[f"choice_weights_{index}"])
            for index, head in enumerate(self.choices)
        ]
        return tf.add_n(parts)

    def answers(self, inputs: Inputs) -> dict[str, tf.Tensor]:
        """The signature's outputs: spans in reading order, `span_document` saying whose; choices as [B, C]."""
        answers: dict[str, tf.Tensor] = {}
        doubts: list[scores.Doubt] = []
        known = self.params.calibration
        if self.spans:
            found, posterior = self.spans.find(inputs)
            doubts.append(scores.doubt_of_tokens(posterior, inputs.document, inputs.documents))
            answers |= {
                "span_document": found.document,
                "span_start": tf.gather(inputs.start, found.first),
                "span_end": tf.gather(inputs.end, found.last),
                "span_label": tf.gather(tf.constant(self.params.schema.spans), found.label),
                "span_score": scores.calibrated(found.score, found.label, known.spans),
            }
        for index, head in enumerate(self.choices):
            answers[f"choice_{index}"] = share = head.shares(inputs, known.questions.get(head.question.name))
            doubts.append(scores.doubt_of_choices(share, head.question.multiple))
        return answers | scores.together(doubts)._asdict()
