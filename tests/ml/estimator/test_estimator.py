"""The Estimator's contract, on a model small enough to see through: y = 2·x by one dense layer."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.ml.estimator import (
    Estimator,
    EstimatorSpec,
    Hook,
    Lbfgs,
    ModeKeys,
    RunConfig,
    Step,
    VariableMismatch,
    minimize,
    ratio,
)


def double(features: Any, labels: Any, mode: ModeKeys, params: dict[str, Any]) -> EstimatorSpec:
    x = features["x"]
    if params.get("norm"):
        x = keras.layers.BatchNormalization()(x, training=mode == ModeKeys.TRAIN)
    predicted = keras.layers.Dense(1)(x)
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions={"y": predicted})
    error = tf.reduce_mean(tf.square(predicted - labels))
    if mode == ModeKeys.EVAL:
        far = tf.reduce_sum(tf.abs(predicted - labels))
        return EstimatorSpec(mode, loss=error, eval_metric_ops={"distance": ratio(far, tf.size(labels))})
    return EstimatorSpec(mode, loss=error, train_op=minimize(error, lambda: keras.optimizers.Adam(params["rate"])))


def numbers() -> tf.data.Dataset:
    x = np.arange(-2, 2, 0.25, np.float32)[:, None]
    return tf.data.Dataset.from_tensor_slices(({"x": x}, 2 * x)).batch(4).repeat(25)


def inputs() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices({"x": np.array([[1.0], [5.0]], np.float32)}).batch(2)


def serving() -> dict[str, tf.TensorSpec]:
    return {"x": tf.TensorSpec([None, 1], tf.float32)}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Estimator]:
    def estimator(where: str = "model", **params: Any) -> Estimator:
        config = RunConfig(seed=3, save_checkpoints_steps=20)
        return Estimator(double, tmp_path / where, config, {"rate": 0.1, **params})

    return estimator


class Watch(Hook):
    """Remembers the steps; stops, or dies, at one of them."""

    def __init__(self, stop_at: int = 0, die_at: int = 0) -> None:
        self.stop_at, self.die_at, self.seen, self.ended = stop_at, die_at, [], 0

    def after_step(self, step: Step) -> None:
        self.seen.append(step.number)
        step.stop = step.number == self.stop_at
        if step.number == self.die_at:
            raise KeyboardInterrupt

    def end(self, step: int) -> None:
        self.ended = step


def kernel(estimator: Estimator) -> float:
    return float(next(estimator.predict(inputs))["y"][0])


def test_it_learns_predicts_evaluates_and_exports(make: Callable[..., Estimator], tmp_path: Path) -> None:
    make().train(numbers, max_steps=100)

    elsewhere = make()  # everything comes from the checkpoint
    first, second = (float(p["y"][0]) for p in elsewhere.predict(inputs))
    measured = elsewhere.evaluate(numbers, steps=4)
    export = elsewhere.export_saved_model(tmp_path / "export", serving)
    served = tf.saved_model.load(str(export)).signatures["serving_default"](x=tf.constant([[5.0]]))["y"]

    assert (first, second) == (pytest.approx(2, abs=0.1), pytest.approx(10, abs=0.4))
    assert measured["distance"] < 0.2
    assert measured["global_step"] == 100
    assert float(served[0, 0]) == pytest.approx(second)


def test_modes_share_variables_of_layers_made_inline(make: Callable[..., Estimator]) -> None:
    estimator = make(norm=True).train(numbers, max_steps=100)

    assert kernel(estimator) == kernel(make(norm=True))
    assert estimator.evaluate(numbers, steps=4)["loss"] < 10


def test_a_killed_training_goes_on_to_the_same_weights(make: Callable[..., Estimator]) -> None:
    whole = make("whole").train(numbers, max_steps=70)

    with pytest.raises(KeyboardInterrupt):
        make("killed").train(numbers, max_steps=70, hooks=[Watch(die_at=47)])
    watch = Watch()
    resumed = make("killed").train(numbers, max_steps=70, hooks=[watch])

    assert watch.seen == list(range(41, 71))
    assert kernel(resumed) == kernel(whole)


def test_after_an_aborted_call_the_same_estimator_goes_on_from_its_checkpoint(make: Callable[..., Estimator]) -> None:
    estimator = make()

    with pytest.raises(KeyboardInterrupt):
        estimator.train(numbers, max_steps=70, hooks=[Watch(die_at=47)])
    estimator.train(numbers, max_steps=70)

    assert kernel(estimator) == kernel(make("whole").train(numbers, max_steps=70))


def test_a_hook_can_stop_and_steps_add_up(make: Callable[..., Estimator]) -> None:
    estimator, watch = make(), Watch(stop_at=7)

    estimator.train(numbers, max_steps=50, hooks=[watch])
    estimator.train(numbers, steps=5)

    assert watch.seen == list(range(1, 8))
    assert watch.ended == 7
    assert estimator.evaluate(numbers, steps=1)["global_step"] == 12


def test_exports_are_numbered_and_never_half_there(make: Callable[..., Estimator], tmp_path: Path) -> None:
    base = tmp_path / "export"
    estimator = make().train(numbers, max_steps=1)

    first, second = (estimator.export_saved_model(base, serving) for _ in range(2))
    with pytest.raises(ValueError, match="signature"):
        estimator.export_saved_model(base, serving, signatures={"broken": 3})

    assert int(first.name) < int(second.name) <= int(time.time()) + 1
    assert sorted(path.name for path in base.iterdir()) == [first.name, second.name]


def test_a_specification_says_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="train needs loss and train_op"):
        EstimatorSpec(ModeKeys.TRAIN)
    with pytest.raises(ValueError, match="predict needs predictions"):
        EstimatorSpec(ModeKeys.PREDICT)


def test_predicting_without_a_training_is_refused(make: Callable[..., Estimator]) -> None:
    with pytest.raises(FileNotFoundError, match="train first"):
        next(make().predict(inputs))
    with pytest.raises(FileNotFoundError, match="train first"):
        make().predict_once(next(iter(inputs())))


def test_one_batch_is_predicted_without_a_program(make: Callable[..., Estimator]) -> None:
    estimator = make().train(numbers, max_steps=5)
    features = next(iter(inputs()))
    expected = next(estimator.predict(inputs, yield_single_examples=False))
    resumed = make()

    for one in (estimator, resumed):
        found = one.predict_once(features)
        tf.nest.map_structure(np.testing.assert_allclose, found, expected)


def test_a_model_that_changes_between_modes_is_refused(tmp_path: Path) -> None:
    def fickle(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        weight = tf.Variable(np.ones(1 if mode == ModeKeys.TRAIN else 2, np.float32), name="w")
        loss = tf.reduce_sum(weight**2)
        train_op = minimize(loss, lambda: Lbfgs((10,))) if mode == ModeKeys.TRAIN else None
        return EstimatorSpec(mode, predictions=weight, loss=loss, train_op=train_op)

    estimator = Estimator(fickle, tmp_path).train(numbers, max_steps=1)

    with pytest.raises(VariableMismatch, match=r"shape \(2,\) asked for"):
        next(estimator.predict(inputs))


def test_lbfgs_finds_the_least_of_a_bent_valley_in_each_phase(tmp_path: Path) -> None:
    def valley(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        at = tf.Variable(np.array([-1.2, 1.0], np.float32), name="at")
        x, y = at[0] - features, at[1] - features
        loss = (1 - x) ** 2 + 100 * (y - x**2) ** 2
        train_op = minimize(loss, lambda: Lbfgs((60, 60))) if mode == ModeKeys.TRAIN else None
        return EstimatorSpec(mode, predictions=at, loss=loss, train_op=train_op)

    def moved(by: float) -> Callable[[], tf.data.Dataset]:
        return lambda: tf.data.Dataset.from_tensors(np.float32(by)).repeat(120)

    estimator = Estimator(valley, tmp_path)
    lowest = [
        next(estimator.train(moved(by), max_steps=steps).predict(moved(by), yield_single_examples=False))
        for by, steps in [(0.0, 60), (1.0, 120)]
    ]

    np.testing.assert_allclose(lowest, [[1, 1], [2, 2]], atol=1e-2)


def line_through(features: Any, labels: Any, mode: ModeKeys, params: np.ndarray) -> EstimatorSpec:
    """The least of |w - features|² / 2 + |params - w|² / 2, of as many numbers as there are."""
    weights = tf.Variable(np.zeros(len(params), np.float32), name="weights", shape=[None])
    wanted = tf.Variable(params, name="wanted", trainable=False, shape=[None])
    loss = tf.reduce_sum(tf.square(weights - features) + tf.square(wanted - weights)) / 2
    # Two vectors of the optimizer, so that it has something to forget.
    train_op = minimize(loss, lambda: Lbfgs((10,), 2, large=True)) if mode == ModeKeys.TRAIN else None
    return EstimatorSpec(mode, predictions=weights, loss=loss, train_op=train_op)


def test_an_estimator_begins_anew_with_what_it_has_traced(tmp_path: Path) -> None:
    def variables(params: np.ndarray) -> None:
        tf.Variable(np.zeros(len(params), np.float32), name="weights", shape=[None])
        tf.Variable(params, name="wanted", trainable=False, shape=[None])

    def of_any_length(specs: tf.TensorSpec) -> tf.TensorSpec:
        return tf.TensorSpec([None], specs.dtype)

    def found(estimator: Estimator, goal: np.ndarray) -> np.ndarray:
        def repeated() -> tf.data.Dataset:
            return tf.data.Dataset.from_tensors(goal).repeat(10)

        estimator.train(repeated, max_steps=10)
        return np.asarray(next(estimator.predict(repeated, yield_single_examples=False)))

    config = RunConfig(seed=None, traced_for=of_any_length)
    estimator = Estimator(line_through, tmp_path / "one", config, np.float32([2, 4]))
    np.testing.assert_allclose(found(estimator, np.float32([0, 2])), [1, 3], atol=1e-4)
    programs = dict(estimator._programs._traced)

    estimator.empty()
    assert all(not variable.numpy().size for variable in estimator.trainable_variables)
    estimator.begin_anew(tmp_path / "two", np.float32([6, 6, 6]), config, variables)

    assert estimator.latest_step() is None
    np.testing.assert_allclose(found(estimator, np.float32([0, 2, 4])), [3, 4, 5], atol=1e-4)
    assert estimator._programs._traced == programs
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]

    # In the first place, with what is there: nothing is done again.
    estimator.begin_anew(tmp_path / "one", np.float32([2, 4]), config, variables)
    np.testing.assert_allclose(found(estimator, np.float32([0, 2])), [1, 3], atol=1e-4)
    assert estimator.latest_step() == 10


def two_of_a_name(features: Any, labels: Any, mode: ModeKeys, params: float) -> EstimatorSpec:
    """Two variables that are called alike, of which the second one is numbered."""
    pair, three = (tf.Variable(np.full(length, params, np.float32), name="weights") for length in (2, 3))
    loss = tf.reduce_sum(tf.square(pair)) + tf.reduce_sum(tf.square(three - 2.0)) + 0.0 * tf.reduce_sum(features["x"])
    train_op = minimize(loss, lambda: Lbfgs((20,))) if mode == ModeKeys.TRAIN else None
    return EstimatorSpec(mode, predictions={"pair": pair, "three": three}, loss=loss, train_op=train_op)


def test_variables_of_one_name_stay_two_wherever_they_are_asked_for(tmp_path: Path) -> None:
    def variables(params: float) -> None:
        for length in (2, 3):
            tf.Variable(np.full(length, params, np.float32), name="weights")

    estimator = Estimator(two_of_a_name, tmp_path / "one", params=5.0).train(numbers, max_steps=20)
    at_once = estimator.predict_once(next(iter(inputs())))
    estimator.begin_anew(tmp_path / "two", 7.0, RunConfig(), variables)
    begun = [variable.numpy().tolist() for variable in estimator.trainable_variables]

    np.testing.assert_allclose(at_once["pair"], [0, 0], atol=1e-3)
    np.testing.assert_allclose(at_once["three"], [2, 2, 2], atol=1e-3)
    assert begun == [[7.0] * 2, [7.0] * 3]
