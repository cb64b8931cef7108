"""The model function: one pass over a batch, and a head for each kind of question that the project asks."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from trainer.ml.calibration import Calibration
from trainer.ml.candidates import GIVEN, Candidates, candidates_of, look_at, placed
from trainer.ml.estimator import EstimatorSpec, Lbfgs, ModeKeys, minimize, trainable_variables
from trainer.ml.features import OFFSETS, extract
from trainer.ml.heads import scores
from trainer.ml.heads.choices import ChoiceHead
from trainer.ml.heads.relations import FoundRelations, RelationHead
from trainer.ml.heads.spans import FoundSpans, SpanHead
from trainer.ml.inputs import MANY_LABELS, Fits, Inputs, Numbering, Vocabulary, barred
from trainer.ml.opinions import TALLY, tallied
from trainer.ml.schema import Question, Schema
from trainer.ml.states import DIRECTIONS, OFFSET, Basis, Pieces, pieces_in
from trainer.ml.tokens import Tokenizer
from trainer.ml.vectors import Vectors

_LARGE = 4_000_000  # numbers in a vector that is not to be copied without need


@dataclass(frozen=True)
class ModelParams:
    """All that shapes the graph, and how it is optimised."""

    schema: Schema
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    vectors: Vectors
    spread: np.ndarray  # [spelling features] words that each occurs in
    opinions: np.ndarray  # [words of the vectors + 1, 1 + span labels] bytes
    phases: tuple[int, ...]
    fits: int = 1  # that are fitted side by side
    span_decay: float = 0.2
    copies: int = 0  # of the examples with some words hidden
    basis: Basis | None = None  # of the states that an encoder gives to tokens; none without one
    choice_decay: float = 0.01
    relation_decay: float = 0.2
    calibration: Calibration = field(default_factory=Calibration)  # none: scores as the heads give them
    learnt: Schema | None = None  # the part of the schema that there are examples of; None where that is all of it

    @property
    def form(self) -> str:
        """The same for models whose programs are: what else there is to know are values of their variables."""
        told = (
            self.schema.to_dict(),
            self.tokenizer._asdict(),
            (self.vectors.width, self.vectors.pair_values.shape[1], len(self.vectors.pairs) > 0),
            (self.phases, self.fits, self.copies, self.is_large),
            (self.span_decay, self.choice_decay, self.relation_decay),
            self.basis.directions.shape if self.basis else None,
        )
        return json.dumps(told)

    @property
    def is_large(self) -> bool:
        """Whether the weights of all fits are too many to be copied without need."""
        return self.fits * weights_of(self.vocabulary, self.schema) >= _LARGE


def model_fn(features: dict[str, tf.Tensor], labels: Any, mode: ModeKeys, params: ModelParams) -> EstimatorSpec:
    """One step of training, or the answers to a batch: of texts, or of features that are numbered already.

    Where features in the form of `GIVEN` say what the spans are, the answers are the relations between them. Of
    several fits, the feature `FIT` says which one answers.
    """
    features = dict(features)
    tally, fit = features.pop(TALLY, None), features.pop(FIT, None)
    model = Model(params, fit)
    given = {name: tensor for name, tensor in features.items() if name in GIVEN}
    rest = {name: tensor for name, tensor in features.items() if name not in GIVEN}
    inputs = model.read(rest["text"], pieces_in(rest)) if "text" in rest else Inputs(**rest)
    if tally is not None:
        return EstimatorSpec(mode, predictions=model.tally(inputs))
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions=model.related(inputs, given) if given else model.answers(inputs))
    losses = model.losses(inputs, labels)
    train_op = None
    if mode == ModeKeys.TRAIN:
        # Heads share no weights. Each by itself, they take fewer steps: none has to wait for another's slope.
        memory = 6 if len(params.schema.spans) <= MANY_LABELS else 3  # two vectors each, as long as all weights

        def optimizer() -> Lbfgs:
            return Lbfgs(params.phases, memory, large=params.is_large)

        train_op = tf.group(*(minimize(loss, optimizer, own) for loss, own in losses))
    return EstimatorSpec(mode, loss=tf.add_n([tf.reduce_sum(loss) for loss, _ in losses]), train_op=train_op)


FIT = "fit"
Head = TypeVar("Head", SpanHead, ChoiceHead, RelationHead)


class Model:
    """The heads, and what numbers the features that they see: all variables there are."""

    def __init__(self, params: ModelParams, fit: tf.Tensor | None = None) -> None:
        schema, known = params.schema, params.vocabulary
        self.params, self.fits = params, Fits(params.fits, fit)
        self.learnt = params.learnt or schema
        self.numbering = Numbering(known, params.vectors, params.opinions)
        if params.basis:  # an export carries it: whoever asks needs it
            tf.Variable(params.basis.directions, trainable=False, name=DIRECTIONS)
            tf.Variable(params.basis.offset, trainable=False, name=OFFSET)
        self.states = params.basis.dimensions if params.basis else 0
        self.own: list[list[tf.Variable]] = []  # weights of each head, in the order of the heads
        self.spans = self._head(self._span_head) if schema.spans else None
        both = zip(schema.questions, self.learnt.questions, strict=True)
        self.choices = [self._head(partial(self._choice_head, question, learnt)) for question, learnt in both]
        self.relations = self._head(self._relation_head) if schema.relations else None
        fitted, spans, relations = params.calibration, len(schema.spans), len(schema.relations)
        self.span_scale = scores.Scale("span", spans, fitted.spans)
        self.choice_scales = [
            scores.Scale("choice", len(question.choices), fitted.questions.get(question.name))
            for question in schema.questions
        ]
        self.relation_scale = scores.Scale("relation", relations, fitted.relations)
        self.given_scale = scores.Scale("given", relations, fitted.given)

    def _head(self, make: Callable[[], Head]) -> Head:
        before = len(trainable_variables())
        head = make()
        self.own.append(trainable_variables()[before:])
        return head

    def _span_head(self) -> SpanHead:
        params = self.params
        labels, known, vectors = len(params.schema.spans), params.vocabulary, params.vectors
        return SpanHead(
            labels,
            known,
            vectors,
            decay=params.span_decay,
            copies=params.copies,
            fits=self.fits,
            states=self.states,
            barred=barred("span", _unlearnt(params.schema.spans, self.learnt.spans)),
        )

    def _choice_head(self, question: Question, learnt: Question) -> ChoiceHead:
        params = self.params
        known, vectors = params.vocabulary, params.vectors
        own: dict[str, Any] = {"decay": params.choice_decay, "fits": self.fits, "states": self.states}
        own["barred"] = barred("choice", [choice not in learnt.choices for choice in question.choices])
        return ChoiceHead(question, known, vectors, params.spread, **own)

    def _relation_head(self) -> RelationHead:
        params = self.params
        labels, known, vectors = len(params.schema.relations), params.vocabulary, params.vectors
        own: dict[str, Any] = {"decay": params.relation_decay, "fits": self.fits, "states": self.states}
        own["barred"] = barred("relation", _unlearnt(params.schema.relations, self.learnt.relations))
        return RelationHead(labels, known, vectors, **own)

    def read(self, texts: tf.Tensor, pieces: Pieces | None = None) -> Inputs:
        return self.numbering.number(extract(texts, self.params.tokenizer), pieces)

    def tally(self, inputs: Inputs) -> dict[str, tf.Tensor]:
        """What the span head thinks of the words of a batch, for a table of opinions."""
        if self.spans is None:
            raise ValueError("the model has no opinion: it looks for no spans")
        return tallied(inputs, self.spans.posterior(inputs))

    def losses(self, inputs: Inputs, labels: dict[str, tf.Tensor]) -> list[tuple[tf.Tensor, list[tf.Variable]]]:
        """Of each head, [F], with its weights; `labels["learns"]` [F, B + 1] says what each fit learns from."""
        learns = labels["learns"]
        parts = [self.spans.loss(inputs, labels, learns)] if self.spans else []
        parts += [
            head.loss(
                inputs,
                labels[f"choices_{index}"],
                labels[f"choice_weights_{index}"] * learns,
                Inputs(**labels[f"choice_names_{index}"]),
            )
            for index, head in enumerate(self.choices)
        ]
        parts += [self.relations.loss(labels, learns)] if self.relations else []
        return list(zip(parts, self.own, strict=True))

    def answers(self, inputs: Inputs) -> dict[str, tf.Tensor]:
        """The signature's outputs: spans in reading order, `span_document` saying whose; choices as [B, C].

        `relation_head` and `relation_tail` count the spans of the document from 0.
        """
        answers: dict[str, tf.Tensor] = {}
        doubts: list[scores.Doubt] = []
        if self.spans:
            found, posterior = self.spans.find(inputs)
            doubts.append(scores.doubt_of_tokens(posterior, inputs.document, inputs.documents))
            answers |= {
                "span_document": found.document,
                "span_start": tf.gather(inputs.start, found.first),
                "span_end": tf.gather(inputs.end, found.last),
                "span_label": tf.gather(tf.constant(self.params.schema.spans), found.label),
                "span_score": scores.calibrated(found.score, found.label, self.span_scale),
            }
            if self.relations:
                pairs, share = self._shares(self.relations, inputs, found)
                doubts.append(scores.doubt_of_pairs(share, tf.gather(found.document, pairs.first), inputs.documents))
                answers |= self._told(self.relations.find(pairs, share), found, self.relation_scale)
        for index, head in enumerate(self.choices):
            answers[f"choice_{index}"] = share = head.shares(inputs, self.choice_scales[index])
            doubts.append(scores.doubt_of_choices(share, head.known, head.question.multiple))
        return answers | scores.together(doubts)._asdict()

    def related(self, inputs: Inputs, given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Relations between given spans; `relation_head` and `relation_tail` count them as they were given."""
        if self.relations is None:
            raise ValueError("the model knows no relation")
        spans, order = placed(inputs, given, self.params.schema.spans)
        pairs, share = self._shares(self.relations, inputs, spans)
        found = self.relations.find(pairs, share)
        found = found._replace(head=tf.gather(order, found.head), tail=tf.gather(order, found.tail))
        spans = spans._replace(document=given["span_document"])
        return self._told(found, spans, self.given_scale)

    def _shares(self, head: RelationHead, inputs: Inputs, spans: FoundSpans) -> tuple[Candidates, tf.Tensor]:
        pairs = candidates_of(spans)
        seen = look_at(inputs, spans, pairs)
        scores = head.scores(self.numbering.look_up("relations", seen.features), seen.meaning)
        return pairs, tf.nn.softmax(scores[0])

    def _told(self, found: FoundRelations, spans: FoundSpans, scale: scores.Scale) -> dict[str, tf.Tensor]:
        # A relation is right only if both of its spans are.
        score = found.score * tf.gather(spans.score, found.head) * tf.gather(spans.score, found.tail)
        document = tf.gather(spans.document, found.head)
        first = tf.searchsorted(spans.document, document)
        return {
            "relation_document": document,
            "relation_head": found.head - first,
            "relation_tail": found.tail - first,
            "relation_label": tf.gather(tf.constant(self.params.schema.relations), found.label),
            "relation_score": scores.calibrated(score, found.label, scale),
        }


def _unlearnt(labels: Sequence[str], learnt: Sequence[str]) -> list[bool]:
    """Of no label, and of each in its two forms: whether nothing is learnt of it."""
    return [False, *(label not in learnt for label in labels for _ in range(2))]


def weights_of(vocabulary: Vocabulary, schema: Schema) -> int:
    """About how many weights a model has."""
    size = {kind: len(hashes) for kind, hashes in vocabulary.items()}
    spans = len(schema.spans)
    columns = 2 * spans + 1 if spans <= MANY_LABELS else spans + 3
    found = columns * (size["spelling"] + len(OFFSETS) * size["context"] + size["pairs"]) if spans else 0
    found += sum(len(question.choices) * (size["spelling"] + size["bigrams"]) for question in schema.questions)
    return found + (2 * len(schema.relations) + 1) * size["relations"]
