"""A training that was killed goes on, and a checkpoint that broke is passed over."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.ml.estimator.doubling import answered, asked, doubled, numbers
from trainer.ml.estimator import BrokenCheckpoint, Estimator, EstimatorSpec, Hook, ModeKeys, RunConfig, Step

ROOT = Path(__file__).parents[3]


def noisy(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
    """A model in which chance has its part: initial values, dropout, order of input."""
    learning = mode == ModeKeys.TRAIN
    x = keras.layers.Dense(8, activation="tanh")(features["x"])
    x = keras.layers.BatchNormalization()(x, training=learning)
    x = keras.layers.Dropout(0.3)(x, training=learning)
    return answered(mode, keras.layers.Dense(1)(x), labels)


def shuffled() -> tf.data.Dataset:
    x = np.linspace(-2, 2, 60, dtype=np.float32)[:, None]
    return tf.data.Dataset.from_tensor_slices(({"x": x}, 2 * x)).shuffle(60, seed=7).batch(7).repeat()


def estimator(where: Path, **config: Any) -> Estimator:
    return Estimator(noisy, where, config=RunConfig(seed=11, **{"save_checkpoints_steps": 10, **config}))


def weights(trained: Estimator) -> list[np.ndarray]:
    assert list(trained.predict(asked))
    return [variable.numpy() for variable in trained.trainable_variables]


class KillAt(Hook):
    """Kills the process, without any warning to it."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, step: Step) -> None:
        if step.number == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


class Remember(Hook):
    """What happened, in order."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.saved: list[str] = []

    def after_step(self, step: Step) -> None:
        self.seen.append(step.number)

    def after_save(self, step: Step, path: str) -> None:
        self.saved.append(Path(path).name)


def test_a_checkpoint_holds_what_a_hook_made_of_the_weights_before(tmp_path: Path) -> None:
    class Ones(Hook):
        def before_save(self, step: Step) -> None:
            if step.number == 2:
                for variable in trained.trainable_variables:
                    variable.assign(tf.ones_like(variable))

    trained = estimator(tmp_path)
    trained.train(shuffled, max_steps=2, hooks=[Ones()])

    assert all((weight == 1).all() for weight in weights(estimator(tmp_path)))


def test_a_killed_process_goes_on_to_the_very_same_weights(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from tests.ml.estimator import test_checkpoints as t\n"
        "where = pathlib.Path(sys.argv[1])\n"
        "t.estimator(where).train(t.shuffled, max_steps=40, hooks=[t.KillAt(27)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "killed"], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == -signal.SIGKILL

    watch = Remember()
    resumed = estimator(tmp_path / "killed").train(shuffled, max_steps=40, hooks=[watch])
    whole = estimator(tmp_path / "whole").train(shuffled, max_steps=40)

    assert watch.seen == list(range(21, 41))
    for one, other in zip(weights(resumed), weights(whole), strict=True):
        np.testing.assert_array_equal(one, other)


def cut(path: Path) -> None:
    data = next(path.parent.glob(f"{path.name}.data-*"))
    data.write_bytes(data.read_bytes()[:-40])


def change(path: Path) -> None:
    data = next(path.parent.glob(f"{path.name}.data-*"))
    data.write_bytes(bytes(byte ^ 1 for byte in data.read_bytes()))


def empty_data(path: Path) -> None:
    next(path.parent.glob(f"{path.name}.data-*")).write_bytes(b"")


def empty_index(path: Path) -> None:
    path.with_name(path.name + ".index").write_bytes(b"")


def cut_index(path: Path) -> None:
    index = path.with_name(path.name + ".index")
    index.write_bytes(index.read_bytes()[:-30])


def lose_shard(path: Path) -> None:
    next(path.parent.glob(f"{path.name}.data-*")).unlink()


def lose_index(path: Path) -> None:
    path.with_name(path.name + ".index").unlink()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a training of 25 steps; to be copied, not changed."""
    where = tmp_path_factory.mktemp("trained")
    estimator(where).train(shuffled, max_steps=25)
    return where


@pytest.mark.parametrize("damage", [cut, change, empty_data, empty_index, cut_index, lose_shard])
def test_a_broken_checkpoint_is_passed_over_aloud(
    damage: Callable[[Path], None], trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    damage(tmp_path / "ckpt-25")

    step = estimator(tmp_path).evaluate(shuffled, steps=1)["global_step"]
    told, watch = caplog.text, Remember()
    estimator(tmp_path).train(shuffled, max_steps=23, hooks=[watch])

    assert step == 20
    assert "passing over a broken checkpoint" in told
    assert "ckpt-25" in told
    assert watch.seen == [21, 22, 23]
    assert sorted(path.name for path in tmp_path.glob("ckpt-*.index")) == ["ckpt-20.index", "ckpt-23.index"]
    assert not list(tmp_path.glob("ckpt-25*"))


def test_when_all_checkpoints_are_broken_training_begins_afresh_and_using_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    estimator(tmp_path / "broken").train(shuffled, max_steps=20)
    for number in (10, 20):
        cut(tmp_path / "broken" / f"ckpt-{number}")

    with pytest.raises(BrokenCheckpoint, match="none of the checkpoints"):
        next(estimator(tmp_path / "broken").predict(asked))
    with pytest.raises(BrokenCheckpoint, match="ckpt-10 cannot be read"):
        estimator(tmp_path / "broken").evaluate(shuffled, checkpoint_path=tmp_path / "broken" / "ckpt-10")
    afresh = estimator(tmp_path / "broken").train(shuffled, max_steps=12)
    whole = estimator(tmp_path / "whole").train(shuffled, max_steps=12)

    assert "none of the checkpoints" in caplog.text
    assert "begins afresh" in caplog.text
    for one, other in zip(weights(afresh), weights(whole), strict=True):
        np.testing.assert_array_equal(one, other)
    assert afresh.latest_step() == 12


def test_a_checkpoint_whose_writing_was_cut_off_is_none(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    lose_index(tmp_path / "ckpt-25")

    assert estimator(tmp_path).evaluate(shuffled, steps=1)["global_step"] == 20


def test_checkpoints_by_steps_by_seconds_and_at_the_end(tmp_path: Path) -> None:
    watches = {}
    for name, config in {
        "steps": {"save_checkpoints_steps": 4, "keep_checkpoint_max": 2},
        "seconds": {"save_checkpoints_steps": None, "save_checkpoints_secs": 0, "keep_checkpoint_max": None},
        "end": {"save_checkpoints_steps": None, "save_checkpoints_secs": None},
    }.items():
        watches[name] = Remember()
        trained = Estimator(doubled, tmp_path / name, config=RunConfig(**config))
        trained.train(numbers, max_steps=9, hooks=[watches[name]])

    assert watches["steps"].saved == ["ckpt-4", "ckpt-8", "ckpt-9"]
    assert watches["seconds"].saved == [f"ckpt-{step}" for step in range(1, 10)]
    assert watches["end"].saved == ["ckpt-9"]
    kept = {name: {path.stem for path in (tmp_path / name).glob("ckpt-*.index")} for name in watches}
    assert kept["steps"] == {"ckpt-8", "ckpt-9"}
    assert len(kept["seconds"]) == 9
    assert tf.train.latest_checkpoint(str(tmp_path / "steps")) == str(tmp_path / "steps" / "ckpt-9")


def test_a_training_cut_off_before_any_checkpoint_leaves_nothing_to_go_on_from(tmp_path: Path) -> None:
    class Abort(Hook):
        def after_step(self, step: Step) -> None:
            raise KeyboardInterrupt

    cut_off = estimator(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        cut_off.train(shuffled, max_steps=5, hooks=[Abort()])

    with pytest.raises(RuntimeError, match="anew"):
        cut_off.train(shuffled, max_steps=5)


def test_a_loss_that_is_no_number_ends_the_training_before_it_is_saved(tmp_path: Path) -> None:
    def poisoned() -> tf.data.Dataset:
        x = np.array([[1.0], [1.0], [np.nan]], np.float32)
        return tf.data.Dataset.from_tensor_slices(({"x": x}, x)).batch(1)

    trained = Estimator(doubled, tmp_path, config=RunConfig(save_checkpoints_steps=1))
    with pytest.raises(FloatingPointError, match="nan at step 3"):
        trained.train(poisoned, max_steps=3)

    assert trained.latest_step() == 2
