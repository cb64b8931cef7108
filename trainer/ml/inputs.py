"""Features by number: the vocabulary that training keeps, and what a model is given of a batch of texts.

In training the features of all examples are extracted and numbered once; in prediction the graph extracts them from
strings and numbers them itself, by the same functions. Both give `Inputs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml.crf import FORBIDDEN
from trainer.ml.features import PRIME, Features, Pairs, is_opening
from trainer.ml.lookup import find, kept
from trainer.ml.meaning import Meaning
from trainer.ml.states import Pieces, pooled
from trainer.ml.tokens import places
from trainer.ml.vectors import Vectors

_LONG = 20_000  # tokens
OPENING = 2.0  # value of what a document opens with, beside that of a pair of words
MANY_LABELS = 20  # from here on weights are saved, which are as many as features times labels
KINDS = ("spelling", "context", "pairs", "bigrams")

_BY_FIT = {"opinion": 1, "learns": 1}  # in which the fits come first: the axis that is as long as the texts are
_ALWAYS_AS_LONG = ("variant_counts", "ratio_band")

Vocabulary = Mapping[str, np.ndarray]  # kind → hashes of the features that training has seen, sorted


class Sparse(NamedTuple):
    """A sparse matrix."""

    indices: Any  # [n, 2]
    values: Any  # [n]

    def squared(self) -> "Sparse":
        """With the squares of its values."""
        return self._replace(values=tf.square(self.values))


class Inputs(NamedTuple):
    """Numbered features of a batch. The last document is a sentinel."""

    documents: Any  # how many, the sentinel included
    document: Any  # [N] of each token
    start: Any  # [N] code point where it starts in its document
    end: Any  # [N] exclusive
    lengths: Any  # [S] tokens of each sequence
    continues: Any  # [S] it was cut from the one before for its length alone
    type_count: Any
    types: Any  # [N, 1 + len(OFFSETS)] type of each token and its neighbours; type_count where none
    meaning: Any  # [units, width] vectors of the types and, after one for no word, of unknown words by document
    opinion: Any  # [fits, units, 1 + span labels] second opinions of them; zeros where there is none
    units: Any  # [N, 1 + len(OFFSETS)] row of `meaning` and `opinion` of each token and its neighbours
    pieces: Any  # [type_count, PIECES] hashes of the types and of their ends
    pair_meaning: Any  # [pair units, dimensions] vectors of pairs of characters
    pair_units: Any  # [N, len(PAIRS)] row of `pair_meaning` of the pairs around each token
    spelling: Sparse  # type → feature
    context: Sparse  # type → feature
    pairs: Sparse  # token → feature
    words: Sparse  # document → type
    bigrams: Sparse  # document → feature
    states: Any = None  # [N, dimensions] what an encoder says of each token; None where there is none, or none is heard


def vocabulary_of(*found: Features, labels: int = 0, openings: bool = False) -> Vocabulary:
    """The features that occur, and one value that none has, so that it is never empty; `openings` only if wanted.

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
        if kind == "bigrams" and not openings:
            known = known[~is_opening(known)]
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

    def number(self, found: Features, pieces: Pieces | None = None) -> Inputs:
        """The features of a batch as a model takes them, with the states of its tokens where an encoder's are given."""
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
            opinion=opinion[None],
            units=units,
            pair_meaning=pair_meaning,
            pair_units=pair_units,
            pieces=found.pieces,
            words=_ones(tf.stack([tf.cast(found.words.row, tf.int64), found.words.feature], 1)),
            states=None if pieces is None else pooled(tokens, pieces),
            **{kind: self.look_up(kind, getattr(found, kind)) for kind in KINDS},
        )

    def look_up(self, kind: str, pairs: Pairs) -> Sparse:
        """Pairs of known features. What a document opens with counts more than a pair of words elsewhere."""
        at, hit = find(pairs.feature, self.known[kind])
        hits = places(hit)
        indices = tf.cast(tf.stack([tf.gather(pairs.row, hits), tf.gather(at, hits)], 1), tf.int64)
        if kind != "bigrams":
            return _ones(indices)
        opens = tf.cast(tf.gather(pairs.feature, hits) % 2, tf.float32)
        return Sparse(indices, 1.0 + (OPENING - 1.0) * opens)


def arrays_of(inputs: Inputs) -> dict[str, Any]:
    """As arrays by name, without what there is none of."""
    given = {name: tensors for name, tensors in inputs._asdict().items() if tensors is not None}
    found: dict[str, Any] = tf.nest.map_structure(lambda tensor: tensor.numpy(), given)
    return found


def of_any_length(specs: Any) -> Any:
    """From the specs of what a model takes, labels and all, those of the same for any other texts."""
    if isinstance(specs, Mapping):
        return {name: _of_any_length(name, of) for name, of in specs.items()}
    return tuple(of_any_length(part) for part in specs)


def _of_any_length(name: str, spec: Any) -> Any:
    if isinstance(spec, Mapping):
        return of_any_length(spec)
    if isinstance(spec, Sparse):
        return Sparse(*(_of_any_length(name, part) for part in spec))
    shape = spec.shape.as_list()
    if shape and name not in _ALWAYS_AS_LONG:
        shape[_BY_FIT.get(name, 0)] = None
    return tf.TensorSpec(shape, spec.dtype)


def _ones(indices: tf.Tensor) -> Sparse:
    return Sparse(indices, tf.ones([tf.shape(indices)[0]]))


@dataclass(frozen=True)
class Fits:
    """Models of one form that are fitted side by side, to the same texts; of which one answers.

    Tables of weights and scores have them along their first axis.
    """

    count: int = 1
    answering: Any = None  # the number of the one that answers; None where all of them learn

    def weights(self, name: str, *shape: int) -> tf.Tensor:
        """A table of trainable zeros for each, or the one of the fit that answers: [fits, *shape].

        The graph does not know how many rows a matrix has: of most they are features, of which the next training has
        others.
        """
        several = () if self.count == 1 else (self.count,)
        known = (None, *shape[1:]) if len(shape) == 2 else shape
        # As tensors: a slice of a variable would hold on to it.
        variable = tf.Variable(np.zeros(several + shape, np.float32), name=name, shape=several + known)
        if not several:
            return tf.expand_dims(variable, 0)
        tables = tf.convert_to_tensor(variable)
        return tables if self.answering is None else tf.expand_dims(tf.gather(tables, self.answering), 0)


def barred(kind: str, classes: Sequence[bool]) -> tf.Variable:
    """What the scores of classes are lowered by: those of which nothing is learnt are never said."""
    return tf.Variable(np.where(classes, FORBIDDEN, 0.0).astype(np.float32), trainable=False, name=f"{kind}_barred")


def half_squares(*tables: tf.Tensor) -> tf.Tensor:
    """Half the sum of the squares of each fit's weights, [fits]."""
    # A square, not a power: the gradient of a power asks for logarithms, in passes over all weights.
    return tf.add_n([0.5 * tf.reduce_sum(tf.square(table), axis=list(range(1, len(table.shape)))) for table in tables])


def times(sparse: Sparse, rows: tf.Tensor, dense: tf.Tensor) -> tf.Tensor:
    """Products [fits, rows, columns] of a sparse matrix and a dense one for each fit, [fits, …, columns]."""
    fits, columns = dense.shape[0], dense.shape[2]
    shape = tf.stack([tf.cast(rows, tf.int64), tf.cast(tf.shape(dense)[1], tf.int64)])
    indices, values = sparse.indices, sparse.values
    if fits > 1:  # one product of a matrix that holds the sparse one for each, corner to corner
        corner = tf.range(fits, dtype=tf.int64)[:, None, None] * shape
        indices, values = tf.reshape(indices + corner, [-1, 2]), tf.tile(values, [fits])
    found = tf.raw_ops.SparseTensorDenseMatMul(
        a_indices=indices, a_values=values, a_shape=fits * shape, b=tf.reshape(dense, [-1, columns])
    )
    return tf.reshape(found, [fits, -1, columns])


def around(columns: tf.Tensor, which: tf.Tensor) -> tf.Tensor:
    """Sums [fits, N, width] of a row for each place, `which` [N, places], of what that place sees in it.

    In `columns` [fits, rows, places * width] what the places see lies side by side.
    """
    fits, _, together = columns.shape
    places, count = which.shape[1], tf.shape(which)[0]
    rows = tf.cast(which, tf.int64) * places + np.arange(places)
    indices = tf.stack([tf.repeat(tf.range(count, dtype=tf.int64), places), tf.reshape(rows, [-1])], 1)
    return times(_ones(indices), count, tf.reshape(columns, [fits, -1, together // places]))


def shared(labels: int, *, apart: bool = True) -> np.ndarray:
    """How columns of weights add up to classes: none (or outside), and each label in one of two forms.

    [columns, 2 * labels + 1]. If `apart`, a class's score is its own, its label's, and that of being anything at all:
    what is learnt of one class then counts a little for its relatives, which matters when examples are few. Otherwise
    none, each label, and each form of whatever label: a third of the columns, where many labels make too many weights.
    """
    width = 2 * labels + 1
    label = np.repeat(np.eye(labels), 2, axis=1)
    if apart:
        entity = np.minimum(np.arange(width), 1)
        alike = np.eye(width) + np.outer(entity, entity)
        alike[1:, 1:] += label.T @ label
        # A column for each of these would do, and would be many. The root of how they go together says the same, with
        # the same penalty of the same scores, in as many columns as there are classes.
        strength, turn = np.linalg.eigh(alike)
        return ((turn * np.sqrt(strength)) @ turn.T).astype(np.float32)
    shares = np.zeros((labels + 3, width), np.float32)
    shares[0, 0] = 1.0
    shares[1:-2, 1:] = label
    shares[-2, 1::2] = shares[-1, 2::2] = 1.0
    return shares
