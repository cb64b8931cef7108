"""Word vectors from the project's own text: what words stand next to, boiled down to a few numbers.

Positive pointwise mutual information with the words at each offset, and the leading directions of that table (Levy,
Goldberg and Dagan 2015, "Improving distributional similarity with lessons learned from word embeddings"), found by
random projection (Halko, Martinsson and Tropp 2011). To them are added a word's habits: how it is written, how often.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy import sparse

from trainer.ml.features import OFFSETS, Running

_DIMENSIONS = 64
_WORDS, _PAIRS, _CONTEXTS = 60_000, 30_000, 3_000  # the most frequent ones
_AROUND_PAIR = (-2, -1, 2, 3)  # seen from the first of the two
_LEAST = 2  # occurrences, for a word to be a context
_SMOOTHING = 0.75  # of the contexts' frequencies, so that rare ones do not look telling
_ROUNDS, _SPARE = 3, 16  # of the random projection: power iterations, and directions beyond those kept
LARGEST_COUNT = 11.0  # logarithm of the number of occurrences that counts as one


class Vectors(NamedTuple):
    """Vectors of words, and what gives a vector to a word that has none."""

    words: np.ndarray  # [n] hashes, sorted
    values: np.ndarray  # [n, width] float32: a unit vector, then the word's habits
    contexts: np.ndarray  # [c] hashes, sorted
    expected: np.ndarray  # [columns] share of all neighbours that stands in this column
    projection: np.ndarray  # [columns, dimensions] from a row of information to a vector, but for its length
    pairs: np.ndarray  # [p] hashes of pairs of characters, sorted; none where words are written apart
    pair_values: np.ndarray  # [p, dimensions] float32, unit vectors

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return int(self.values.shape[1])


def learn(text: Running, seed: int = 0) -> Vectors:
    """Vectors of the words of a text, and of its pairs of characters; of all of them, unless they are very many."""
    words, word = _most_frequent(text.word, _WORDS)
    pairs, pair = _most_frequent(text.pair, _PAIRS)
    frequent, counts = np.unique(text.word, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_CONTEXTS]
    contexts = np.sort(frequent[order[counts[order] >= _LEAST]])
    values, expected, projection = _learnt(text, word, contexts, OFFSETS, seed)
    values = np.concatenate([values, _habits(text, word, len(words))], 1)
    pair_values, *_ = _learnt(text, pair, contexts, _AROUND_PAIR, seed)
    return Vectors(words, values, contexts, expected, projection, pairs, pair_values)


def _most_frequent(of_token: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The most frequent values from 0 on, sorted, and the place of each token's value among them, or -1."""
    values, place, counts = np.unique(of_token, return_inverse=True, return_counts=True)
    chosen = np.argsort(-counts, kind="stable")[: most + 1]
    chosen = np.sort(chosen[values[chosen] >= 0][:most])
    rank = np.full(len(values), -1)
    rank[chosen] = np.arange(len(chosen))
    return values[chosen], rank[place]


def _learnt(
    text: Running, row: np.ndarray, contexts: np.ndarray, offsets: Sequence[int], seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors of the rows, the share expected of each column, and the projection from columns to vectors."""
    column = _columns(text, contexts, offsets)
    table, expected = _information(row, column, int(row.max(initial=-1)) + 1, len(offsets) * columns_of(len(contexts)))
    values, projection = _reduced(table, np.random.default_rng(seed))
    return values, expected, projection


def columns_of(contexts: Any) -> Any:
    """Columns of an offset: each context, all other words, and the edge of the line."""
    return contexts + 2


def _columns(text: Running, contexts: np.ndarray, offsets: Sequence[int]) -> np.ndarray:
    """[N, offsets]: the column in which each neighbour of a token is counted."""
    width = columns_of(len(contexts))
    place = np.minimum(np.searchsorted(contexts, text.word), max(len(contexts) - 1, 0))
    known = contexts[place] == text.word if len(contexts) else np.zeros(len(text.word), bool)
    context = np.where(known, place, len(contexts))
    index = np.arange(len(context))
    found = []
    for offset, by in enumerate(offsets):
        at = np.clip(index + by, 0, len(index) - 1)
        beside = (at == index + by) & (text.line[at] == text.line)
        found.append(np.where(beside, context[at], len(contexts) + 1) + offset * width)
    return np.stack(found, 1)


def _information(row: np.ndarray, column: np.ndarray, rows: int, width: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """How much more often than by chance each word stands beside each context, as logarithms above zero."""
    seen = row >= 0
    entries = (np.repeat(row[seen], column.shape[1]), column[seen].ravel())
    counts = sparse.csr_matrix((np.ones(len(entries[0]), np.float32), entries), (rows, width)).tocoo()
    share = np.asarray(counts.sum(0)).ravel() ** _SMOOTHING
    expected = (share / max(share.sum(), 1e-9)).astype(np.float32)
    total = np.asarray(counts.sum(1)).ravel()
    value = weighed(counts.data, total[counts.row], expected[counts.col])
    table = sparse.csr_matrix((value.astype(np.float32), (counts.row, counts.col)), (rows, width))
    table.eliminate_zeros()
    return table, expected


def weighed(count: np.ndarray, total: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Information of a pair that occurs `count` times. One occurrence shows much of it, of little worth."""
    return np.maximum(np.log(count / (total * expected)), 0.0) * np.sqrt(count / (count + 1.0))


def _reduced(table: sparse.csr_matrix, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The leading left singular vectors at unit length, and what projects a row of the table on them."""
    width = min(_DIMENSIONS, *table.shape)
    if not width:
        return np.zeros((table.shape[0], 1), np.float32), np.zeros((table.shape[1], 1), np.float32)
    spare = min(width + _SPARE, *table.shape)
    probe = table @ chance.normal(size=(table.shape[1], spare)).astype(np.float32)
    for _ in range(_ROUNDS):
        probe = table @ (table.T @ _basis(probe)[0])
    right, mixed = _basis(table.T @ _basis(probe)[0])
    # TensorFlow's threads wait for each other without burning the processor; those of NumPy's BLAS do not.
    strength, turn, _ = (found.numpy() for found in tf.linalg.svd(mixed))
    projection = (right @ turn[:, :width] / np.sqrt(np.maximum(strength[:width], 1e-6))).astype(np.float32)
    vectors = np.asarray(table @ projection)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), projection


def _basis(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal columns that span the same space, and how they add up to what was given."""
    found = tf.linalg.qr(columns)
    return found.q.numpy(), found.r.numpy()


def _habits(text: Running, row: np.ndarray, rows: int) -> np.ndarray:
    """Shares of a word's occurrences that are written in each way, and how often it occurs, on a scale up to one."""
    seen = row >= 0
    count = np.bincount(row[seen], minlength=rows)
    shares = [np.bincount(row[seen], ways[seen], minlength=rows) / (count + 1.0) for ways in text.writing.T]
    return np.stack([*shares, np.log(np.maximum(count, 1)) / LARGEST_COUNT], 1).astype(np.float32)
