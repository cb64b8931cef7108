"""An EstimatorSpec names what a mode lacks, and what is of a wrong type; an Estimator, what it cannot be asked."""

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.ml.estimator.doubling import asked, doubled, numbers
from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, RunConfig, measure, minimize, ratio

LOSS = tf.constant(1.0)


@pytest.mark.parametrize(
    ("mode", "given", "why"),
    [
        (ModeKeys.TRAIN, {}, "train needs loss and train_op"),
        (ModeKeys.TRAIN, {"loss": LOSS}, "train needs train_op"),
        (ModeKeys.EVAL, {"predictions": LOSS}, "eval needs loss"),
        (ModeKeys.PREDICT, {"loss": LOSS}, "predict needs predictions"),
        (ModeKeys.EVAL, {"loss": tf.zeros([3])}, r"one number, not of shape \(3,\)"),
        (ModeKeys.EVAL, {"loss": LOSS, "eval_metric_ops": {"loss": ratio(LOSS, LOSS)}}, "cannot be called 'loss'"),
        (ModeKeys.EVAL, {"loss": LOSS, "eval_metric_ops": {"global_step": (LOSS, LOSS)}}, "called 'global_step'"),
        ("predict", {"predictions": LOSS}, "mode must be one of ModeKeys .*'infer'.*, not str 'predict'"),
        (None, {"predictions": LOSS}, "mode must be one of ModeKeys"),
    ],
)
def test_what_a_mode_lacks_is_named(mode: Any, given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        EstimatorSpec(mode, **given)


@pytest.mark.parametrize(
    ("mode", "given", "why"),
    [
        (ModeKeys.EVAL, {"loss": 1.0}, "loss must be a tensor, not float"),
        (ModeKeys.EVAL, {"loss": tf.constant(1)}, "floats, not of int32"),
        (ModeKeys.TRAIN, {"loss": LOSS, "train_op": "adam"}, "train_op must be a tensor or an operation, not str"),
        (ModeKeys.PREDICT, {"predictions": {"a": {"b": 3}}}, r"predictions\['a'\]\['b'\] must be a tensor"),
        (ModeKeys.EVAL, {"loss": LOSS, "eval_metric_ops": {"f1": LOSS}}, r"\['f1'\] must come from ratio"),
        (ModeKeys.EVAL, {"loss": LOSS, "eval_metric_ops": {"f1": (1, 2)}}, r"\['f1'\] must come from ratio"),
        (ModeKeys.EVAL, {"loss": LOSS, "eval_metric_ops": {"auc": keras.metrics.AUC()}}, r"or measure\(\)"),
        (ModeKeys.PREDICT, {"predictions": LOSS, "export_outputs": {"s": LOSS}}, r"export_outputs\['s'\] must be a"),
    ],
)
def test_what_is_of_a_wrong_type_is_named(mode: Any, given: dict[str, Any], why: str) -> None:
    with pytest.raises(TypeError, match=why):
        EstimatorSpec(mode, **given)


def test_the_model_gets_params_and_config_only_if_it_asks(tmp_path: Path) -> None:
    seen: list[Any] = []

    def plain(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        return doubled(features, labels, mode)

    def curious(features: Any, labels: Any, mode: ModeKeys, *, config: Any, params: Any) -> EstimatorSpec:
        seen.extend([params, config.seed])
        return doubled(features, labels, mode)

    Estimator(plain, tmp_path / "plain").train(numbers, max_steps=1)
    Estimator(curious, tmp_path / "curious", params={"rate": 1}).train(numbers, max_steps=1)

    assert seen[:2] == [{"rate": 1}, 0]


def test_a_model_that_answers_for_another_mode_or_not_at_all_is_refused(tmp_path: Path) -> None:
    def confused(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        return EstimatorSpec(ModeKeys.PREDICT, predictions=features["x"])

    def silent(features: Any, labels: Any, mode: ModeKeys) -> None:
        return None

    with pytest.raises(ValueError, match="called for train and answered for predict"):
        Estimator(confused, tmp_path).train(numbers, max_steps=1)
    with pytest.raises(TypeError, match="must return an EstimatorSpec, not NoneType"):
        Estimator(silent, tmp_path).train(numbers, max_steps=1)


def test_training_has_one_goal_at_most(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="steps or max_steps, not both"):
        Estimator(doubled, tmp_path).train(numbers, steps=1, max_steps=1)


def test_a_model_without_variables_cannot_be_minimized(tmp_path: Path) -> None:
    def empty(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        loss = tf.reduce_sum(features["x"])
        return EstimatorSpec(mode, loss=loss, train_op=minimize(loss, lambda: keras.optimizers.SGD(0.1)))

    with pytest.raises(ValueError, match="no trainable variable"):
        Estimator(empty, tmp_path).train(numbers, max_steps=1)


def test_predictions_by_key_by_example_and_by_batch(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        spec = doubled(features, labels, mode)
        if mode != ModeKeys.PREDICT:
            return spec
        return EstimatorSpec(mode, predictions={"y": spec.predictions["y"], "more": {"x": features["x"]}})

    estimator = Estimator(model_fn, tmp_path).train(numbers, max_steps=1)

    assert [answer["more"]["x"].tolist() for answer in estimator.predict(asked)] == [[1.0], [5.0]]
    assert [list(answer) for answer in estimator.predict(asked, predict_keys="y")] == [["y"], ["y"]]
    (batch,) = estimator.predict(asked, predict_keys=["more"], yield_single_examples=False)
    assert batch["more"]["x"].shape == (2, 1)
    assert [list(answer) for answer in estimator.predict(asked, predict_keys=["y", "z"])] == [["y"], ["y"]]
    with pytest.raises(ValueError, match="no prediction is called z; there are: y, more"):
        next(estimator.predict(asked, predict_keys=["z"]))


def test_metrics_are_totals_over_all_batches_and_of_no_checkpoint(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        spec = doubled(features, labels, mode)
        if mode != ModeKeys.EVAL:
            return spec
        x, ones = features["x"][:, 0], tf.ones_like(features["x"][:, 0])
        metrics = {
            "mean": ratio(tf.reduce_sum(x), tf.reduce_sum(ones)),
            "nothing": ratio(tf.constant(0.0), tf.constant(0.0)),
            "keras_mean": measure(keras.metrics.Mean, x),
            "auc": measure(keras.metrics.AUC, tf.cast(x > 0, tf.int32), tf.sigmoid(x)),
        }
        return EstimatorSpec(mode, loss=spec.loss, eval_metric_ops=metrics)

    def uneven() -> tf.data.Dataset:
        x = np.array([-3, -2, -1, 1, 30], np.float32)[:, None]
        return tf.data.Dataset.from_tensor_slices(({"x": x}, 2 * x)).batch(4)

    estimator = Estimator(model_fn, tmp_path).train(numbers, max_steps=1)
    first, second = (estimator.evaluate(uneven) for _ in range(2))

    assert first == second
    assert first["mean"] == first["keras_mean"] == 5.0
    assert first["nothing"] == 0.0
    assert first["auc"] == pytest.approx(1.0)
    assert estimator.evaluate(uneven, steps=1)["mean"] == -1.25
    with pytest.raises(ValueError, match="empty"):
        estimator.evaluate(lambda: uneven().take(0))


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        ({"model_fn": None}, TypeError, "model_fn must be a function, not NoneType"),
        ({"model_dir": {"rate": 1}}, TypeError, "model_dir must be a path, not dict"),
        ({"config": {"rate": 1}}, TypeError, "config must be a RunConfig, not dict: the order is model_fn, model_dir,"),
        ({"params": RunConfig()}, TypeError, "params must not be a RunConfig: the order is model_fn, model_dir,"),
        ({"params": {"rate": 1}}, ValueError, "params are given, and model_fn has no argument for them"),
        ({"model_fn": lambda x, mode: x}, ValueError, "model_fn must have an argument `features`; it has: mode, x"),
        ({"model_fn": lambda: 1}, ValueError, "it has: none"),
        ({"config": RunConfig(model_dir="other")}, ValueError, "model_dir is .*model here and other in the config"),
    ],
)
def test_what_an_estimator_cannot_be_made_of_is_named(
    given: dict[str, Any], error: type[Exception], why: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=why):
        Estimator(**{"model_fn": doubled, "model_dir": tmp_path / "model", **given})


def test_the_order_is_that_of_tf_estimator(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys, params: Any) -> EstimatorSpec:
        return doubled(features, labels, mode)

    estimator = Estimator(model_fn, str(tmp_path), RunConfig(save_checkpoints_steps=3), {"rate": 1})

    estimator.train(numbers, steps=7)

    assert sorted(path.name for path in tmp_path.glob("ckpt-*.index")) == ["ckpt-6.index", "ckpt-7.index"]
    assert estimator.params == {"rate": 1}
    assert Estimator(model_fn, tmp_path).params == {}


def test_a_folder_may_be_told_by_the_config_or_not_at_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = Estimator(doubled, config=RunConfig(model_dir=tmp_path))
    same = Estimator(doubled, str(tmp_path), RunConfig(model_dir=tmp_path))
    assert (told.model_dir, same.model_dir) == (tmp_path, tmp_path)
    assert not caplog.records

    untold = Estimator(doubled)
    untold.train(numbers, max_steps=1)
    assert untold.model_dir.is_dir()
    assert [(one.levelname, str(untold.model_dir) in one.message) for one in caplog.records] == [("WARNING", True)]


class Called:
    """A model function that is an object."""

    def __call__(self, mode: str, features: Any, labels: Any = None) -> EstimatorSpec:
        return doubled(features, labels, ModeKeys(mode))


def scaled(features: Any, mode: ModeKeys, labels: Any, scale: float, params: Any) -> EstimatorSpec:
    assert (scale, params) == (2.0, "own")
    return doubled(features, labels, mode)


def all_named(**given: Any) -> EstimatorSpec:
    assert set(given) == {"features", "labels", "mode", "params", "config"}
    return doubled(given["features"], given["labels"], given["mode"])


@pytest.mark.parametrize(
    "model_fn",
    [
        lambda mode, labels, features: doubled(features, labels, mode),
        lambda features, mode, labels: doubled(features, labels, mode),
        Called(),
        functools.partial(scaled, scale=2.0, params="own"),
        functools.partial(functools.partial(scaled, params="own"), scale=2.0),
        all_named,
    ],
)
def test_a_model_function_is_called_by_keyword(model_fn: Any, tmp_path: Path) -> None:
    estimator = Estimator(model_fn, tmp_path).train(numbers, max_steps=1)

    assert estimator.evaluate(numbers, steps=1)["loss"] > 0
    assert len(list(estimator.predict(asked))) == 2


def test_a_model_without_labels(tmp_path: Path) -> None:
    def model_fn(features: Any, mode: ModeKeys) -> EstimatorSpec:
        return doubled(features, 2 * features["x"], mode)

    estimator = Estimator(model_fn, tmp_path).train(lambda: numbers().map(lambda features, _: features), max_steps=1)

    assert len(list(estimator.predict(asked))) == 2
    with pytest.raises(ValueError, match="the input has labels, and model_fn has no argument for them"):
        estimator.evaluate(numbers, steps=1)


def test_modes_are_strings(tmp_path: Path) -> None:
    seen = []

    def model_fn(features: Any, labels: Any, mode: str) -> EstimatorSpec:
        seen.append(mode)
        y = keras.layers.Dense(1)(features["x"])
        if mode == "infer":
            return EstimatorSpec("infer", y)
        loss = tf.reshape(tf.reduce_mean(tf.square(y - labels)), [1])
        if mode == "eval":
            return EstimatorSpec("eval", loss=loss)
        return EstimatorSpec("train", None, loss, minimize(loss, lambda: keras.optimizers.Adam(0.1)))

    estimator = Estimator(model_fn, tmp_path).train(numbers, max_steps=2)
    found = estimator.evaluate(numbers, steps=2)

    assert np.shape(found["loss"]) == ()
    assert [answer.shape for answer in estimator.predict(asked)] == [(1,), (1,)]
    assert {f"{mode}" for mode in seen} == {"train", "eval", "infer"}


def test_metrics_of_tensorflow_are_read_after_the_last_batch(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        spec = doubled(features, labels, mode)
        if mode != ModeKeys.EVAL:
            return spec
        x, metrics = features["x"], tf.compat.v1.metrics
        return EstimatorSpec(
            mode,
            loss=spec.loss,
            eval_metric_ops={
                "accuracy": metrics.accuracy(labels > 0, x > -1),
                "mean": metrics.mean(x),
                "weighted": metrics.mean(x, tf.cast(x > 0, tf.float32)),
                "auc": metrics.auc(labels > 0, tf.sigmoid(x)),
                "precision": metrics.precision(labels > 0, x > -1),
                "both": metrics.mean_tensor(tf.constant([1.0, 3.0])),
            },
        )

    def uneven() -> tf.data.Dataset:
        x = np.array([-3, -2, -0.5, 1, 2, 29], np.float32)[:, None]
        return tf.data.Dataset.from_tensor_slices(({"x": x}, 2 * x)).batch(4)

    estimator = Estimator(model_fn, tmp_path).train(numbers, max_steps=1)
    before = estimator.get_variable_names()
    first, second = (estimator.evaluate(uneven) for _ in range(2))

    assert first["both"].tolist() == second.pop("both").tolist() == [1.0, 3.0]
    del first["both"]
    assert first == second
    assert first["accuracy"] == pytest.approx(5 / 6)
    assert first["mean"] == pytest.approx(26.5 / 6)
    assert first["weighted"] == pytest.approx(32 / 3)
    assert first["auc"] == pytest.approx(1.0, abs=1e-3)
    assert first["precision"] == pytest.approx(3 / 4)
    assert estimator.get_variable_names() == before


def test_predictions_that_are_of_no_example_are_named(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys, params: str) -> EstimatorSpec:
        spec = doubled(features, labels, mode)
        if mode != ModeKeys.PREDICT:
            return spec
        y = spec.predictions["y"]
        more = {"few": {"few": y[:1]}, "one": {"in": {"one": tf.reduce_mean(y)}}, "alone": None}[params]
        return EstimatorSpec(mode, predictions={"y": y, **more} if more else tf.reduce_mean(y))

    def answers(params: str, **given: Any) -> list[Any]:
        estimator = Estimator(model_fn, tmp_path / params, params=params).train(numbers, max_steps=1)
        return list(estimator.predict(asked, **given))

    with pytest.raises(ValueError, match="must be of one length: y has 2, few has 1"):
        answers("few")
    with pytest.raises(ValueError, match="the prediction in/one is one value for the whole batch: set yield_single"):
        answers("one")
    with pytest.raises(ValueError, match="the prediction output is one value"):
        answers("alone")
    assert len(answers("few", predict_keys=["y"])) == 2
    assert len(answers("one", yield_single_examples=False)) == 1
