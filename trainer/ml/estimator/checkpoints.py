"""Checkpoints: the values of variables in numbered files, of which the newest whole one counts."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf

from .variables import VariableMismatch

log = logging.getLogger(__name__)

STEP = "global_step"
_FILE = re.compile(r"ckpt-(\d+)\.(?:index|data-\d+-of-\d+)(?:\.tempstate\d+)?")
_INPUT = re.compile(r"input-(\d+)\..+")  # how far the input had come at a checkpoint


class BrokenCheckpoint(OSError):
    """A checkpoint that cannot be read: a file is missing, cut off or changed."""


class Checkpoints:
    """The checkpoints of one directory, by the number of their step."""

    def __init__(self, directory: Path, keep: int | None) -> None:
        self._directory, self._keep = directory, keep

    def paths(self) -> list[str]:
        """What `write` returned for those that are there, newest first."""
        steps = [step_of(path.stem) for path in self._directory.glob("ckpt-*.index") if _FILE.fullmatch(path.name)]
        return [self.path_of(step) for step in sorted(steps, reverse=True)]

    def path_of(self, step: int) -> str:
        """Where the checkpoint of a step is, or would be."""
        return str(self._directory / f"ckpt-{step}")

    def write(self, step: int, variables: Mapping[str, tf.Variable]) -> str:
        """Write the values, whole or not at all, and remove what need not be kept.

        What is numbered higher was passed over as broken when this training began; it goes, too. Raises OSError where
        there is no room.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self.path_of(step)
        values = {name: variable.read_value() for name, variable in variables.items()}
        try:
            tf.raw_ops.SaveV2(
                prefix=path,
                tensor_names=list(values),
                shape_and_slices=[""] * len(values),
                tensors=list(values.values()),
            )
        except tf.errors.OpError as error:
            raise OSError(f"the checkpoint cannot be written to {path}: {error.message}") from error
        older = [number for number in map(step_of, self.paths()) if number <= step]
        kept = set(older[: self._keep])
        for file in self._directory.iterdir():
            match = _FILE.fullmatch(file.name) or _INPUT.fullmatch(file.name)
            if match and int(match[1]) not in kept:
                file.unlink(missing_ok=True)
        self._tell(step, kept)
        return path

    def place_in_input(self, step: int) -> Path:
        """Where is told how far the input had come at the checkpoint of a step, if its training was not over then."""
        return self._directory / f"input-{step}"

    def training_is_over(self, step: int) -> None:
        """Who goes on from this checkpoint begins the input anew."""
        for file in self._directory.glob(f"input-{step}.*"):
            file.unlink(missing_ok=True)

    def _tell(self, newest: int, kept: set[int]) -> None:
        """Where TensorFlow's own tools look for the newest one."""
        told = f'model_checkpoint_path: "ckpt-{newest}"\n'
        told += "".join(f'all_model_checkpoint_paths: "ckpt-{step}"\n' for step in sorted(kept))
        aside = self._directory / "checkpoint.part"
        aside.write_text(told, encoding="utf-8")
        aside.replace(self._directory / "checkpoint")


def step_of(path: str) -> int:
    """The number of steps that a checkpoint's name tells."""
    return int(path.rpartition("-")[2])


def read(path: str, variables: Mapping[str, tf.Variable]) -> int:
    """Give the variables the values that a checkpoint has for their names; returns its step.

    All is read before anything is changed. Raises BrokenCheckpoint, or VariableMismatch where it is the checkpoint
    of another model.
    """
    shapes = names_in(path)
    for name, variable in variables.items():
        if name not in shapes:
            raise VariableMismatch(f"{path} has no variable {name!r}: another model was saved there")
        if not variable.shape.is_compatible_with(shapes[name]):
            raise VariableMismatch(
                f"{path} has {name!r} with shape {tuple(shapes[name])}, the model with {tuple(variable.shape)}"
            )
        _refuse_one_of_several(path, name, set(shapes) - set(variables))
    values = values_in(path, [STEP, *variables])
    for name, variable in variables.items():
        variable.assign(values[name])
    return int(values[STEP])


def stamp_of(path: str) -> tuple[str, int, int] | None:
    """What tells a checkpoint from another one that is written in its place; None where there is none."""
    index = Path(f"{path}.index")
    if not index.exists():
        return None
    told = index.stat()
    return path, told.st_mtime_ns, told.st_size


def names_in(path: str) -> dict[str, list[int]]:
    """The shapes of what a checkpoint holds, by name; raises BrokenCheckpoint."""
    with _readable(path):
        reader = tf.train.load_checkpoint(path)
        shapes, types = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    needed = sum(int(np.prod(shape)) * types[name].size for name, shape in shapes.items())
    found = sum(file.stat().st_size for file in Path(path).parent.glob(f"{Path(path).name}.data-*"))
    if found < needed:
        raise BrokenCheckpoint(f"{path} cannot be read: its data is cut off or missing")
    return dict(shapes)


def values_in(path: str, names: list[str]) -> dict[str, np.ndarray]:
    """The values of these names; raises BrokenCheckpoint."""
    with _readable(path):
        reader = tf.train.load_checkpoint(path)
        return {name: reader.get_tensor(name) for name in names}


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    # The reader tells of damage by whichever of these fits TensorFlow's own error.
    except (tf.errors.OpError, ValueError, IndexError, RuntimeError) as error:
        raise BrokenCheckpoint(f"{path} cannot be read: {error}") from error


def _refuse_one_of_several(path: str, name: str, others: set[str]) -> None:
    base = re.sub(r"\.\d+$", "", name)
    if name.startswith("outside/") and any(re.fullmatch(re.escape(base) + r"\.\d+", other) for other in others):
        raise VariableMismatch(
            f"{path} has several variables {base!r} that were made outside the model function, and this mode does not "
            "use all of them: give them different names"
        )
