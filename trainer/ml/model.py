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
from trainer.ml.features import OFFSETS, PRIME, Features, Pairs, extract
from trainer.ml.optimizers import Lbfgs, minimize
from trainer.ml.schema import Question, Schema
from trainer.ml.tokens import Tokenizer
from trainer.ml.vectors import Vectors


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
    vectors: Vectors
    phases: tuple[int, ...]
    span_decay: float = 0.2
    boldness: float = 0.0
    choice_decay: float = 1.0


class Inputs(NamedTuple):
    """Numbered features of a batch; the sparse matrices as [n, 2] indices."""

    documents: tf.Tensor  # how many, the sentinel included
    type_count: tf.Tensor
    types: tf.Tensor  # [N, 1 + len(OFFSETS)]
    words_known: tf.Tensor  # [type_count] row of the vector table; the last where there is none
    lengths: tf.Tensor  # [S]
    spelling: tf.Tensor
    context: tf.Tensor
    pairs: tf.Tensor
    words: tf.Tensor  # document → type
    bigrams: tf.Tensor  # document → bigram


def model_fn(features: dict[str, tf.Tensor], labels: Any, mode: ModeKeys, params: ModelParams) -> EstimatorSpec:
    """One step of training, or the answers to a batch of texts."""
    stored = _StoredVocabulary(params.vocabulary, params.vectors)
    if "text" not in features:
        inputs = Inputs(**features)
        loss = _loss(inputs, labels, params)
        train_op = minimize(loss, lambda: Lbfgs(params.phases)) if mode == ModeKeys.TRAIN else None
        return EstimatorSpec(mode, loss=loss, train_op=train_op)
    found = extract(features["text"], params.tokenizer)
    return EstimatorSpec(mode, predictions=_answers(found, stored.number(found), params))


class _StoredVocabulary:
    """The vocabulary as variables, so that an export carries it beside the weights."""

    def __init__(self, vocabulary: Vocabulary, vectors: Vectors) -> None:
        def kept(name: str, array: np.ndarray) -> tf.Variable:
            return tf.Variable(array.astype(np.int32), trainable=False, name=name)

        self.spelling = kept("spelling_vocabulary", vocabulary.spelling)
        self.context = kept("context_vocabulary", vocabulary.context)
        self.pairs = kept("pairs_vocabulary", vocabulary.pairs)
        self.bigrams = kept("bigrams_vocabulary", vocabulary.bigrams)
        self.words = kept("words", np.append(vectors.words, PRIME))

    def number(self, found: Features) -> Inputs:
        return Inputs(
            documents=tf.reduce_max(found.tokens.document) + 1,
            type_count=found.type_count,
            types=found.types,
            words_known=_find(found.word, self.words)[0],
            lengths=found.tokens.lengths,
            spelling=_look_up(found.spelling, self.spelling),
            context=_look_up(found.context, self.context),
            pairs=_look_up(found.pairs, self.pairs),
            words=tf.stack([tf.cast(found.words.row, tf.int64), found.words.feature], 1),
            bigrams=_look_up(found.bigrams, self.bigrams),
        )


def _look_up(pairs: Pairs, known: tf.Variable) -> tf.Tensor:
    """Pairs of known features as [n, 2] indices."""
    at, hit = _find(pairs.feature, known)
    indices = tf.stack([tf.boolean_mask(pairs.row, hit), tf.boolean_mask(at, hit)], 1)
    return tf.cast(indices, tf.int64)


def _find(values: tf.Tensor, known: tf.Variable) -> tuple[tf.Tensor, tf.Tensor]:
    """Where the values stand in a sorted table (its last place when nowhere), and whether they do."""
    values, last = tf.cast(values, tf.int32), tf.size(known) - 1
    at = tf.minimum(tf.searchsorted(known, values), last)
    hit = tf.gather(known, at) == values
    return tf.where(hit, at, last), hit


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
        known, self.labels = params.vocabulary, len(params.schema.spans)
        width, columns = 2 * self.labels + 1, 3 * self.labels + 2
        self.spelling = _weights("span_spelling", len(known.spelling), columns)
        self.context = _weights("span_context", len(known.context), len(OFFSETS) * columns)
        self.pairs = _weights("span_pairs", len(known.pairs), columns)
        self.vectors = tf.Variable(np.pad(params.vectors.values, ((0, 1), (0, 0))), trainable=False, name="vectors")
        self.meaning = _weights("span_meaning", params.vectors.width, (1 + len(OFFSETS)) * columns)
        self.moves = _weights("span_moves", width, width)
        self.start, self.end = _weights("span_start", width), _weights("span_end", width)
        self.bias = _weights("span_bias", width)
        self.width, self.columns = width, columns

    def scores(self, inputs: Inputs) -> tuple[tf.Tensor, tf.Tensor, crf.Layout]:
        """Emissions with ends, transitions and the layout of the sequences."""
        nothing = tf.zeros([1, self.columns])
        means = tf.matmul(tf.gather(self.vectors, inputs.words_known), self.meaning)
        own = _times(inputs.spelling, inputs.type_count, self.spelling) + means[:, : self.columns]
        emissions = tf.gather(own, inputs.types[:, 0])
        seen = _times(inputs.context, inputs.type_count, self.context) + means[:, self.columns :]
        for place, part in enumerate(tf.split(seen, len(OFFSETS), axis=1), start=1):
            emissions += tf.gather(tf.concat([part, nothing], 0), inputs.types[:, place])
        emissions += _times(inputs.pairs, tf.shape(inputs.types)[0], self.pairs)
        emissions = tf.matmul(emissions, _shared(self.labels)) + self.bias
        moves, start = crf.bio_scores(self.labels)
        where = crf.layout(inputs.lengths)
        return crf.with_ends(emissions, self.start + start, self.end, where), self.moves + moves, where

    def penalty(self) -> tf.Tensor:
        large = sum(tf.nn.l2_loss(table) for table in (self.spelling, self.context, self.pairs))
        small = sum(tf.nn.l2_loss(table) for table in (self.moves, self.start, self.end))
        small += tf.nn.l2_loss(self.meaning)
        return large + 0.3 * small + 0.05 * tf.nn.l2_loss(self.bias)


def _shared(labels: int) -> tf.Tensor:
    """How columns of weights add up to tags: a tag's own, its label's, and one for being any entity at all.

    What is learnt of one tag then counts a little for its relatives, which matters when examples are few.
    """
    width = 2 * labels + 1
    shares = np.zeros((width + labels + 1, width), np.float32)
    shares[:width] = np.eye(width)
    for label in range(labels):
        shares[width + label, [2 * label + 1, 2 * label + 2]] = 1.0
    shares[-1, 1:] = 1.0
    return tf.constant(shares)


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
