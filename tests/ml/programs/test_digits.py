"""Handwritten digits told apart by a small convolutional network; killed in the middle, it goes on where it was.

`python test_digits.py MODEL_DIR STEPS [STEP_TO_DIE_AT]` is the training alone.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainer.ml.estimator import (
    Estimator,
    EstimatorSpec,
    Hook,
    ModeKeys,
    RunConfig,
    Step,
    measure,
    minimize,
    summaries,
)

ROOT = Path(__file__).resolve().parents[3]
HELD_OUT = 400
STEPS = 300


def digits() -> tuple[np.ndarray, np.ndarray]:
    """All 1797 pictures, [8, 8, 1] from 0 to 1, in a fixed random order, and the digits they show."""
    data = load_digits()
    order = np.random.default_rng(1).permutation(len(data.target))
    pictures = (data.images / 16).astype(np.float32)[..., None]
    return pictures[order], data.target.astype(np.int32)[order]


def moved(number: tf.Tensor, example: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """The picture shifted by up to one pixel, at random but always alike for the example of this number."""
    picture, digit = example
    framed = tf.pad(picture, [[1, 1], [1, 1], [0, 0]])
    return tf.image.stateless_random_crop(framed, [8, 8, 1], seed=tf.stack([number, 0])), digit


def training_input() -> tf.data.Dataset:
    pictures, shown = digits()
    examples = tf.data.Dataset.from_tensor_slices((pictures[HELD_OUT:], shown[HELD_OUT:]))
    examples = examples.shuffle(2000, seed=1).repeat().enumerate().map(moved, num_parallel_calls=2)
    return examples.batch(32).prefetch(2)


def held_out() -> tf.data.Dataset:
    pictures, shown = digits()
    return tf.data.Dataset.from_tensor_slices((pictures[:HELD_OUT], shown[:HELD_OUT])).batch(100)


def model_fn(features: tf.Tensor, labels: Any, mode: ModeKeys) -> EstimatorSpec:
    training = mode == ModeKeys.TRAIN
    picture = features
    for filters in (16, 32):
        picture = keras.layers.Conv2D(filters, 3, strides=2 if filters > 16 else 1, padding="same")(picture)
        picture = tf.nn.relu(keras.layers.BatchNormalization(momentum=0.9)(picture, training=training))
    flat = keras.layers.Dropout(0.3)(keras.layers.Flatten()(picture), training=training)
    scores = keras.layers.Dense(10)(flat)
    digit = tf.argmax(scores, axis=1, output_type=tf.int32)
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions={"digit": digit, "share": tf.nn.softmax(scores)})
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores))
    if mode == ModeKeys.EVAL:
        accuracy = measure(keras.metrics.SparseCategoricalAccuracy, labels, scores)
        return EstimatorSpec(mode, loss=loss, eval_metric_ops={"accuracy": accuracy})
    summaries.histogram("scores", scores)
    summaries.text("read as", tf.strings.join([tf.strings.as_string(labels), tf.strings.as_string(digit)], " as "))
    return EstimatorSpec(mode, loss=loss, train_op=minimize(loss, lambda: keras.optimizers.Adam(0.003)))


class Killed(Hook):
    """Ends the process at a step, as a power cut would: nothing is cleaned up, nothing saved."""

    def __init__(self, at: int) -> None:
        self.at = at

    def after_step(self, step: Step) -> None:
        if step.number == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class Steps(Hook):
    """Remembers which steps were made."""

    def begin(self, step: int) -> None:
        self.made: list[int] = []

    def after_step(self, step: Step) -> None:
        self.made.append(step.number)


def estimator_in(model_dir: Path) -> Estimator:
    return Estimator(model_fn, model_dir, config=RunConfig(seed=1, save_checkpoints_steps=50, save_summary_steps=100))


def shown_in(folder: Path) -> dict[str, list[int]]:
    """The steps at which TensorBoard would show something under each tag."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
    return {tag: [event.step for event in events.Tensors(tag)] for tag in events.Tags()["tensors"]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Estimator:
    """A training that nothing disturbed."""
    return estimator_in(tmp_path_factory.mktemp("whole")).train(training_input, max_steps=STEPS)


def test_it_tells_digits_apart(trained: Estimator) -> None:
    measured = trained.evaluate(held_out)
    first = next(trained.predict(held_out))

    assert measured["accuracy"] >= 0.9
    assert measured["global_step"] == STEPS
    assert first["digit"] == digits()[1][0]
    assert first["share"].sum() == pytest.approx(1, abs=1e-5)


def test_tensorboard_shows_how_it_went(trained: Estimator) -> None:
    trained.evaluate(held_out, name="digits")

    training, evaluation = (shown_in(trained.model_dir / folder) for folder in ("", "eval_digits"))

    assert training == {key: [100, 200, 300] for key in ["loss", "steps_per_second", "scores", "read as"]}
    assert evaluation == {key: [300] for key in ["loss", "accuracy"]}


def test_a_killed_training_goes_on_to_the_same_model(trained: Estimator, tmp_path: Path) -> None:
    command = [sys.executable, __file__, str(tmp_path), str(STEPS), "270"]
    killed = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    steps = Steps()

    resumed = estimator_in(tmp_path).train(training_input, max_steps=STEPS, hooks=[steps])

    assert killed.returncode == -signal.SIGKILL
    assert steps.made == list(range(251, STEPS + 1))
    assert resumed.evaluate(held_out) == trained.evaluate(held_out)
    for one, other in zip(resumed.trainable_variables, trained.trainable_variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


if __name__ == "__main__":
    where, steps_in_all, *dying = sys.argv[1:]
    hooks = [Killed(int(step)) for step in dying]
    estimator_in(Path(where)).train(training_input, max_steps=int(steps_in_all), hooks=hooks)
