"""Where a training that was killed goes on in its input, and what is kept beside its checkpoints for that."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.ml.estimator.doubling import doubled
from tests.ml.estimator.following import few, follower, total
from trainer.ml.estimator import Estimator, Hook, RunConfig, Step


class DieAfter(Hook):
    """Kills a training at a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, step: Step) -> None:
        if step.number == self.step:
            raise KeyboardInterrupt


class Watch(Hook):
    """Remembers the steps."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def after_step(self, step: Step) -> None:
        self.seen.append(step.number)


class Noted:
    """A pipeline that writes down the elements it makes, in a way that lets its state be saved."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def shuffled(self) -> tf.data.Dataset:
        return self._noted(tf.data.Dataset.range(20)).shuffle(5, reshuffle_each_iteration=True).repeat(2)

    def in_order(self) -> tf.data.Dataset:
        return self._noted(tf.data.Dataset.range(40))

    def made(self) -> list[int]:
        return [int(line) for line in self._file.read_text().split()]

    def _noted(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        def note(element: tf.Tensor) -> tf.Tensor:
            tf.print(element, output_stream=f"file://{self._file}")
            return element

        return dataset.map(note)


def resumed(where: Path, input_fn: Any, config: RunConfig) -> Estimator:
    """A training of 24 steps that is killed at the 11th and the 18th; its checkpoints are of 8 and 16."""
    for die in (11, 18):
        with pytest.raises(KeyboardInterrupt):
            Estimator(follower, where, config).train(input_fn, max_steps=24, hooks=[DieAfter(die)])
    watch = Watch()
    estimator = Estimator(follower, where, config).train(input_fn, max_steps=24, hooks=[watch])
    assert watch.seen == list(range(17, 25))
    return estimator


CONFIG = RunConfig(save_checkpoints_steps=8, save_summary_steps=None)


def test_a_killed_training_goes_on_in_its_input_without_making_it_again(tmp_path: Path) -> None:
    noted = Noted(tmp_path / "made")
    whole = Estimator(follower, tmp_path / "whole", CONFIG).train(noted.in_order, max_steps=24)
    once = len(noted.made())
    (tmp_path / "made").unlink()

    killed = resumed(tmp_path / "killed", noted.in_order, CONFIG)

    assert total(killed) == total(whole)
    # Made again is what came after a checkpoint: 3 and 2 elements, and those made in advance. From the first: 27.
    assert noted.made().count(0) == 1
    assert len(noted.made()) <= once + 5 + 4


@pytest.mark.parametrize("save_input", [True, False])
def test_a_shuffled_input_goes_on_as_it_would_have(save_input: bool, tmp_path: Path) -> None:
    config, noted = CONFIG.replace(save_input=save_input), Noted(tmp_path / "made")

    whole = Estimator(follower, tmp_path / "whole", config).train(noted.shuffled, max_steps=24)
    killed = resumed(tmp_path / "killed", noted.shuffled, config)

    assert total(killed) == total(whole)


def test_a_generator_is_run_again_and_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made: list[int] = []

    def generate() -> Iterator[int]:
        for number in range(40):
            made.append(number)
            yield number

    def input_fn() -> tf.data.Dataset:
        return tf.data.Dataset.from_generator(generate, output_signature=tf.TensorSpec([], tf.int32))

    caplog.set_level(logging.INFO)
    whole = Estimator(follower, tmp_path / "whole", CONFIG).train(input_fn, max_steps=24)
    assert "the state of the input cannot be saved" in caplog.text
    made.clear()
    killed = resumed(tmp_path / "killed", input_fn, CONFIG)

    assert total(killed) == total(whole)
    assert made.count(0) == 3
    assert "8 batches that earlier steps consumed are made again" in caplog.text
    assert "16 batches that earlier steps consumed are made again" in caplog.text


def test_an_input_of_tensors_goes_on_where_it_was(tmp_path: Path) -> None:
    def input_fn() -> Any:
        return tf.compat.v1.data.make_one_shot_iterator(tf.data.Dataset.range(40)).get_next()

    whole = Estimator(follower, tmp_path / "whole", CONFIG).train(input_fn, max_steps=24)
    killed = resumed(tmp_path / "killed", input_fn, CONFIG)

    assert total(killed) == total(whole)


def test_another_input_than_before_is_begun_where_the_other_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def other() -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices(np.arange(100, 140)).shuffle(40, seed=1).batch(1)

    def kill(where: str, input_fn: Any) -> Estimator:
        estimator = Estimator(follower, tmp_path / where, CONFIG)
        with pytest.raises(KeyboardInterrupt):
            estimator.train(input_fn, max_steps=24, hooks=[DieAfter(11)])
        return Estimator(follower, tmp_path / where, CONFIG)

    caplog.set_level(logging.INFO)
    kill("one", lambda: tf.data.Dataset.range(40).map(lambda one: one + 0).batch(1)).train(other, max_steps=24)

    assert "the input is another one than the one whose state was saved" in caplog.text
    assert "8 batches that earlier steps consumed are made again" in caplog.text


def inputs(where: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in where.glob("input-*")}


def test_what_is_saved_of_an_input_goes_with_its_checkpoint(tmp_path: Path) -> None:
    config = RunConfig(save_checkpoints_steps=2, keep_checkpoint_max=2)
    seen: list[set[str]] = []

    class Look(Hook):
        def after_save(self, step: Step, path: str) -> None:
            seen.append(inputs(tmp_path))

    (tmp_path / "input-99.json").write_text("{}")
    (tmp_path / "input-99.index").write_text("")
    Estimator(doubled, tmp_path, config).train(few(7), max_steps=8, hooks=[Look()])

    assert seen == [{"input-2"}, {"input-2", "input-4"}, {"input-4", "input-6"}, {"input-6", "input-7"}]
    assert inputs(tmp_path) == {"input-6"}  # that of the last is over: more steps begin anew
    assert not list(tmp_path.glob("*.part"))
