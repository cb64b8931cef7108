"""TensorBoard reads what a training and an evaluation write, though nothing here needs it to write."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.histogram.metadata import PLUGIN_NAME as HISTOGRAMS
from tensorboard.plugins.scalar.metadata import PLUGIN_NAME as SCALARS
from tensorboard.plugins.text.metadata import PLUGIN_NAME as TEXTS

from tests.ml.estimator.doubling import answered, asked, numbers, serving
from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, RunConfig, ratio, summaries

ROOT = Path(__file__).parents[3]


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


def read(directory: Path) -> EventAccumulator:
    return EventAccumulator(str(directory), size_guidance={"tensors": 0}).Reload()


def values(events: EventAccumulator, tag: str) -> dict[int, np.ndarray]:
    return {event.step: tf.make_ndarray(event.tensor_proto) for event in events.Tensors(tag)}


def test_a_training_shows_loss_speed_histograms_and_examples(tmp_path: Path) -> None:
    Estimator(model_fn, tmp_path, config=RunConfig(save_summary_steps=5)).train(numbers, max_steps=12)

    events = read(tmp_path)
    plugins = {tag: events.SummaryMetadata(tag).plugin_data.plugin_name for tag in events.Tags()["tensors"]}
    loss, bias = values(events, "loss"), values(events, "bias")
    inputs = values(events, "inputs")[5]

    assert plugins == {
        "loss": SCALARS,
        "steps_per_second": SCALARS,
        "bias": SCALARS,
        "weights": HISTOGRAMS,
        "inputs": HISTOGRAMS,
        "nothing": HISTOGRAMS,
        "examples": TEXTS,
    }
    assert list(loss) == list(bias) == [5, 10]
    assert loss[5] > loss[10] > 0
    assert all(speed > 0 for speed in values(events, "steps_per_second").values())
    assert inputs[:, 2].sum() == 4
    assert (inputs[0, 0], inputs[-1, 1]) == (-2.0, -1.25)  # the first of four batches
    assert values(events, "nothing")[5][:, 2].sum() == 0
    assert values(events, "examples")[5].tolist() == [b"-2.00", b"-1.75"]


def test_an_evaluation_shows_its_metrics_under_its_name(tmp_path: Path) -> None:
    estimator = Estimator(model_fn, tmp_path, config=RunConfig(save_summary_steps=None)).train(numbers, max_steps=3)

    found = estimator.evaluate(numbers, steps=2)
    estimator.evaluate(numbers, steps=2, name="again")

    for directory in ("eval", "eval_again"):
        events = read(tmp_path / directory)
        assert set(events.Tags()["tensors"]) == {"loss", "error"}
        assert values(events, "error") == {3: pytest.approx(found["error"])}
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


ALONE = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "celery", "annotator", "web", "redis", "psycopg2", "tensorboard"}:
            raise ModuleNotFoundError(f"{name} is absent")
sys.meta_path.insert(0, Absent())

import pathlib
from tests.ml.estimator import doubling
from trainer.ml.estimator import Estimator, RunConfig, from_saved_model

where = pathlib.Path(sys.argv[1])
estimator = Estimator(doubling.doubled, where / "model", config=RunConfig(save_summary_steps=10))
estimator.train(doubling.numbers, max_steps=100)
estimator.evaluate(doubling.numbers, steps=2)
served = from_saved_model(estimator.export_saved_model(where / "export", doubling.serving))
print(round(float(served(x=[[5.0]])["y"][0, 0])))
"""


def test_the_library_stands_without_django_celery_and_tensorboard(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALONE, tmp_path],
        env={"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == "10", done.stderr[-3000:]
    assert len(values(read(tmp_path / "model"), "loss")) == 10
