"""The span head: emissions of each token from its spelling, neighbours and meaning, and a CRF over them."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml import crf, partial
from trainer.ml.features import OFFSETS
from trainer.ml.inputs import Inputs, Vocabulary, times, weights
from trainer.ml.vectors import Vectors


class FoundSpans(NamedTuple):
    """Spans of a batch, in reading order."""

    first: tf.Tensor  # [M] token
    last: tf.Tensor  # [M] token, inclusive
    label: tf.Tensor  # [M] number of the label
    score: tf.Tensor  # [M] probability
    document: tf.Tensor  # [M]


class SpanHead:
    """Linear emissions, with weights shared between related tags, and the CRF's own scores."""

    def __init__(self, labels: int, vocabulary: Vocabulary, vectors: Vectors, *, decay: float, boldness: float) -> None:
        self.labels, self.decay, self.boldness = labels, decay, boldness
        self.width, self.columns = 2 * labels + 1, 3 * labels + 2
        self.spelling = weights("span_spelling", len(vocabulary["spelling"]), self.columns)
        self.context = weights("span_context", len(vocabulary["context"]), len(OFFSETS) * self.columns)
        self.pairs = weights("span_pairs", len(vocabulary["pairs"]), self.columns)
        self.meaning = weights("span_meaning", vectors.width, (1 + len(OFFSETS)) * self.columns)
        self.moves = weights("span_moves", self.width, self.width)
        self.start, self.end = weights("span_start", self.width), weights("span_end", self.width)
        self.bias = weights("span_bias", self.width)

    def scores(self, inputs: Inputs) -> tuple[tf.Tensor, tf.Tensor, crf.Layout]:
        """Emissions with ends, transitions and the layout of the sequences."""
        nothing = tf.zeros([1, self.columns])
        means = tf.split(tf.matmul(inputs.meaning, self.meaning), 1 + len(OFFSETS), axis=1)
        own = times(inputs.spelling, inputs.type_count, self.spelling)
        emissions = tf.gather(own, inputs.types[:, 0]) + tf.gather(means[0], inputs.units[:, 0])
        seen = times(inputs.context, inputs.type_count, self.context)
        for place, part in enumerate(tf.split(seen, len(OFFSETS), axis=1), start=1):
            emissions += tf.gather(tf.concat([part, nothing], 0), inputs.types[:, place])
            emissions += tf.gather(means[place], inputs.units[:, place])
        emissions += times(inputs.pairs, tf.shape(inputs.types)[0], self.pairs)
        emissions = tf.matmul(emissions, _shared(self.labels)) + self.bias
        moves, start = crf.bio_scores(self.labels)
        where = crf.layout(inputs.lengths)
        return crf.with_ends(emissions, self.start + start, self.end, where), self.moves + moves, where

    def loss(self, inputs: Inputs, labels: dict[str, tf.Tensor]) -> tf.Tensor:
        """Negative log-likelihood of the tags, each sequence by its weight, and the penalty of the weights."""
        emissions, moves, where = self.scores(inputs)
        # A model of few examples is shy: they say much of what O looks like and little of anything else. So in
        # training O is made more likely wherever it is wrong, and has to be beaten by that much.
        entity = tf.cast(labels["tags"] > 0, tf.float32)[:, None]
        emissions += self.boldness * entity * tf.one_hot([0], self.width)
        partitions = crf.log_partitions(emissions, moves, where)
        likelihood = crf.path_scores(emissions, moves, labels["tags"], where) - partitions
        whole = tf.boolean_mask(labels["tag_weights"], where.first)  # a sequence's tokens all weigh the same
        loss = self.decay * self._penalty() - tf.reduce_sum(whole * likelihood)
        return loss + partial.loss(labels, emissions, moves, partitions) if "variant_rows" in labels else loss

    def find(self, inputs: Inputs) -> tuple[FoundSpans, tf.Tensor]:
        """The most probable spans, the sentinel's left out, and the probabilities of each token's tags, [N, K]."""
        emissions, moves, where = self.scores(inputs)
        messages = crf.marginals(emissions, moves, where)
        spans = crf.spans_of(crf.best_tags(emissions, moves, where), messages, where)
        document = tf.gather(inputs.document, spans.first)
        keep = document < inputs.documents - 1
        found = FoundSpans(*(tf.boolean_mask(column, keep) for column in (*spans, document)))
        return found, messages.posterior

    def _penalty(self) -> tf.Tensor:
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
