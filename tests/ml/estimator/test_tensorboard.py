"""TensorBoard itself reads what a training writes, and finds in it what the other tests read."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.histogram.metadata import PLUGIN_NAME as HISTOGRAMS
from tensorboard.plugins.scalar.metadata import PLUGIN_NAME as SCALARS
from tensorboard.plugins.text.metadata import PLUGIN_NAME as TEXTS

from tests.ml.estimator import events
from tests.ml.estimator.doubling import numbers
from tests.ml.estimator.test_summaries import model_fn
from trainer.ml.estimator import Estimator, RunConfig


def test_tensorboard_shows_what_was_written(tmp_path: Path) -> None:
    Estimator(model_fn, tmp_path, config=RunConfig(save_summary_steps=5)).train(numbers, max_steps=12)

    read = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0}).Reload()
    shown = {tag: read.Tensors(tag) for tag in read.Tags()["tensors"]}

    assert {tag: read.SummaryMetadata(tag).plugin_data.plugin_name for tag in shown} == events.plugins(tmp_path)
    assert set(events.plugins(tmp_path).values()) == {SCALARS, HISTOGRAMS, TEXTS}
    assert {tag: [one.step for one in found] for tag, found in shown.items()} == events.steps(tmp_path)
    for tag, found in shown.items():
        for one in found:
            np.testing.assert_array_equal(tf.make_ndarray(one.tensor_proto), events.values(tmp_path, tag)[one.step])
