"""Features by number: the vocabulary that training keeps, and what a model is given of a batch of texts.

In training the features of all examples are extracted and numbered once; in prediction the graph extracts them from
strings and numbers them itself, by the same functions. Both give `Inputs`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml.features import PRIME, Features, Pairs
from trainer.ml.lookup import find, kept
from trainer.ml.meaning import Meaning
from trainer.ml.vectors import Vectors

_LONG = 20_000  # tokens
KINDS = ("spelling", "context", "pairs", "bigrams")

Vocabulary = Mapping[str, np.ndarray]  # kind → hashes of the features that training has seen, sorted


class Inputs(NamedTuple):
    """Numbered features of a batch; the sparse matrices as [n, 2] indices. The last document is a sentinel."""

    documents: Any  # how many, the sentinel included
    document: Any  # [N] of each token
    start: Any  # [N] code point where it starts in its document
    end: Any  # [N] exclusive
    lengths: Any  # [S] tokens of each sequence
    continues: Any  # [S] it was cut from the one before for its length alone
    type_count: Any
    types: Any  # [N, 1 + len(OFFSETS)] type of each token and its neighbours; type_count where none
    meaning: Any  # [units, width] vectors of the types and, after one for no word, of unknown words by document
    opinion: Any  # [units, 1 + span labels] second opinions of them; zeros where there is none
    units: Any  # [N, 1 + len(OFFSETS)] row of `meaning` and `opinion` of each token and its neighbours
    pieces: Any  # [type_count, PIECES] hashes of the types and of their ends
    pair_meaning: Any  # [pair units, dimensions] vectors of pairs of characters
    pair_units: Any  # [N, len(PAIRS)] row of `pair_meaning` of the pairs around each token
    spelling: Any  # type → feature
    context: Any  # type → feature
    pairs: Any  # token → feature
    words: Any  # document → type
    bigrams: Any  # document → feature


def vocabulary_of(*found: Features) -> Vocabulary:
    """The features that occur, and one value that none has, so that it is never empty.

    Of combinations those are left out that occur once in a long text: they are many, and say next to nothing.
    """
    long = sum(features.tokens.start.shape[0] for features in found) > _LONG
    vocabulary = {}
    for kind in KINDS:
        hashes = np.concatenate([getattr(features, kind).feature.numpy() for features in found])
        known, counts = np.unique(hashes, return_counts=True)
        vocabulary[kind] = np.append(known[counts > 1] if long and kind in ("pairs", "bigrams") else known, PRIME)
    return vocabulary


class Numbering:
    """The vocabulary as variables, so that an export carries it beside the weights."""

    def __init__(self, vocabulary: Vocabulary, vectors: Vectors, opinions: np.ndarray) -> None:
        self.known = {kind: kept(f"{kind}_vocabulary", values) for kind, values in vocabulary.items()}
        self.meaning = Meaning(vectors, opinions)

    def number(self, found: Features) -> Inputs:
        """The features of a batch as a model takes them."""
        tokens = found.tokens
        meaning, opinion, units = self.meaning.of(found)
        pair_meaning, pair_units = self.meaning.of_pairs(found)
        return Inputs(
            documents=tf.reduce_max(tokens.document) + 1,
            document=tokens.document,
            start=tokens.start,
            end=tokens.end,
            lengths=tokens.lengths,
            continues=tokens.continues,
            type_count=found.type_count,
            types=found.types,
            meaning=meaning,
            opinion=opinion,
            units=units,
            pair_meaning=pair_meaning,
            pair_units=pair_units,
            pieces=found.pieces,
            words=tf.stack([tf.cast(found.words.row, tf.int64), found.words.feature], 1),
            **{kind: self.look_up(kind, getattr(found, kind)) for kind in KINDS},
        )

    def look_up(self, kind: str, pairs: Pairs) -> tf.Tensor:
        """Pairs of known features as [n, 2] indices."""
        at, hit = find(pairs.feature, self.known[kind])
        indices = tf.stack([tf.boolean_mask(pairs.row, hit), tf.boolean_mask(at, hit)], 1)
        return tf.cast(indices, tf.int64)


def weights(name: str, *shape: int) -> tf.Variable:
    """Trainable zeros."""
    return tf.Variable(np.zeros(shape, np.float32), name=name)


def times(indices: tf.Tensor, rows: tf.Tensor, dense: tf.Tensor) -> tf.Tensor:
    """Product of a sparse 0/1 matrix and a dense one."""
    shape = tf.stack([tf.cast(rows, tf.int64), tf.cast(tf.shape(dense)[0], tf.int64)])
    ones = tf.ones([tf.shape(indices)[0]])
    return tf.raw_ops.SparseTensorDenseMatMul(a_indices=indices, a_values=ones, a_shape=shape, b=dense)


def shared(labels: int) -> tf.Tensor:
    """How columns of weights add up to classes: none (or outside), and each label in one of two forms.

    [3 * labels + 2, 2 * labels + 1]: a class's own column, its label's, and one for being anything at
    all. What is learnt of one class then counts a little for its relatives, which matters when examples are few.
    """
    width = 2 * labels + 1
    shares = np.zeros((width + labels + 1, width), np.float32)
    shares[:width] = np.eye(width)
    for label in range(labels):
        shares[width + label, [2 * label + 1, 2 * label + 2]] = 1.0
    shares[-1, 1:] = 1.0
    return tf.constant(shares)
