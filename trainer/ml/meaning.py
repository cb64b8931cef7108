"""What the words of a batch mean: their vectors, and for words that have none a vector from their company.

A word that the vectors were learnt without gets one from its neighbours in its own document, as if the row of its
counts had been in the table that the vectors came from. What else is in the batch has no say in it.
"""

import numpy as np
import tensorflow as tf

from trainer.ml.features import OFFSETS, PRIME, Features
from trainer.ml.lookup import find, kept
from trainer.ml.vectors import LARGEST_COUNT, Vectors, columns_of

PAIRS = (-2, -1, 0, 1)  # where the pairs begin that have a say in a token
SURE = 255.0  # the byte that a certain opinion is kept as
_STEPS = 127.0  # a number between -1 and 1 is kept as a byte


class Meaning:
    """The vectors as variables, so that an export carries them."""

    def __init__(self, vectors: Vectors, opinions: np.ndarray) -> None:
        self.words = kept("words", np.append(vectors.words, PRIME))
        self.values = _constant("vectors", _bytes(vectors.values))
        self.pairs = kept("pairs", np.append(vectors.pairs, PRIME))
        self.pair_values = _constant("pair_vectors", _bytes(vectors.pair_values))
        self.contexts = kept("contexts", np.append(vectors.contexts, PRIME))
        self.expected = _constant("context_shares", vectors.expected)
        self.projection = _constant("projection", vectors.projection.astype(np.float16))
        # While training, opinions come with the inputs, and nothing reads these.
        self.opinions = _constant("opinions", opinions)
        self.paired = len(vectors.pairs) > 0

    def of(self, found: Features) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Vectors [units, width], opinions [units, …], and the unit of each token and its neighbours, [N, 1 + offsets].

        Units are the types, then one (of zeros) for no neighbour, then the unknown words of each document.
        """
        row, known = find(found.word, self.words)
        type_of = found.types[:, 0]
        unknown = tf.where(~tf.gather(known, type_of))[:, 0]
        document = tf.cast(tf.gather(found.tokens.document, unknown), tf.int64)
        word = tf.gather(found.word, tf.gather(type_of, unknown))
        keys, unit = tf.unique(document * (PRIME + 1) + word)
        folded = self._folded(found, unknown, unit, tf.size(keys))
        known_ones = tf.cast(tf.gather(self.values, row), tf.float32) / _STEPS
        nothing = tf.zeros([1, self.values.shape[1]])
        own = tf.tensor_scatter_nd_update(type_of, unknown[:, None], unit + found.type_count + 1)
        opinion = tf.cast(tf.gather(self.opinions, row), tf.float32) / SURE
        without = tf.zeros([1 + tf.size(keys), self.opinions.shape[1]])
        return tf.concat([known_ones, nothing, folded], 0), tf.concat([opinion, without], 0), _beside(own, found)

    def of_pairs(self, found: Features) -> tuple[tf.Tensor, tf.Tensor]:
        """Vectors [units, dimensions] of pairs of characters, and the units of those around each token, [N, 4].

        They begin two characters before the token, one before, with it, and one after. Unit 0 is for no pair.
        """
        if not self.paired:
            return tf.zeros([1, self.pair_values.shape[1]]), tf.zeros([tf.size(found.pair), len(PAIRS)], tf.int32)
        keys, unit = tf.unique(tf.concat([[-1], found.pair], 0))
        row, _ = find(tf.where(keys < 0, tf.constant(PRIME, tf.int64), keys), self.pairs)
        unit = unit[1:]
        glued = found.tokens.glued
        before = tf.where(glued, tf.roll(unit, 1, 0), 0)
        earlier = tf.where(glued, tf.roll(before, 1, 0), 0)
        after = tf.where(tf.roll(glued, -1, 0), tf.roll(unit, -1, 0), 0)
        rows = tf.cast(tf.gather(self.pair_values, row), tf.float32) / _STEPS
        return rows, tf.stack([earlier, before, unit, after], 1)

    def _folded(self, found: Features, tokens: tf.Tensor, unit: tf.Tensor, units: tf.Tensor) -> tf.Tensor:
        """Vectors of the units to which these tokens belong."""
        width = columns_of(tf.size(self.contexts) - 1)
        place, known = find(tf.concat([found.word, [PRIME]], 0), self.contexts)
        # `find` says the last place for what it does not find: that is the column of other words.
        column = tf.tensor_scatter_nd_update(
            tf.where(known, place, width - 2), found.type_count[None, None], [width - 1]
        )
        columns = tf.gather(column, tf.gather(found.types[:, 1:], tokens)) + tf.range(len(OFFSETS)) * width
        everything = tf.cast(len(OFFSETS) * width, tf.int64)
        key = tf.cast(unit, tf.int64)[:, None] * everything + tf.cast(columns, tf.int64)
        pairs, _, count = tf.unique_with_counts(tf.reshape(key, [-1]))
        of, at, count = pairs // everything, pairs % everything, tf.cast(count, tf.float32)
        times = tf.math.unsorted_segment_sum(tf.ones_like(unit, tf.float32), unit, units)
        total = len(OFFSETS) * tf.gather(times, of)
        information = tf.math.log(count / (total * tf.maximum(tf.gather(self.expected, at), 1e-9)))
        value = tf.maximum(information, 0.0) * tf.sqrt(count / (count + 1.0))
        rows = tf.cast(tf.gather(self.projection, at), tf.float32) * value[:, None]
        vectors = tf.math.l2_normalize(tf.math.unsorted_segment_sum(rows, of, units), axis=1)
        ways = tf.math.unsorted_segment_sum(tf.gather(found.writing, tokens), unit, units) / (times[:, None] + 1.0)
        often = tf.math.log(tf.maximum(times, 1.0))[:, None] / LARGEST_COUNT
        return tf.concat([vectors, ways, often], 1)


def _beside(own: tf.Tensor, found: Features) -> tf.Tensor:
    """The units of each token's neighbours, after its own."""
    columns = [own]
    for place, by in enumerate(OFFSETS, start=1):
        nobody = found.types[:, place] == found.type_count
        columns.append(tf.where(nobody, found.type_count, tf.roll(own, -by, 0)))
    return tf.stack(columns, 1)


def _bytes(vectors: np.ndarray) -> np.ndarray:
    """With a row of zeros at the end, for what has no vector."""
    return np.round(np.pad(vectors, ((0, 1), (0, 0))) * _STEPS).astype(np.int8)


def _constant(name: str, values: np.ndarray) -> tf.Variable:
    """A table that an export carries, in a graph that does not know how many rows it has."""
    return tf.Variable(values, trainable=False, name=name, shape=[None, *values.shape[1:]])
