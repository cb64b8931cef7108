"""The model function: linear heads over hashed features, a CRF for spans and one classifier a question.

In training it is given features that were extracted and numbered once; in prediction it is given raw strings and
extracts them itself, by the same functions. Both meet in `Inputs`.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml import crf
from trainer.ml.estimator import EstimatorSpec, ModeKeys
from trainer.ml.features import OFFSETS, Features, Pairs, extract
from trainer.ml.optimizers import Lbfgs, minimize
from trainer.ml.schema import Question, Schema
from trainer.ml.tokens import Tokenizer


@dataclass(frozen=True)
class Vocabulary:
    """The features that training has seen, each array sorted."""

    spelling: np.ndarray
    context: np.ndarray
    pairs: np.ndarray
    bigrams: np.ndarray


@dataclass(frozen=True)
class ModelParams:
    """All that shapes the graph, and how it is optimised."""

    schema: Schema
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    phases: tuple[int, ...]
    span_decay: float = 0.2
    boldness: float = 0.0
    choice_decay: float = 1.0


class Inputs(NamedTuple):
    """Numbered features of a batch; the sparse matrices as [n, 2] indices."""

    documents: tf.Tensor  # how many, the sentinel included
    type_count: tf.Tensor
    types: tf.Tensor  # [N, 1 + len(OFFSETS)]
    lengths: tf.Tensor  # [S]
    spelling: tf.Tensor
    context: tf.Tensor
    pairs: tf.Tensor
    words: tf.Tensor  # document → type
    bigrams: tf.Tensor  # document → bigram


def model_fn(features: dict[str, tf.Tensor], labels: Any, mode: ModeKeys, params: ModelParams) -> EstimatorSpec:
    """One step of training, or the answers to a batch of texts."""
    stored = _StoredVocabulary(params.vocabulary)
    if "text" not in features:
        inputs = Inputs(**features)
        loss = _loss(inputs, labels, params)
        train_op = minimize(loss, lambda: Lbfgs(params.phases)) if mode == ModeKeys.TRAIN else None
        return EstimatorSpec(mode, loss=loss, train_op=train_op)
    found = extract(features["text"], params.tokenizer)
    return EstimatorSpec(mode, predictions=_answers(found, stored.number(found), params))


class _StoredVocabulary:
    """The vocabulary as variables, so that an export carries it beside the weights."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        def kept(name: str, array: np.ndarray) -> tf.Variable:
            return tf.Variable(array.astype(np.int32), trainable=False, name=name)

        self.spelling = kept("spelling_vocabulary", vocabulary.spelling)
        self.context = kept("context_vocabulary", vocabulary.context)
        self.pairs = kept("pairs_vocabulary", vocabulary.pairs)
        self.bigrams = kept("bigrams_vocabulary", vocabulary.bigrams)

    def number(self, found: Features) -> Inputs:
        return Inputs(
            documents=tf.reduce_max(found.tokens.document) + 1,
            type_count=found.type_count,
            types=found.types,
            lengths=found.tokens.lengths,
            spelling=_look_up(found.spelling, self.spelling),
            context=_look_up(found.context, self.context),
            pairs=_look_up(found.pairs, self.pairs),
            words=tf.stack([tf.cast(found.words.row, tf.int64), found.words.feature], 1),
            bigrams=_look_up(found.bigrams, self.bigrams),
        )


def _look_up(pairs: Pairs, known: tf.Variable) -> tf.Tensor:
    """Pairs of known features as [n, 2] indices."""
    feature = tf.cast(pairs.feature, tf.int32)
    at = tf.minimum(tf.searchsorted(known, feature), tf.size(known) - 1)
    hit = tf.gather(known, at) == feature
    indices = tf.stack([tf.boolean_mask(pairs.row, hit), tf.boolean_mask(at, hit)], 1)
    return tf.cast(indices, tf.int64)


def _weights(name: str, *shape: int) -> tf.Variable:
    return tf.Variable(np.zeros(shape, np.float32), name=name)


def _times(indices: tf.Tensor, rows: tf.Tensor, dense: tf.Tensor) -> tf.Tensor:
    """Product of a sparse 0/1 matrix and a dense one."""
    shape = tf.stack([tf.cast(rows, tf.int64), tf.cast(tf.shape(dense)[0], tf.int64)])
    ones = tf.ones([tf.shape(indices)[0]])
    return tf.raw_ops.SparseTensorDenseMatMul(a_indices=indices, a_values=ones, a_shape=shape, b=dense)


class _SpanHead:
    """Emissions of each token and the CRF's own scores."""

    def __init__(self, params: ModelParams) -> None:
        known, width = params.vocabulary, 2 * len(params.schema.spans) + 1
        self.spelling = _weights("span_spelling", len(known.spelling), width)
        self.context = _weights("span_context", len(known.context), len(OFFSETS) * width)
        self.pairs = _weights("span_pairs", len(known.pairs), width)
        self.moves = _weights("span_moves", width, width)
        self.start, self.end = _weights("span_start", width), _weights("span_end", width)
        self.bias = _weights("span_bias", width)
        self.width, self.labels = width, len(params.schema.spans)

    def scores(self, inputs: Inputs) -> tuple[tf.Tensor, tf.Tensor, crf.Layout]:
        """Emissions with ends, transitions and the layout of the sequences."""
        nothing = tf.zeros([1, self.width])
        own = _times(inputs.spelling, inputs.type_count, self.spelling)
        emissions = tf.gather(own, inputs.types[:, 0]) + self.bias
        seen = _times(inputs.context, inputs.type_count, self.context)
        for place, part in enumerate(tf.split(seen, len(OFFSETS), axis=1), start=1):
            emissions += tf.gather(tf.concat([part, nothing], 0), inputs.types[:, place])
        emissions += _times(inputs.pairs, tf.shape(inputs.types)[0], self.pairs)
        moves, start = crf.bio_scores(self.labels)
        where = crf.layout(inputs.lengths)
        return crf.with_ends(emissions, self.start + start, self.end, where), self.moves + moves, where

    def penalty(self) -> tf.Tensor:
        large = sum(tf.nn.l2_loss(table) for table in (self.spelling, self.context, self.pairs))
        small = sum(tf.nn.l2_loss(table) for table in (self.moves, self.start, self.end))
        return large + 0.3 * small + 0.05 * tf.nn.l2_loss(self.bias)


class _ChoiceHead:
    """Scores of a question's choices from the words of the whole document."""

    def __init__(self, question: Question, params: ModelParams) -> None:
        known, width = params.vocabulary, len(question.choices)
        self.spelling = _weights("choice_spelling", len(known.spelling), width)
        self.bigrams = _weights("choice_bigrams", len(known.bigrams), width)
        self.bias = _weights("choice_bias", width)

    def scores(self, inputs: Inputs) -> tf.Tensor:
        types = _times(inputs.spelling, inputs.type_count, self.spelling)
        summed = _times(inputs.words, inputs.documents, types)
        summed += _times(inputs.bigrams, inputs.documents, self.bigrams)
        size = tf.math.bincount(tf.cast(inputs.words[:, 0], tf.int32), minlength=inputs.documents)
        return summed / tf.sqrt(tf.maximum(tf.cast(size, tf.float32), 1.0))[:, None] + self.bias

    def penalty(self) -> tf.Tensor:
        return tf.nn.l2_loss(self.spelling) + tf.nn.l2_loss(self.bigrams)


def _loss(inputs: Inputs, labels: dict[str, tf.Tensor], params: ModelParams) -> tf.Tensor:
    loss = tf.constant(0.0)
    if params.schema.spans:
        head = _SpanHead(params)
        emissions, moves, where = head.scores(inputs)
        # A model of few examples is shy: they say much of what O looks like and little of anything else. So in
        # training O is made more likely wherever it is wrong, and has to be beaten by that much.
        entity = tf.cast(labels["tags"] > 0, tf.float32)[:, None]
        emissions += params.boldness * entity * tf.one_hot([0], head.width)
        loss -= crf.log_likelihood(emissions, moves, labels["tags"], labels["tag_weights"], where)
        loss += params.span_decay * head.penalty()
    for index, question in enumerate(params.schema.questions):
        choice = _ChoiceHead(question, params)
        scores, target = choice.scores(inputs), labels[f"choices_{index}"]
        if question.multiple:
            each = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(target, scores), axis=1)
        else:
            each = tf.nn.softmax_cross_entropy_with_logits(target, scores)
        loss += tf.reduce_sum(labels[f"choice_weights_{index}"] * each) + params.choice_decay * choice.penalty()
    return loss


def _answers(found: Features, inputs: Inputs, params: ModelParams) -> dict[str, tf.Tensor]:
    """The signature's outputs: spans in reading order, `span_document` saying whose; choices as [B, C]."""
    given = inputs.documents - 1  # without the sentinel
    answers: dict[str, tf.Tensor] = {}
    doubts: list[tf.Tensor] = []
    if params.schema.spans:
        head = _SpanHead(params)
        emissions, moves, where = head.scores(inputs)
        messages = crf.marginals(emissions, moves, where)
        spans = crf.spans_of(crf.best_tags(emissions, moves, where), messages, where)
        document = tf.gather(found.tokens.document, spans.first)
        keep = document < given
        answers |= {
            "span_document": tf.boolean_mask(document, keep),
            "span_start": tf.boolean_mask(tf.gather(found.tokens.start, spans.first), keep),
            "span_end": tf.boolean_mask(tf.gather(found.tokens.end, spans.last), keep),
            "span_label": tf.boolean_mask(tf.gather(tf.constant(params.schema.spans), spans.label), keep),
            "span_score": tf.boolean_mask(spans.score, keep),
        }
        doubt = 1.0 - tf.reduce_max(messages.posterior, axis=1)
        doubts.append(tf.math.unsorted_segment_mean(doubt, found.tokens.document, inputs.documents)[:given])
    for index, question in enumerate(params.schema.questions):
        scores = _ChoiceHead(question, params).scores(inputs)[:given]
        share = tf.sigmoid(scores) if question.multiple else tf.nn.softmax(scores)
        answers[f"choice_{index}"] = share
        doubts.append(_choice_doubt(share, question))
    answers["uncertainty"] = tf.clip_by_value(tf.add_n(doubts) / len(doubts), 0.0, 1.0)
    return answers


def _choice_doubt(share: tf.Tensor, question: Question) -> tf.Tensor:
    if question.multiple:
        return tf.reduce_mean(1.0 - tf.abs(2.0 * share - 1.0), axis=1)
    best = tf.math.top_k(share, k=2).values
    return 1.0 - (best[:, 0] - best[:, 1])
