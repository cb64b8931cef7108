"""Layers made inside the model function or closed over, before it runs or in it: all modes share them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.ml.estimator.doubling import answered, asked, numbers, serving
from trainer.ml.estimator import (
    Estimator,
    EstimatorSpec,
    Lbfgs,
    ModeKeys,
    RunConfig,
    VariableMismatch,
    from_saved_model,
    global_step,
    minimize,
    trainable_variables,
)

ModelFn = Callable[[Any, Any, ModeKeys], EstimatorSpec]


@pytest.fixture(autouse=True)
def same_start() -> None:
    """Keras seeds a layer when it is made: one closed over is made before the estimator's seed applies, and a product
    of three factors that all start near zero, or with different signs, is not fitted in 150 steps."""
    keras.utils.set_random_seed(5)


def inside() -> ModelFn:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        x = keras.layers.Dense(1)(features["x"])
        return answered(mode, keras.layers.Dense(1)(x), labels)

    return model_fn


def built_before() -> ModelFn:
    first, second = keras.layers.Dense(1, name="first"), keras.layers.Dense(1, name="second")
    first.build([None, 1])
    second.build([None, 1])

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        return answered(mode, second(first(features["x"])), labels)

    return model_fn


def built_on_the_way() -> ModelFn:
    first, second = keras.layers.Dense(1, name="first"), keras.layers.Dense(1, name="second")

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        return answered(mode, second(first(features["x"])), labels)

    return model_fn


def mixed() -> ModelFn:
    """A layer closed over, built before or after layers of the same shape that are made inside."""
    shared = keras.layers.Dense(1, name="shared")

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        x = keras.layers.Dense(1)(shared(features["x"]))
        return answered(mode, keras.layers.Dense(1)(x), labels)

    return model_fn


def made_once_by_hand() -> ModelFn:
    """No layers: a variable kept in a dict, asked for after one that is made anew each time."""
    kept: dict[str, tf.Variable] = {}

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        inline = tf.Variable([[0.5]])
        if "w" not in kept:
            kept["w"] = tf.Variable([[0.25]])
        return answered(mode, features["x"] @ kept["w"] @ inline, labels)

    return model_fn


@pytest.mark.parametrize("made", [inside, built_before, built_on_the_way, mixed, made_once_by_hand])
def test_wherever_layers_are_made_they_are_trained_kept_and_exported(
    made: Callable[[], ModelFn], tmp_path: Path
) -> None:
    model_fn = made()
    estimator = Estimator(model_fn, tmp_path / "model", config=RunConfig(seed=2))

    estimator.train(numbers, max_steps=150)
    (_, answer) = estimator.predict(asked)
    loss = estimator.evaluate(numbers, steps=4)["loss"]
    served = from_saved_model(estimator.export_saved_model(tmp_path / "export", serving))
    for variable in estimator.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    (_, again) = Estimator(model_fn, tmp_path / "model").predict(asked)

    assert loss < 0.02
    assert answer["y"] == pytest.approx([10.0], abs=0.3)
    assert served(x=[[5.0]])["y"][0] == pytest.approx(answer["y"])
    assert again["y"] == pytest.approx(answer["y"])


@pytest.mark.parametrize("made", [built_before, built_on_the_way, mixed])
def test_layers_made_anew_read_the_checkpoint(made: Callable[[], ModelFn], tmp_path: Path) -> None:
    trained = Estimator(made(), tmp_path, config=RunConfig(seed=2)).train(numbers, max_steps=150)

    anew = Estimator(made(), tmp_path)  # nothing is left of the layers that were trained
    assert list(anew.predict(asked))[1]["y"] == pytest.approx(list(trained.predict(asked))[1]["y"])


def test_batch_norm_and_dropout_know_the_mode(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        learning = mode == ModeKeys.TRAIN
        x = keras.layers.BatchNormalization(momentum=0.5)(features["x"], training=learning)
        x = keras.layers.Dropout(0.5)(x, training=learning)
        return EstimatorSpec(
            mode, loss=(loss := tf.reduce_sum(tf.square(keras.layers.Dense(1)(x) - 1.0))), predictions={"x": x},
            train_op=minimize(loss, lambda: keras.optimizers.SGD(0.0)) if learning else None,
        )  # fmt: skip

    def shifted() -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors({"x": np.array([[9.0], [11.0]], np.float32)}).repeat()

    estimator = Estimator(model_fn, tmp_path).train(shifted, max_steps=30)
    first, second = (next(estimator.predict(shifted))["x"] for _ in range(2))

    assert first == second == pytest.approx([-1.0], abs=1e-2)  # moving mean 10, deviation 1; nothing is dropped


def test_a_model_function_is_run_once_a_mode_where_nothing_outlives_it(tmp_path: Path) -> None:
    calls: list[ModeKeys] = []

    def plain(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        calls.append(mode)
        y = features["x"] @ tf.Variable([[1.0]], name="weight")
        loss = tf.reduce_mean(tf.square(y - labels)) if labels is not None else None
        train_op = minimize(loss, lambda: Lbfgs((9,))) if mode == ModeKeys.TRAIN else None
        return EstimatorSpec(mode, predictions={"y": y}, loss=loss, train_op=train_op)

    estimator = Estimator(plain, tmp_path)
    for steps in (1, 2):
        estimator.train(numbers, max_steps=steps)
        estimator.evaluate(numbers, steps=1)
        next(estimator.predict(asked))

    assert calls == [ModeKeys.TRAIN, ModeKeys.EVAL, ModeKeys.PREDICT]


def test_the_names_of_variables_do_not_depend_on_what_was_made_before(tmp_path: Path) -> None:
    names = []
    for name in ("one", "two"):
        estimator = Estimator(inside(), tmp_path / name).train(numbers, max_steps=1)
        names.append([variable.name for variable in estimator.trainable_variables])
        keras.layers.Dense(3)

    assert names[0] == names[1] == ["dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0"]


def test_a_checkpoint_of_another_model_is_refused_by_name(tmp_path: Path) -> None:
    Estimator(inside(), tmp_path).train(numbers, max_steps=1)

    def wider(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        return answered(mode, keras.layers.Dense(1)(keras.layers.Dense(7)(features["x"])), labels)

    def other(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        return answered(mode, keras.layers.Dense(1, name="other")(features["x"]), labels)

    with pytest.raises(VariableMismatch, match=r"'model/dense_1/kernel' with shape \(1, 1\), the model with \(1, 7\)"):
        next(Estimator(wider, tmp_path).predict(asked))
    with pytest.raises(VariableMismatch, match="no variable 'model/other/kernel'"):
        Estimator(other, tmp_path).train(numbers, max_steps=2)


def test_the_step_is_known_to_the_model(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        weight = tf.Variable(0.0)
        count = tf.cast(global_step(), tf.float32)
        train_op = weight.assign_add(count) if mode == ModeKeys.TRAIN else None
        return EstimatorSpec(mode, loss=weight + 0.0, train_op=train_op, predictions=weight)

    estimator = Estimator(model_fn, tmp_path).train(numbers, max_steps=4)

    assert next(estimator.predict(asked, yield_single_examples=False)) == 0 + 1 + 2 + 3


def test_one_of_several_variables_of_a_name_is_not_guessed(tmp_path: Path) -> None:
    def made() -> ModelFn:
        helper, weight = tf.Variable([[1.0]]), tf.Variable([[1.0]])

        def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
            x = features["x"] @ helper if mode == ModeKeys.TRAIN else features["x"]
            return answered(mode, x @ weight, labels)

        return model_fn

    trained = Estimator(made(), tmp_path).train(numbers, max_steps=1)
    assert len(list(trained.predict(asked))) == 2  # it has seen both

    with pytest.raises(VariableMismatch, match="several variables 'outside/Variable'"):
        next(Estimator(made(), tmp_path).predict(asked))


def test_an_estimator_whose_checkpoints_are_gone_does_not_pretend_to_begin_afresh(tmp_path: Path) -> None:
    estimator = Estimator(inside(), tmp_path).train(numbers, max_steps=1)
    for file in tmp_path.glob("ckpt-*"):
        file.unlink()

    with pytest.raises(RuntimeError, match="make the model and the Estimator anew"):
        estimator.train(numbers, max_steps=2)


@pytest.mark.parametrize("ask", [trainable_variables, global_step])
def test_outside_a_model_function_there_is_nothing_to_ask(ask: Callable[[], Any]) -> None:
    with pytest.raises(RuntimeError, match="inside a model function"):
        ask()
