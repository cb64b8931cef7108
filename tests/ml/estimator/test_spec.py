"""An EstimatorSpec names what a mode lacks, and what is of a wrong type; an Estimator, what it cannot be asked."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.ml.estimator.doubling import asked, doubled, numbers
from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, measure, minimize, ratio

LOSS = tf.constant(1.0)


@pytest.mark.parametrize(
    ("mode", "given", "why"),
    [
        (ModeKeys.TRAIN, {}, "train needs loss and train_op"),
        (ModeKeys.TRAIN, {"loss": LOSS}, "train needs train_op"),
        (ModeKeys.EVAL, {"predictions": LOSS}, "eval needs loss"),
        (ModeKeys.PREDICT, {"loss": LOSS}, "predict needs predictions"),
        (ModeKeys.EVAL, {"loss": tf.zeros([3])}, r"one number, not of shape \(3,\)"),
    ],
)
def test_what_a_mode_lacks_is_named(mode: ModeKeys, given: dict[str, Any], why: str) -> None:
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
