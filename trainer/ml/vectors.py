"""Word vectors from the project's own text: what words stand next to, boiled down to a few numbers."""

from typing import NamedTuple

import numpy as np

_DIMENSIONS = 64
_WORDS, _CONTEXTS = 20_000, 600  # the most frequent ones
_LEAST = 2  # occurrences, for a word to have a vector


class Vectors(NamedTuple):
    """Unit vectors of words; `words` are their hashes, sorted."""

    words: np.ndarray  # [n]
    values: np.ndarray  # [n, dimensions]

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return int(self.values.shape[1])


def learn(word_of_type: np.ndarray, types: np.ndarray, seed: int = 0) -> Vectors:
    """Vectors of the words of a text: positive pointwise mutual information with neighbours, then an SVD.

    `types` is [N, 1 + offsets], each token's type and its neighbours'; the last row of `word_of_type` stands for
    no neighbour.
    """
    words, word_of = np.unique(word_of_type, return_inverse=True)
    tokens = word_of[types]
    counts = np.bincount(tokens[:, 0], minlength=len(words))
    frequent = np.argsort(-counts, kind="stable")
    kept = np.sort(frequent[:_WORDS][counts[frequent[:_WORDS]] >= _LEAST])
    contexts = frequent[:_CONTEXTS]
    table = _information(tokens, _rank(kept, len(words)), _rank(contexts, len(words)), len(kept), len(contexts))
    return Vectors(words[kept], _reduced(table, np.random.default_rng(seed)))


def _rank(chosen: np.ndarray, size: int) -> np.ndarray:
    """Place of each among the chosen, -1 for the others."""
    rank = np.full(size, -1)
    rank[chosen] = np.arange(len(chosen))
    return rank


def _information(tokens: np.ndarray, row_of: np.ndarray, column_of: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Rows are words, columns the frequent words at each offset (and one for all others)."""
    offsets = tokens.shape[1] - 1
    width = offsets * (columns + 1)
    row = np.repeat(row_of[tokens[:, :1]], offsets, axis=1)
    column = column_of[tokens[:, 1:]]
    column = np.where(column < 0, columns, column) + np.arange(offsets) * (columns + 1)
    seen = row >= 0
    counts = np.bincount(row[seen] * width + column[seen], minlength=rows * width).reshape(rows, width)
    counts = counts.astype(np.float32)
    share = counts.sum(0) ** 0.75
    expected = counts.sum(1, keepdims=True) * (share / max(share.sum(), 1.0))
    information = np.log(np.maximum(counts, 1e-9) / np.maximum(expected, 1e-9))
    # One occurrence shows much information of little worth.
    return np.maximum(information, 0.0) * np.sqrt(counts / (counts + 1.0))


def _reduced(table: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """The leading left singular vectors by random projection, at unit length."""
    width = min(_DIMENSIONS, *table.shape) if table.size else 0
    if not width:
        return np.zeros((len(table), 1), np.float32)
    probe = table @ chance.normal(size=(table.shape[1], min(width + 16, table.shape[1]))).astype(np.float32)
    for _ in range(3):
        probe = table @ (table.T @ np.linalg.qr(probe)[0])
    basis = np.linalg.qr(probe)[0]
    left, strength, _ = np.linalg.svd(basis.T @ table, full_matrices=False)
    vectors = (basis @ left[:, :width]) * np.sqrt(strength[:width])
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)).astype(np.float32)
