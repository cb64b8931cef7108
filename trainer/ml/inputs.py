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
from trainer.ml.tokens import places
from trainer.ml.vectors import Vectors

_LONG = 20_000  # tokens
MANY_LABELS = 20  # from here on weights are saved, which are as many as features times labels
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


def vocabulary_of(*found: Features, labels: int = 0) -> Vocabulary:
    """The features that occur, and one value that none has, so that it is never empty.

    Of combinations those are left out that occur once in a long text: they are many, and say next to nothing. Where
    (span) `labels` are many, that is so in any text, and of what neighbours see of a word, too.
    """
    long = sum(features.tokens.start.shape[0] for features in found) > _LONG
    rare_go = {"pairs", "bigrams"} if long else set()
    rare_go |= {"pairs", "context"} if labels > MANY_LABELS else set()
    vocabulary = {}
    for kind in KINDS:
        hashes = np.concatenate([getattr(features, kind).feature.numpy() for features in found])
        known, place = np.unique(hashes, return_inverse=True)
        if kind in rare_go:
            known = known[np.bincount(place, np.concatenate([_times_seen(kind, features) for features in found])) > 1]
        vocabulary[kind] = np.append(known, PRIME)
    return vocabulary


def _times_seen(kind: str, found: Features) -> np.ndarray:
    """In how many tokens each pair of a kind occurs: those of types in every token of theirs."""
    row = getattr(found, kind).row.numpy()
    return np.bincount(found.types[:, 0].numpy())[row] if kind == "context" else np.ones(len(row))


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
        hits = places(hit)
        indices = tf.stack([tf.gather(pairs.row, hits), tf.gather(at, hits)], 1)
        return tf.cast(indices, tf.int64)


def weights(name: str, *shape: int) -> tf.Variable:
    """Trainable zeros."""
    return tf.Variable(np.zeros(shape, np.float32), name=name)


def times(indices: tf.Tensor, rows: tf.Tensor, dense: tf.Tensor) -> tf.Tensor:
    """Product of a sparse 0/1 matrix and a dense one."""
    shape = tf.stack([tf.cast(rows, tf.int64), tf.cast(tf.shape(dense)[0], tf.int64)])
    ones = tf.ones([tf.shape(indices)[0]])
    return tf.raw_ops.SparseTensorDenseMatMul(a_indices=indices, a_values=ones, a_shape=shape, b=dense)


def shared(labels: int, *, apart: bool = True) -> tf.Tensor:
    """How columns of weights add up to classes: none (or outside), and each label in one of two forms.

    [columns, 2 * labels + 1]. If `apart`, a class's own column, its label's, and one for being anything at all: what
    is learnt of one class then counts a little for its relatives, which matters when examples are few. Otherwise none,
    each label, and each form of whatever label: a third of the columns, where many labels make too many weights.
    """
    width = 2 * labels + 1
    label = np.repeat(np.eye(labels, dtype=np.float32), 2, axis=1)
    if apart:
        shares = np.zeros((width + labels + 1, width), np.float32)
        shares[:width] = np.eye(width)
        shares[width:-1, 1:] = label
        shares[-1, 1:] = 1.0
    else:
        shares = np.zeros((labels + 3, width), np.float32)
        shares[0, 0] = 1.0
        shares[1:-2, 1:] = label
        shares[-2, 1::2] = shares[-1, 2::2] = 1.0
    return tf.constant(shares)
