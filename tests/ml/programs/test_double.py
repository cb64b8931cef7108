"""Fit y = 2·x with one dense layer, export it, load the export, and predict."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, RunConfig, from_saved_model, minimize


def model_fn(features: dict[str, tf.Tensor], labels: Any, mode: ModeKeys) -> EstimatorSpec:
    y = keras.layers.Dense(1)(features["x"])
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions={"y": y})
    loss = tf.reduce_mean(tf.square(y - labels))
    train_op = minimize(loss, lambda: keras.optimizers.Adam(0.1)) if mode == ModeKeys.TRAIN else None
    return EstimatorSpec(mode, loss=loss, train_op=train_op)


def doubled() -> tf.data.Dataset:
    x = np.linspace(-3, 3, 64, dtype=np.float32)[:, None]
    return tf.data.Dataset.from_tensor_slices(({"x": x}, 2 * x)).shuffle(64, seed=1).batch(16).repeat()


def one(x: float) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors({"x": np.array([[x]], np.float32)})


def serving_input() -> dict[str, tf.TensorSpec]:
    return {"x": tf.TensorSpec([None, 1], tf.float32)}


def test_it_doubles_and_so_does_its_export(tmp_path: Path) -> None:
    estimator = Estimator(model_fn, tmp_path / "model", config=RunConfig(seed=1))

    estimator.train(doubled, max_steps=200)
    export = estimator.export_saved_model(tmp_path / "export", serving_input)
    served = from_saved_model(export)

    for x in (-1.5, 0.0, 2.0, 50.0):
        (here,) = estimator.predict(lambda x=x: one(x))
        there = served(x=[[x]])["y"]
        assert here["y"] == pytest.approx([2 * x], rel=1e-2, abs=1e-2)
        assert there[0] == pytest.approx(here["y"])
