"""The relation head: a linear softmax over pairs of spans, none or one of the labels in one of two directions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml.candidates import SIDES, Candidates, candidates_of, given_spans, look_at, placed
from trainer.ml.examples import Example
from trainer.ml.features import PRIME
from trainer.ml.inputs import Fits, Inputs, Sparse, Vocabulary, half_squares, shared, times
from trainer.ml.schema import Schema
from trainer.ml.vectors import Vectors

# Most pairs are not related, and of few examples a model learns that first. So in training "none" is made more
# likely wherever it is wrong, and has to be beaten by that much.
_BOLDNESS = 1.5


class FoundRelations(NamedTuple):
    """Relations of a batch; head and tail are rows in its spans."""

    head: tf.Tensor  # [R]
    tail: tf.Tensor  # [R]
    label: tf.Tensor  # [R] number of the label
    score: tf.Tensor  # [R] probability, given the spans


class RelationHead:
    """Classes are none, then each label twice: the span that comes first as the head, and as the tail."""

    def __init__(
        self,
        labels: int,
        vocabulary: Vocabulary,
        vectors: Vectors,
        *,
        decay: float,
        fits: Fits,
        barred: tf.Variable,
        states: int = 0,
    ) -> None:
        """`barred` [classes] is added to scores, `states` is how many numbers an encoder's state of a token has."""
        self.labels, self.decay, self.barred = labels, decay, barred
        self.width = 1 + 2 * labels
        self.features = fits.weights("relation_features", len(vocabulary["relations"]), self.width)
        self.meaning = fits.weights("relation_meaning", SIDES * (vectors.width + states), self.width)
        self.bias = fits.weights("relation_bias", self.width)

    def scores(self, features: Sparse, meaning: tf.Tensor) -> tf.Tensor:
        """Of each class for each candidate by each fit, [F, P, width], from its numbered features and vectors."""
        columns = times(features, tf.shape(meaning)[0], self.features) + tf.matmul(meaning, self.meaning)
        return tf.matmul(columns, shared(self.labels)[None]) + (self.bias + self.barred)[:, None]

    def loss(self, labels: dict[str, tf.Tensor], learns: tf.Tensor) -> tf.Tensor:
        """Of each fit, [F]: cross entropy, each candidate by its weight, and the penalty of its weights.

        `labels` are as of a `Lesson`; `learns` [F, B + 1] says from which documents each fit does.
        """
        scores = self.scores(labels["relation_features"], labels["relation_meaning"])
        target = labels["relation_target"]
        scores += _BOLDNESS * (1.0 - target[:, :1]) * tf.one_hot([0], self.width)
        each = tf.nn.softmax_cross_entropy_with_logits(tf.broadcast_to(target, tf.shape(scores)), scores)
        penalty = half_squares(self.features) + 0.5 * half_squares(self.meaning) + 0.05 * half_squares(self.bias)
        weight = labels["relation_weights"] * tf.gather(learns, labels["relation_document"], axis=1)
        return tf.reduce_sum(weight * each, 1) + self.decay * penalty

    def find(self, pairs: Candidates, shares: tf.Tensor) -> FoundRelations:
        """The candidates for which a relation is the most probable class."""
        best = tf.argmax(shares, axis=1, output_type=tf.int32)
        related = best > 0
        first, second, best = (tf.boolean_mask(column, related) for column in (*pairs, best))
        backward = best % 2 == 0
        score = tf.boolean_mask(tf.reduce_max(shares, axis=1), related)
        return FoundRelations(
            tf.where(backward, second, first), tf.where(backward, first, second), (best - 1) // 2, score
        )


class Lesson(NamedTuple):
    """What examples teach of the candidate pairs of their spans."""

    labels: dict[str, Any]
    vocabulary: np.ndarray  # hashes of the features that occur, sorted
    left_out: int  # relations between spans that are too far apart to be candidates


NO_LESSON = Lesson({}, np.array([PRIME]), 0)


def lesson_of(examples: Sequence[Example], schema: Schema, inputs: Inputs) -> Lesson:
    """Features and targets of all candidates.

    Two spans that are not related in a complete document are an example of none; elsewhere, and where it is disputed,
    nobody knows.
    """
    given = given_spans([[(span.start, span.end, span.label) for span in example.spans] for example in examples])
    spans, order = placed(inputs, given, schema.spans)
    pairs = candidates_of(spans)
    seen = look_at(inputs, spans, pairs)
    known, number = np.unique(np.append(seen.features.feature.numpy(), PRIME), return_inverse=True)
    places = _Places(examples, order.numpy(), pairs)
    target, left_out = _targets(examples, schema.relations, places)
    document = tf.gather(spans.document, pairs.first).numpy()
    complete = np.array([*(example.complete for example in examples), False])
    labels = {
        "relation_features": Sparse(
            np.stack([seen.features.row.numpy(), number[:-1]], 1).astype(np.int64),
            np.ones(len(number) - 1, np.float32),
        ),
        "relation_meaning": seen.meaning.numpy(),
        "relation_target": target,
        "relation_weights": ((complete[document] | (target[:, 0] == 0)) & ~_disputed(examples, places)).astype(
            np.float32
        ),
        "relation_document": document,
    }
    return Lesson(labels, known, left_out)


class _Places:
    """Where two spans of an example stand among the candidates."""

    def __init__(self, examples: Sequence[Example], order: np.ndarray, pairs: Candidates) -> None:
        self.offset = np.cumsum([0, *(len(example.spans) for example in examples)])
        self.place = np.argsort(order)
        pairs_of = zip(*(column.numpy().tolist() for column in pairs), strict=True)
        self.rows = {pair: row for row, pair in enumerate(pairs_of)}

    def of(self, document: int, head: int, tail: int) -> tuple[int | None, bool]:
        """The candidate's row, None where they are too far apart, and whether the head comes last."""
        first, last = (int(self.place[self.offset[document] + span]) for span in (head, tail))
        return self.rows.get((min(first, last), max(first, last))), first > last


def _disputed(examples: Sequence[Example], places: _Places) -> np.ndarray:
    """[P] bool: whether people differ about the candidate."""
    found = np.zeros(len(places.rows), bool)
    for document, example in enumerate(examples):
        for head, tail, _ in example.disputed.relations:
            if head in example.spans and tail in example.spans:
                row, _ = places.of(document, example.spans.index(head), example.spans.index(tail))
                if row is not None:
                    found[row] = True
    return found


def _targets(examples: Sequence[Example], labels: Sequence[str], places: _Places) -> tuple[np.ndarray, int]:
    """Shares of the classes for each candidate, [P, 1 + 2 * labels], and how many relations are of none."""
    target = np.zeros((len(places.rows), 1 + 2 * len(labels)), np.float32)
    left_out = 0
    for document, example in enumerate(examples):
        for relation in example.relations:
            row, backward = places.of(document, relation.head, relation.tail)
            if row is None:
                left_out += 1
            else:
                target[row, 1 + 2 * labels.index(relation.label) + int(backward)] = 1.0
    related = target.sum(1, keepdims=True)
    target[:, :1] = related == 0
    return target / np.maximum(related, 1.0), left_out
