"""Pairs of spans that may be related, and what a linear model sees of them: hashed features and mean vectors."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml.features import OFFSETS, PIECES, Pairs, Template, distinct, hashed, mix
from trainer.ml.heads.spans import FoundSpans
from trainer.ml.inputs import Inputs
from trainer.ml.tokens import places, position

WITHIN = 40  # tokens between two spans, at most
FOLLOWING = 12  # spans after a span that it is paired with, at most: cost grows with the spans, not their square
_SIZES = 2**20  # more than a length can be in a sort key
_FAR = 12  # from so many tokens on, one distance is like another
_LEFT, _RIGHT = np.int64(1), np.int64(2)  # stand for the words of the spans
_WHOLE, _BEGINNING, _ENDS = 0, 1, (2, 3, 4)  # columns of `Inputs.pieces`


# What a caller gives who knows the spans already, in the order of their documents; places are code points.
GIVEN = {
    "span_document": tf.TensorSpec([None], tf.int32),
    "span_start": tf.TensorSpec([None], tf.int32),
    "span_end": tf.TensorSpec([None], tf.int32),
    "span_label": tf.TensorSpec([None], tf.string),
}


class Candidates(NamedTuple):
    """Two spans each, in reading order, by their rows in a batch's spans."""

    first: tf.Tensor  # [P]
    second: tf.Tensor  # [P]


class Seen(NamedTuple):
    """What a model is shown of the candidates."""

    features: Pairs  # candidate → hash
    meaning: tf.Tensor  # [P, SIDES * width] mean vector of the words between, of both last words; with their states


SIDES = 3


def given_spans(documents: Sequence[Iterable[tuple[int, int, str]]]) -> dict[str, tf.Tensor]:
    """The spans of each document, as (start, end, label), in the form of `GIVEN`."""
    rows = [(document, *span) for document, spans in enumerate(documents) for span in spans]
    columns = zip(*rows, strict=True) if rows else ((), (), (), ())
    return {name: tf.constant(column, spec.dtype) for (name, spec), column in zip(GIVEN.items(), columns, strict=True)}


def placed(inputs: Inputs, given: Mapping[str, Any], labels: Sequence[str]) -> tuple[FoundSpans, tf.Tensor]:
    """Spans in the form of `GIVEN` on the tokens they touch, in reading order; and in which row each was given.

    A label that is none of `labels` gets the number after theirs.
    """
    document, start, end = (tf.cast(given[f"span_{name}"], tf.int64) for name in ("document", "start", "end"))
    size = tf.minimum(end - start, _SIZES - 1)
    order = tf.argsort(position(document, start) * _SIZES + size, stable=True)
    document, start, end = (tf.gather(column, order) for column in (document, start, end))
    starts, ends = position(inputs.document, inputs.start), position(inputs.document, inputs.end)
    most = tf.size(starts) - 1
    first = tf.minimum(tf.searchsorted(ends, position(document, start), side="right"), most)
    last = tf.maximum(tf.searchsorted(starts, position(document, end), side="left") - 1, first)
    named = tf.gather(given["span_label"], order)[:, None] == tf.constant([list(labels)], tf.string)
    label = tf.where(tf.reduce_any(named, axis=1), tf.argmax(named, axis=1, output_type=tf.int32), len(labels))
    sure = tf.ones_like(first, tf.float32)
    return FoundSpans(first, last, label, sure, tf.cast(document, tf.int32)), order


def candidates_of(spans: FoundSpans) -> Candidates:
    """Pairs of spans of one document that are not too far apart."""
    count = tf.size(spans.first)
    row = tf.repeat(tf.range(count), FOLLOWING)
    other = row + tf.tile(tf.range(1, FOLLOWING + 1), [count])
    inside = tf.minimum(other, count - 1)
    near = tf.gather(spans.first, inside) - tf.gather(spans.last, row) - 1 <= WITHIN
    keep = (other < count) & (tf.gather(spans.document, inside) == tf.gather(spans.document, row)) & near
    kept = places(keep)
    return Candidates(tf.gather(row, kept), tf.gather(other, kept))


def look_at(inputs: Inputs, spans: FoundSpans, pairs: Candidates) -> Seen:
    """Features of each candidate."""
    view = _View(inputs, spans, pairs)
    found = [*view.between(), *view.ends(), *view.sides(), *view.order()]
    return Seen(distinct(hashed(found)), view.meaning())


class _View:
    """The tokens in and around each candidate: left span, between, right span."""

    def __init__(self, inputs: Inputs, spans: FoundSpans, pairs: Candidates) -> None:
        self.inputs, self.spans, self.pairs = inputs, spans, pairs
        self.pieces = tf.concat([inputs.pieces, tf.zeros([1, PIECES], inputs.pieces.dtype)], 0)
        self.rows = tf.range(tf.size(pairs.first))
        self.after = tf.gather(spans.last, pairs.first) + 1
        self.length = tf.maximum(tf.gather(spans.first, pairs.second) - self.after, 0)

    def piece(self, tokens: tf.Tensor, which: int, neighbour: int = 0) -> tf.Tensor:
        """A hash of tokens, or of their neighbours; zero where there is none."""
        return tf.gather(self.pieces[:, which], tf.gather(self.inputs.types[:, neighbour], tokens))

    def steps(self, more: int = 0) -> tuple[tf.Tensor, tf.Tensor]:
        """Row and place of every token between, and of so many more behind."""
        length = self.length + more
        row = tf.repeat(self.rows, length)
        return row, tf.range(tf.size(row)) - tf.gather(tf.cumsum(length, exclusive=True), row)

    def between(self) -> list[Template]:
        """The words between, their beginnings, and their pairs with the edges of the spans as words of their own."""
        row, place = self.steps()
        token = tf.gather(self.after, row) + place
        found = [Template(60, row, self.piece(token, _WHOLE)), Template(61, row, self.piece(token, _BEGINNING))]
        row, place = self.steps(more=1)
        at = tf.minimum(tf.gather(self.after, row) + place, tf.size(self.inputs.start) - 1)
        words = self.piece(at, _WHOLE)
        before = tf.where(place == 0, _LEFT, self.piece(tf.maximum(at - 1, 0), _WHOLE))
        behind = tf.where(place == tf.gather(self.length, row), _RIGHT, words)
        return [*found, Template(62, row, mix(before, behind))]

    def ends(self) -> list[Template]:
        """The last word of either span."""
        found = []
        for side, spans in enumerate(self.pairs):
            token = tf.gather(self.spans.last, spans)
            for which in (_WHOLE, *_ENDS):
                found.append(Template(64 + 5 * side + which, self.rows, self.piece(token, which)))
        return found

    def sides(self) -> list[Template]:
        """Two words before the pair, and two behind it."""
        first, last = tf.gather(self.spans.first, self.pairs.first), tf.gather(self.spans.last, self.pairs.second)
        return [
            Template(76 + place, self.rows, self.piece(first if by < 0 else last, _WHOLE, neighbour=1 + place))
            for place, by in enumerate(OFFSETS)
        ]

    def order(self) -> list[Template]:
        """Labels, distance, and how many spans lie between."""
        labels = tf.cast(tf.stack([tf.gather(self.spans.label, spans) for spans in self.pairs]), tf.int64)
        distance = tf.cast(tf.minimum(self.length, _FAR), tf.int64)
        others = tf.cast(tf.minimum(self.pairs.second - self.pairs.first - 1, 2), tf.int64)
        labelled = mix(labels[0], labels[1])
        return [
            Template(80, self.rows, labelled),
            Template(81, self.rows, distance),
            Template(82, self.rows, mix(labelled, others)),
        ]

    def meaning(self) -> tf.Tensor:
        """Mean vector of the words between, and the vectors of the last words."""
        row, place = self.steps()
        own = self.inputs.units[:, 0]

        def vectors(tokens: tf.Tensor) -> tf.Tensor:
            found = tf.gather(self.inputs.meaning, tf.gather(own, tokens))
            states = self.inputs.states
            return found if states is None else tf.concat([found, tf.gather(states, tokens)], 1)

        between = vectors(tf.gather(self.after, row) + place)
        mean = tf.math.unsorted_segment_mean(between, row, tf.size(self.rows))
        heads = [vectors(tf.gather(self.spans.last, spans)) for spans in self.pairs]
        return tf.concat([mean, *heads], 1)
