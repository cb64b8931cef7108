"""What a training and an evaluation write for TensorBoard, and that nothing else is written."""

from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from tests.ml.estimator import events
from tests.ml.estimator.doubling import answered, asked, numbers, serving
from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, RunConfig, ratio, summaries


def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
    layer = keras.layers.Dense(1)
    y = layer(features["x"])
    summaries.histogram("weights", layer.kernel.value)
    summaries.histogram("inputs", features["x"])
    summaries.histogram("nothing", features["x"][:0])
    summaries.scalar("bias", layer.bias.value[0])
    summaries.text("examples", tf.strings.as_string(features["x"][:2, 0], precision=2))
    error = ratio(tf.reduce_sum(tf.abs(y - labels)), tf.size(y)) if mode == ModeKeys.EVAL else None
    return answered(mode, y, labels, eval_metric_ops={"error": error} if error else {})


def test_a_training_shows_loss_speed_histograms_and_examples(tmp_path: Path) -> None:
    Estimator(model_fn, tmp_path, config=RunConfig(save_summary_steps=5)).train(numbers, max_steps=12)

    loss, bias = events.values(tmp_path, "loss"), events.values(tmp_path, "bias")
    inputs = events.values(tmp_path, "inputs")[5]

    assert events.plugins(tmp_path) == {
        "loss": "scalars",
        "steps_per_second": "scalars",
        "bias": "scalars",
        "weights": "histograms",
        "inputs": "histograms",
        "nothing": "histograms",
        "examples": "text",
    }
    assert list(loss) == list(bias) == [5, 10]
    assert loss[5] > loss[10] > 0
    assert all(speed > 0 for speed in events.values(tmp_path, "steps_per_second").values())
    assert inputs[:, 2].sum() == 4
    assert (inputs[0, 0], inputs[-1, 1]) == (-2.0, -1.25)  # the first of four batches
    assert events.values(tmp_path, "nothing")[5][:, 2].sum() == 0
    assert events.values(tmp_path, "examples")[5].tolist() == [b"-2.00", b"-1.75"]


def test_an_evaluation_shows_its_metrics_under_its_name(tmp_path: Path) -> None:
    estimator = Estimator(model_fn, tmp_path, config=RunConfig(save_summary_steps=None)).train(numbers, max_steps=3)

    found = estimator.evaluate(numbers, steps=2)
    estimator.evaluate(numbers, steps=2, name="again")

    for directory in ("eval", "eval_again"):
        assert events.steps(tmp_path / directory) == {"loss": [3], "error": [3]}
        assert events.values(tmp_path / directory, "error") == {3: pytest.approx(found["error"])}
    assert not list(tmp_path.glob("events*"))


def test_prediction_and_export_write_neither_events_nor_checkpoints(tmp_path: Path) -> None:
    config = RunConfig(save_summary_steps=None)
    estimator = Estimator(model_fn, tmp_path / "model", config=config).train(numbers, max_steps=1)
    before = sorted((tmp_path / "model").rglob("*"))

    list(estimator.predict(asked))
    estimator.export_saved_model(tmp_path / "export", serving)

    assert sorted((tmp_path / "model").rglob("*")) == before


def test_two_summaries_of_one_tag_are_refused(tmp_path: Path) -> None:
    def twice(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        summaries.scalar("x", tf.constant(1.0))
        summaries.scalar("x", tf.constant(2.0))
        return answered(mode, keras.layers.Dense(1)(features["x"]), labels)

    with pytest.raises(ValueError, match="two summaries with the tag 'x'"):
        Estimator(twice, tmp_path).train(numbers, max_steps=1)
