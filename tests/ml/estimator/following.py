"""A model that tells which elements of its input it saw, and in which order."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tests.ml.estimator.doubling import numbers
from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys


def few(batches: int) -> Callable[[], tf.data.Dataset]:
    return lambda: numbers().take(batches)


def follower(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
    """The sum of all features seen, weighted by when they were: it tells which elements there were, and in which order.

    In prediction, the features themselves.
    """
    total = tf.Variable(0.0, name="total", dtype=tf.float64)
    value = tf.cast(tf.reduce_sum(features), tf.float64)
    if mode == ModeKeys.TRAIN:
        return EstimatorSpec(mode, loss=total * 0, train_op=total.assign(total * 1.25 + value))
    return EstimatorSpec(mode, loss=total + 0 * value, predictions=features + 0)


def total(estimator: Estimator) -> float:
    return float(estimator.get_variable_value("total"))
