"""What programs for tf.estimator do to an Estimator, and what it does with TensorFlow's own optimizers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.ml.estimator.doubling import answered, asked, doubled, numbers
from trainer.ml.estimator import Estimator, EstimatorSpec, Hook, ModeKeys, RunConfig, Step


def test_variables_are_told_by_name(tmp_path: Path) -> None:
    estimator = Estimator(doubled, tmp_path)
    with pytest.raises(FileNotFoundError, match="train first"):
        estimator.get_variable_names()
    with pytest.raises(FileNotFoundError, match="train first"):
        estimator.get_variable_value("dense/kernel")

    estimator.train(numbers, max_steps=2)

    assert {"dense/kernel", "dense/bias", "global_step"} <= set(estimator.get_variable_names())
    assert estimator.get_variable_value("global_step") == 2
    (bias,) = estimator.get_variable_value("dense/bias")
    x = np.array([[1.0], [5.0]], np.float32)
    np.testing.assert_allclose(
        [answer["y"] for answer in estimator.predict(asked)],
        x * estimator.get_variable_value("dense/kernel") + bias,
        rtol=1e-6,
    )
    assert all(estimator.get_variable_value(name) is not None for name in estimator.get_variable_names())
    with pytest.raises(
        ValueError, match=r"has no variable 'kernel'; there are: .*dense/bias, dense/kernel, global_step"
    ):
        estimator.get_variable_value("kernel")


def test_a_training_by_somebody_else_is_noticed(tmp_path: Path) -> None:
    def answers(estimator: Estimator) -> list[float]:
        return [float(answer["y"][0]) for answer in estimator.predict(asked)]

    def anew(seed: int) -> Estimator:
        for file in tmp_path.glob("ckpt-*"):
            file.unlink()
        return Estimator(doubled, tmp_path, RunConfig(seed=seed)).train(numbers, max_steps=3)

    first = anew(1)
    before = answers(first)
    other = anew(2)

    assert answers(first) == answers(other) != before
    assert first.evaluate(numbers, steps=2) == other.evaluate(numbers, steps=2)
    third = anew(3)
    first.train(numbers, max_steps=4)
    third.train(numbers, max_steps=4)
    assert answers(first) == answers(third)


def lengths(many: int) -> Callable[[], tf.data.Dataset]:
    def one(length: int) -> Callable[[], tf.data.Dataset]:
        return lambda: tf.data.Dataset.from_tensors({"x": np.ones([length, 1], np.float32)})

    return one(many)


def test_inputs_of_many_lengths_share_a_program(tmp_path: Path) -> None:
    traced = []

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        traced.append((mode, features["x"].shape.as_list()))
        return doubled(features, labels, mode)

    estimator = Estimator(model_fn, tmp_path).train(numbers, max_steps=1)
    traced.clear()
    found = {float(one["y"][0]) for length in range(1, 61) for one in estimator.predict(lengths(length))}

    assert traced == [("infer", [1, 1]), ("infer", [None, 1])]
    assert len(found) == 1
    assert len(estimator._programs._traced) <= 8


def test_a_model_may_need_to_know_the_length(tmp_path: Path) -> None:
    traced = []

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        x = features["x"]
        traced.append(x.shape.as_list())
        rows = [x[at] for at in range(x.shape[0])] if mode == ModeKeys.PREDICT else [x]
        spec = doubled({"x": tf.reshape(tf.stack(rows), [-1, 1])}, labels, mode)
        return spec

    estimator = Estimator(model_fn, tmp_path).train(lambda: numbers().take(1), max_steps=1)
    traced.clear()
    for length in (1, 2, 3, 2, 1):
        assert len(list(estimator.predict(lengths(length)))) == length
    for length in range(4, 25):
        assert len(list(estimator.predict(lengths(length)))) == length

    predicting = [program for (mode, *_), program in estimator._programs._traced.items() if mode == ModeKeys.PREDICT]
    assert len(predicting) <= 8
    assert [1, 1] in traced
    assert traced.count([2, 1]) == 1


def of_tensorflow(optimizers: int, counted: int) -> Any:
    """A model function with so many of TensorFlow's own optimizers, of which so many count the steps."""

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        train = tf.compat.v1.train
        y = keras.layers.Dense(1)(features["x"])
        loss = tf.reduce_mean(tf.square(y - (0 if labels is None else labels)))
        step = train.get_or_create_global_step()
        assert step is train.get_global_step()
        ops = [
            train.AdamOptimizer(0.1).minimize(loss, global_step=train.get_global_step() if at < counted else None)
            for at in range(optimizers)
        ]
        return EstimatorSpec(mode, predictions={"y": y}, loss=loss, train_op=tf.group(*ops))

    return model_fn


class Steps(Hook):
    """The numbers of the steps, and of those saved."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.saved: list[int] = []

    def after_step(self, step: Step) -> None:
        self.made.append(step.number)

    def after_save(self, step: Step, path: str) -> None:
        self.saved.append(step.number)


@pytest.mark.parametrize(
    ("optimizers", "counted", "made", "saved"),
    [
        (1, 0, list(range(1, 9)), [3, 6, 8]),
        (1, 1, list(range(1, 9)), [3, 6, 8]),
        (2, 1, list(range(1, 9)), [3, 6, 8]),
        (2, 2, [2, 4, 6, 8], [4, 6, 8]),
    ],
)
def test_optimizers_of_tensorflow_count_the_steps(
    optimizers: int, counted: int, made: list[int], saved: list[int], tmp_path: Path
) -> None:
    watch = Steps()
    estimator = Estimator(of_tensorflow(optimizers, counted), tmp_path, RunConfig(save_checkpoints_steps=3))

    estimator.train(numbers, max_steps=8, hooks=[watch])
    assert (watch.made, watch.saved) == (made, saved)
    estimator.train(numbers, max_steps=8, hooks=[watch])
    assert watch.made == made

    first = estimator.evaluate(numbers, steps=4)["loss"]
    estimator.train(numbers, steps=60)
    assert estimator.latest_step() == 68
    assert estimator.evaluate(numbers, steps=4)["loss"] < first / 10


def test_a_training_by_tensorflow_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    class Die(Hook):
        def after_step(self, step: Step) -> None:
            if step.number == 5:
                raise KeyboardInterrupt

    def estimator(name: str) -> Estimator:
        return Estimator(of_tensorflow(1, 1), tmp_path / name, RunConfig(save_checkpoints_steps=3))

    whole = estimator("whole").train(numbers, max_steps=8)
    with pytest.raises(KeyboardInterrupt):
        estimator("killed").train(numbers, max_steps=8, hooks=[Die()])
    killed = estimator("killed").train(numbers, max_steps=8)

    for name in whole.get_variable_names():
        np.testing.assert_array_equal(whole.get_variable_value(name), killed.get_variable_value(name), name)


def test_moving_averages_are_updated_by_the_collection(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys, params: dict[str, bool]) -> EstimatorSpec:
        v1 = tf.compat.v1
        x = features["x"]
        with v1.variable_scope("norm"):
            mean = v1.get_variable("mean", [], initializer=v1.zeros_initializer(), trainable=False)
            v1.add_to_collection(v1.GraphKeys.UPDATE_OPS, mean.assign_add(tf.reduce_sum(x)))
        y = keras.layers.Dense(1)(x)
        if mode != ModeKeys.TRAIN:
            return answered(mode, y, labels)
        loss = v1.losses.mean_squared_error(labels, y)
        assert [one.name for one in v1.trainable_variables()] == ["dense/kernel:0", "dense/bias:0"]
        with tf.control_dependencies(v1.get_collection(v1.GraphKeys.UPDATE_OPS)):
            train_op = v1.train.GradientDescentOptimizer(0.1).minimize(loss, v1.train.get_global_step())
        return EstimatorSpec(mode, loss=loss, train_op=train_op)

    estimator = Estimator(model_fn, tmp_path).train(numbers, max_steps=3)
    expected = sum(float(x["x"].numpy().sum()) for x, _ in numbers().take(3))

    assert float(estimator.get_variable_value("norm/mean")) == expected
    estimator.evaluate(numbers, steps=3)
    list(estimator.predict(asked))
    assert estimator.train(numbers, steps=1).get_variable_value("norm/mean") == expected - 6.5
