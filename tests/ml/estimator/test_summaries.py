"""What a training and an evaluation write for TensorBoard, and that nothing else is written."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
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
    assert len(events.graphs(tmp_path / "eval")) == 0


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


def test_pictures_use_all_shades(tmp_path: Path) -> None:
    floats = np.array([[0, 1], [2, 4]], np.float32)
    given = {
        "floats": np.stack([floats, 0 * floats, floats - 2, floats - 5])[..., None],
        "broken": np.array([[[[np.nan], [1.0]]]], np.float32),
        "colours": np.arange(2 * 3 * 2 * 3, dtype=np.uint8).reshape(2, 3, 2, 3),
        "clear": np.ones([1, 2, 2, 4], np.float32),
        "none": np.zeros([0, 2, 2, 1], np.float32),
    }

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        for tag, pictures in given.items():
            summaries.image(tag, tf.constant(pictures), max_outputs=4 if tag == "floats" else 1)
        return answered(mode, keras.layers.Dense(1)(features["x"]), labels)

    Estimator(model_fn, tmp_path, RunConfig(save_summary_steps=2)).train(numbers, max_steps=3)

    found = {tag: events.pictures(tmp_path, tag) for tag in given}
    assert {tag: list(steps) for tag, steps in found.items()} == {tag: [2] for tag in given}
    assert [one[..., 0].tolist() for one in found["floats"][2]] == [
        [[0, 64], [128, 255]],
        [[0, 0], [0, 0]],
        [[0, 64], [128, 255]],
        [[0, 25], [51, 102]],
    ]
    assert found["broken"][2][0][..., 0].tolist() == [[0, 255]]
    np.testing.assert_array_equal(found["colours"][2], given["colours"][:1])
    assert found["clear"][2][0].shape == (2, 2, 4)
    assert found["none"][2] == []
    assert events.plugins(tmp_path)["floats"] == "images"


def test_an_input_of_tensors_shows_itself(tmp_path: Path) -> None:
    def input_fn() -> Any:
        x = tf.compat.v1.data.make_one_shot_iterator(tf.data.Dataset.range(100).batch(2)).get_next()
        x = tf.reshape(tf.cast(x, tf.float32), [-1, 1])
        summaries.scalar("first", x[0, 0])
        summaries.image("pictures", tf.reshape(x, [-1, 1, 1, 1]))
        summaries.text("texts", tf.strings.as_string(x[:, 0], precision=0))
        summaries.histogram("spread", x)
        return {"x": x}, 2 * x

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        y = keras.layers.Dense(1)(features["x"])
        summaries.scalar("sum", tf.reduce_sum(features["x"]))
        return answered(mode, y, labels)

    estimator = Estimator(model_fn, tmp_path, RunConfig(save_summary_steps=2)).train(input_fn, max_steps=5)
    estimator.evaluate(input_fn, steps=1)

    assert events.values(tmp_path, "first") == {2: 2.0, 4: 6.0}
    assert events.values(tmp_path, "sum") == {2: 5.0, 4: 13.0}
    assert {step: told.tolist() for step, told in events.values(tmp_path, "texts").items()} == {
        2: [b"2", b"3"],
        4: [b"6", b"7"],
    }
    assert list(events.pictures(tmp_path, "pictures")) == list(events.values(tmp_path, "spread")) == [2, 4]
    assert "first" not in events.steps(tmp_path / "eval")


def test_summaries_of_a_dataset_are_no_error(tmp_path: Path) -> None:
    def input_fn() -> tf.data.Dataset:
        summaries.scalar("size", tf.constant(16.0))
        return numbers()

    Estimator(model_fn, tmp_path, RunConfig(save_summary_steps=1)).train(input_fn, max_steps=1)

    assert "size" not in events.steps(tmp_path)


def test_the_graph_is_shown_once(tmp_path: Path) -> None:
    def named(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        return answered(mode, tf.identity(keras.layers.Dense(1)(features["x"]), "doubled"), labels)

    Estimator(named, tmp_path).train(numbers, max_steps=2)

    (graph,) = events.graphs(tmp_path)
    assert "doubled" in {node.name for node in graph.node}
