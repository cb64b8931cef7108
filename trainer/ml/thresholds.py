"""From which score on answers are worth showing: where a wished precision is shown with confidence, out of fold.

    threshold_of(score, right, document)       # Threshold(threshold=0.63, evidence=412)
    threshold_of(few, right, document)         # Threshold(None, 9, "not enough evidence yet")

Answers of one document are right or wrong together more often than chance has it: twenty mentions of one name in one
letter say less than twenty in twenty. So they are counted for as many as they are worth (`design_effects`).
"""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import special

PRECISION = 0.8
CONFIDENCE = 0.9  # of the lower bound that a threshold clears: twelve of twelve right, each in another document
MODEST = 0.85  # the score itself that is asked for where there is not enough evidence
TOO_LITTLE = "not enough evidence yet"

_FEWER = 0.1  # answers, from one score that is tried to the next
_BELOW = 1e-6  # a threshold lies so far below the score it is taken from


class Threshold(NamedTuple):
    """The lowest score to suggest at, or the reason why there is none; `evidence` counts the events it rests on."""

    threshold: float | None
    evidence: int
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return self._asdict()


def threshold_of(
    score: np.ndarray, right: np.ndarray, document: np.ndarray, *, precision: float = PRECISION
) -> Threshold:
    """The lowest score from which on answers show the wished precision. Equal scores stand or fall together.

    Not every score is tried: from all answers on, each time a tenth fewer. Among scores that are tried one by one there
    is easily one that passes by chance, or, if the first that fails were to end it, one that fails by chance. The
    bound is not made stricter for the number of those tried, since most of them go together: `bench.drawn` measures
    how often what is promised is missed all the same, which is less often than `CONFIDENCE` allows.
    """
    if not len(score):
        return Threshold(None, 0, TOO_LITTLE)
    order = np.argsort(-score, kind="stable")
    ranked, right = score[order], np.asarray(right)[order]
    effect = design_effects(right, document[order])
    bound = lower_bound(np.cumsum(right) / effect, np.arange(1, len(ranked) + 1) / effect)
    last_of_equals = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))
    tried = last_of_equals[np.searchsorted(last_of_equals, _sizes(len(ranked)) - 1)]
    passing = tried[bound[tried] >= precision]
    if not len(passing):
        return Threshold(None, len(score), TOO_LITTLE)
    return Threshold(max(0.0, float(ranked[passing.max()]) - _BELOW), len(score))


def _sizes(count: int) -> np.ndarray:
    """All (one at least), and each time a tenth fewer, down to one."""
    steps = np.arange(1 + math.log(count) / -math.log(1.0 - _FEWER))
    return np.unique((count * (1.0 - _FEWER) ** steps).astype(int).clip(1))


def lower_bound(right: np.ndarray, count: np.ndarray, confidence: float = CONFIDENCE) -> np.ndarray:
    """One-sided lower bound of a share of which `right` out of `count` were seen (Clopper and Pearson 1934).

    Counts need not be whole.
    """
    right, count = np.asarray(right, float), np.asarray(count, float)
    found = special.betaincinv(np.where(right > 0, right, 1.0), count - right + 1, 1.0 - confidence)
    return np.where(right > 0, found, 0.0)


def design_effects(right: np.ndarray, document: np.ndarray) -> np.ndarray:
    """For the first event, the first two and so on: how many of them are worth one (at least 1).

    The variance of the share of right ones as the documents show it, over the one of as many independent events; counts
    divided by it are treated as independent (Rao and Scott 1992, "A simple method for the analysis of clustered binary
    data"). Events of one document alone are worth one.
    """
    count, hits = np.arange(1, len(right) + 1), np.cumsum(right)
    before, hits_before = _within(document, np.ones_like(hits)), _within(document, np.asarray(right, int))
    documents = np.cumsum(before == 0)
    # Sums over documents of their hits squared, hits times events, and events squared.
    squares = np.cumsum(right * (2 * hits_before + right))
    products = np.cumsum((hits_before + right) * (before + 1) - hits_before * before)
    sizes = np.cumsum(2 * before + 1)
    share = (hits + 1) / (count + 2)
    between = squares - 2 * share * products + share**2 * sizes
    alone = hits * (1 - share) ** 2 + (count - hits) * share**2
    several = documents > 1
    factor = np.divide(documents, documents - 1, out=np.zeros(len(count)), where=several)
    return np.where(several, np.maximum(1.0, factor * between / alone), count)


def _within(document: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each event the sum of the values of earlier events of its document."""
    order = np.argsort(document, kind="stable")
    sums = np.cumsum(values[order]) - values[order]
    first = np.append(True, np.diff(document[order]) != 0)[: len(order)]
    starts = np.flatnonzero(first)
    base = np.repeat(sums[starts], np.diff(np.append(starts, len(order))))
    found = np.empty_like(sums)
    found[order] = sums - base
    return found
