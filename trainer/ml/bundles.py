"""Features that always occur together, as one: the same fit with a fraction of its weights.

A rare word has a dozen spellings that nothing else has; whatever is learnt of one is learnt of all. Features with the
same occurrences have the same gradient, so from zero on they have the same weight. So many of them with a weight w are
to the model, and to the penalty of its weights, what one is with w and values times the root of their number. All steps
of L-BFGS stay what they were: lengths and angles are the same.

    bundles = bundled(numbered, vocabulary)               # of the texts that are learnt from, and of no others
    inputs = bundles.inputs(numbered)                     # in place of features; any texts of that numbering
    bundles.spread("spelling", weights)                   # the weights of the features themselves
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.ml.features import is_look
from trainer.ml.inputs import KINDS, Sparse, Vocabulary


@dataclass(frozen=True)
class Bundles:
    """Which bundle each feature is in, by kind, and a feature to stand for each."""

    of: Mapping[str, np.ndarray]  # [features] number of the bundle
    share: Mapping[str, np.ndarray]  # [bundles] float32, one over the root of the number of features
    vocabulary: Vocabulary  # [bundles] the hash of one of its features

    def inputs(self, numbered: Mapping[str, Any]) -> dict[str, Any]:
        """Numbered inputs, as arrays, with bundles for features."""
        return {**numbered, **{kind: self._summed(kind, numbered[kind]) for kind in KINDS}}

    def _summed(self, kind: str, given: Sparse) -> Sparse:
        bundle = self.of[kind][given.indices[:, 1]]
        width = len(self.share[kind])
        key, place = np.unique(given.indices[:, 0] * width + bundle, return_inverse=True)
        values = np.bincount(place, given.values * self.share[kind][bundle], minlength=len(key))
        return Sparse(np.stack([key // width, key % width], 1), values.astype(np.float32))

    def spread(self, kind: str, weights: np.ndarray) -> np.ndarray:
        """Weights [features, …] from those of bundles [bundles, …]."""
        share = self.share[kind].reshape(-1, *[1] * (weights.ndim - 1))
        return np.asarray((weights * share)[self.of[kind]])

    def first(self, kind: str, values: np.ndarray) -> np.ndarray:
        """Of values [features] that all features of a bundle share, those of the bundles."""
        found = np.zeros(len(self.share[kind]), values.dtype)
        found[self.of[kind]] = values
        return found


def bundled(numbered: Sequence[Mapping[str, Any]], vocabulary: Vocabulary) -> Bundles:
    """The bundles of all inputs that a model learns from. Features that tell how words look are never with others."""
    of, share, stand_for = {}, {}, {}
    for kind in KINDS:
        marks = _marks([inputs[kind] for inputs in numbered], len(vocabulary[kind]))
        marks = np.stack([*marks, is_look(vocabulary[kind]).astype(np.uint64)], 1)
        _, first, place, count = np.unique(marks, axis=0, return_index=True, return_inverse=True, return_counts=True)
        # In the order of their first features: then what stands for them is sorted, as a vocabulary is.
        order = np.argsort(first)
        of[kind] = np.argsort(order)[place.ravel()]
        share[kind] = (1.0 / np.sqrt(count[order])).astype(np.float32)
        stand_for[kind] = np.asarray(vocabulary[kind])[first[order]]
    return Bundles(of, share, stand_for)


def _marks(occurrences: Sequence[Sparse], features: int) -> np.ndarray:
    """[2, features] sums of random numbers of the rows where a feature occurs: equal where the rows are."""
    chance = np.random.default_rng(0)
    marks = np.zeros((2, features), np.uint64)
    for found in occurrences:
        rows, feature = found.indices.T
        numbers = chance.integers(2**64, size=(2, int(rows.max(initial=-1)) + 1), dtype=np.uint64)
        for mark, number in zip(marks, numbers, strict=True):
            np.add.at(mark, feature, number[rows])
    return marks
