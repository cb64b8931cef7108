"""Metrics of an evaluation, added up over its batches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Measured:
    """A Keras metric and what it is shown of each batch. Only evaluation makes and updates it."""

    make: Callable[[], Any]
    given: tuple[Any, ...]
    named: Mapping[str, Any] = field(default_factory=dict)


def measure(make_metric: Callable[[], Any], *given: Any, **named: Any) -> Measured:
    """A value for `eval_metric_ops`: the Keras metric that `make_metric()` makes, updated with what is given.

    For example `measure(keras.metrics.AUC, labels, predicted, sample_weight=weights)`. The metric's state
    begins empty in each evaluation and is in no checkpoint.
    """
    return Measured(make_metric, given, named)


@dataclass(frozen=True)
class Ratio:
    """A sum and the weight that it has, of one batch: scalar tensors."""

    total: Any
    weight: Any


def ratio(total: Any, weight: Any) -> Ratio:
    """A value for `eval_metric_ops`: the sum of `total` over all batches, over the sum of `weight`. Both are scalars.

    For example `ratio(tf.reduce_sum(right), tf.size(right))`. They are added up in double precision; where nothing
    has weight the ratio is 0.
    """
    return Ratio(total, weight)


class Totals:
    """Sums and weights by name, on the host, in double precision."""

    def __init__(self) -> None:
        self._sums: dict[str, np.ndarray] = {}

    def add(self, pairs: Mapping[str, tuple[Any, Any]]) -> None:
        """Take in the pairs of one batch."""
        for name, pair in pairs.items():
            both = np.array([float(part.numpy()) for part in pair])
            self._sums[name] = self._sums.get(name, np.zeros(2)) + both

    def ratios(self) -> dict[str, float]:
        """Each sum over its weight; 0 where nothing had weight."""
        return {name: float(total / weight) if weight else 0.0 for name, (total, weight) in self._sums.items()}


def number_of(value: np.ndarray) -> Any:
    """A metric's value as Python has it, where it is one number."""
    return value.item() if np.ndim(value) == 0 else value
