"""A model small enough to see through: y = 2·x by one dense layer."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainer.ml.estimator import EstimatorSpec, ModeKeys, minimize


def answered(mode: ModeKeys, y: tf.Tensor, labels: Any, rate: float = 0.1, **more: Any) -> EstimatorSpec:
    """What a model function answers that predicts y and is trained by its squared error."""
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions={"y": y}, **more)
    loss = tf.reduce_mean(tf.square(y - labels))
    train_op = minimize(loss, lambda: keras.optimizers.Adam(rate)) if mode == ModeKeys.TRAIN else None
    return EstimatorSpec(mode, loss=loss, train_op=train_op, **more)


def doubled(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
    """The model function."""
    return answered(mode, keras.layers.Dense(1)(features["x"]), labels)


def numbers() -> tf.data.Dataset:
    """Numbers and their doubles: batches of four, again and again."""
    x = np.arange(-2, 2, 0.25, np.float32)[:, None]
    return tf.data.Dataset.from_tensor_slices(({"x": x}, 2 * x)).batch(4).repeat()


def asked() -> tf.data.Dataset:
    """Two numbers to double."""
    return tf.data.Dataset.from_tensors({"x": np.array([[1.0], [5.0]], np.float32)})


def serving() -> dict[str, tf.TensorSpec]:
    """What an export is given."""
    return {"x": tf.TensorSpec([None, 1], tf.float32)}
