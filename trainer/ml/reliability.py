"""Whether scores mean what they say: answers by their score, and by how much scores and outcomes differ."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_BINS, _BIN_EVENTS = 10, 20
_LEAST_BINS = 3  # of which an error is told: one bin compares two means, which says nothing of single scores
_SHARE, _SAMPLES = 0.95, 500  # of the interval, and resamples it is taken from


@dataclass(frozen=True)
class Bin:
    """Answers of similar scores: how sure they were on average, and how often right."""

    low: float
    high: float
    count: int
    score: float
    right: float


@dataclass(frozen=True)
class Report:
    """Expected calibration error before and after, the latter on events that the fit had not seen, with its interval.

    None where there are too few events to tell it.
    """

    ece: float | None
    ece_before: float | None
    events: int
    bins: tuple[Bin, ...] = ()
    ece_interval: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {**asdict(self), "bins": [asdict(one) for one in self.bins]}


def report_of(before: np.ndarray, after: np.ndarray, right: np.ndarray, document: np.ndarray) -> Report:
    """Of scores before and after calibration."""
    if not len(right):
        return Report(None, None, 0)
    bins = reliability(after, right)
    if len(bins) < _LEAST_BINS:
        return Report(None, None, len(right), bins)
    interval = error_interval(after, right, document)
    return Report(expected_error(bins), expected_error(reliability(before, right)), len(right), bins, interval)


def reliability(score: np.ndarray, right: np.ndarray) -> tuple[Bin, ...]:
    """Bins of about equally many answers, lowest scores first; equal scores share a bin."""
    at = _binned(score)
    groups = [np.flatnonzero(at == number) for number in np.unique(at)]
    return tuple(
        Bin(
            float(score[rows].min()),
            float(score[rows].max()),
            len(rows),
            float(score[rows].mean()),
            float(right[rows].mean()),
        )
        for rows in groups
    )


def expected_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: by how much scores and outcomes differ in a bin, on average over answers."""
    return sum(b.count * abs(b.score - b.right) for b in bins) / sum(b.count for b in bins)


def error_interval(score: np.ndarray, right: np.ndarray, document: np.ndarray) -> tuple[float, float]:
    """An interval of the expected calibration error, by the bootstrap over documents (Efron 1979).

    A sample's error is higher than the true one, as chance drives bins apart. By how much at most is what chance does
    to all bins together, as seen between the sample and its resamples: so far below lies the lower edge. It is 0 where
    scores may well be right (after Bröcker and Smith 2007, "Increasing the reliability of reliability diagrams").
    The upper edge is that of the resamples.
    """
    _, at = np.unique(document, return_inverse=True)
    bins = _binned(score)
    off = np.zeros((at.max() + 1, bins.max() + 1))  # [documents, bins]: sums of score less outcome
    np.add.at(off, (at, bins), score - right)
    size = np.bincount(at)
    draws = np.random.default_rng(0).multinomial(len(size), np.full(len(size), 1 / len(size)), size=_SAMPLES)
    sums, counts = draws @ off, np.maximum(draws @ size, 1)
    error, found = np.abs(off.sum(0)).sum() / len(score), np.abs(sums).sum(1) / counts
    chance = np.abs(sums - off.sum(0)).sum(1) / counts
    edge = (1 + _SHARE) / 2
    return max(0.0, float(error - np.quantile(chance, edge))), float(np.quantile(found, edge))


def _binned(score: np.ndarray) -> np.ndarray:
    count = min(_BINS, max(1, len(score) // _BIN_EVENTS))
    edges = np.unique(np.quantile(score, np.linspace(0, 1, count + 1)[1:-1]))
    return np.searchsorted(edges, score, side="right")
