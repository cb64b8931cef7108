"""What the variables hold: the values of a checkpoint, or ones that are ahead of any."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from . import checkpoints
from .checkpoints import STEP, BrokenCheckpoint, Checkpoints
from .inputs import Input
from .programs import Program, Programs
from .spec import ModeKeys
from .warm_start import WarmStart, begin_from

log = logging.getLogger(__name__)


class State:
    """The values of an Estimator's variables, and the checkpoints of its directory."""

    def __init__(self, directory: Path, keep: int | None, programs: Programs, step: tf.Variable) -> None:
        self._programs, self._step = programs, step
        self._directory = directory
        self.checkpoints = Checkpoints(directory, keep)
        self._at: tuple[str, int, int] | None = None  # the checkpoint whose values the variables hold,
        self._held: set[str] = set()  # and which variables do
        self._dirty = False  # whether they have values that are in no checkpoint
        self._training: str | None = None  # while it trains, the checkpoint just written

    def begin_anew(self, directory: Path, keep: int | None) -> None:
        """All variables have initial values, for a training in another directory."""
        self._directory, self.checkpoints = directory, Checkpoints(directory, keep)
        self._step.assign(0)
        self._at, self._held, self._dirty = None, set(), False

    def emptied(self) -> None:
        """The variables hold nothing of use."""
        self._at, self._held, self._dirty = None, set(), True

    @property
    def step(self) -> int:
        """The steps that the variables have behind them."""
        return int(self._step.numpy())

    @contextmanager
    def training(self) -> Iterator[None]:
        """Inside, the variables are ahead of checkpoints, and only the one just written can be used."""
        self._training = self._at[0] if self._at else ""
        try:
            yield
        finally:
            self._training = None

    def ahead(self) -> None:
        """The variables are about to change."""
        self._at, self._dirty = None, True

    def chance(self) -> "Chance":
        """The generators of random numbers, for one call by itself."""
        return Chance(self._programs.generators())

    def save(self, number: int, given: Input) -> str:
        """Write a checkpoint, and how far the input has come; returns its path."""
        variables = self._programs.variables(ModeKeys.TRAIN)
        self._directory.mkdir(parents=True, exist_ok=True)
        given.save(self.checkpoints.place_in_input(number))
        path = self.checkpoints.write(number, {STEP: self._step, **variables})
        self._at, self._training = checkpoints.stamp_of(path), path
        self._held, self._dirty = set(variables), False
        return path

    def is_done(self, max_steps: int) -> bool:
        """Whether the newest checkpoint, which can be read, has so many steps."""
        path = next(iter(self.checkpoints.paths()), None)
        if path is None or checkpoints.step_of(path) < max_steps:
            return False
        try:
            checkpoints.values_in(path, list(checkpoints.names_in(path)))
        except BrokenCheckpoint:
            return False
        return True

    def resume(self, warm: WarmStart | None) -> int:
        """Take up the newest readable checkpoint, or initial values; returns the steps done."""
        paths = self.checkpoints.paths()
        if paths and self._restored(ModeKeys.TRAIN, paths):
            return self.step
        if self._dirty or self._held:
            raise RuntimeError(
                f"there is no checkpoint in {self._directory} to go on from, and the variables no longer have their "
                "initial values: make the model and the Estimator anew"
            )
        if paths:
            log.warning("none of the checkpoints in %s can be read: training begins afresh", self._directory)
        self._step.assign(0)
        if warm is not None:
            begin_from(warm, self._programs.variables(ModeKeys.PREDICT))
        return 0

    def restore(self, mode: ModeKeys, wanted: Path | str | None) -> None:
        """Give the variables of a mode the values of a checkpoint, or of the newest that can be read."""
        if wanted is not None:
            self._take(mode, str(wanted))
            return
        paths = self.checkpoints.paths()
        if not paths:
            raise FileNotFoundError(f"no checkpoint in {self._directory}: train first")
        if not self._restored(mode, paths):
            raise BrokenCheckpoint(f"none of the checkpoints in {self._directory} can be read: train again")

    def _restored(self, mode: ModeKeys, paths: Sequence[str]) -> bool:
        for path in paths:
            try:
                self._take(mode, path)
            except BrokenCheckpoint as error:
                log.warning("passing over a broken checkpoint: %s", error)
            else:
                return True
        return False

    def _take(self, mode: ModeKeys, path: str) -> None:
        # Evaluation and prediction never change the model's variables, so what is in memory is current, unless another
        # process has trained in the same directory.
        variables = self._programs.variables(mode)
        stamp = checkpoints.stamp_of(path)
        if stamp is not None and stamp == self._at and self._held >= set(variables):
            return
        if self._training is not None and path != self._training:
            raise RuntimeError("while it trains, an Estimator can only evaluate or export the checkpoint just written")
        self._step.assign(checkpoints.read(path, variables))
        self._held = set(variables) | (self._held if stamp == self._at else set())
        self._at = stamp
        self._dirty = self._dirty and mode != ModeKeys.TRAIN


def ahead_of(state: State, current: Callable[[], Program]) -> Callable[[], Program]:
    """The program of a step, after which the variables are ahead of any checkpoint."""

    def about_to_run() -> Program:
        program = current()  # which may have to be traced, and may refuse to
        state.ahead()
        return program

    return about_to_run


class Chance:
    """The states of generators in one evaluation or prediction: they go on in it, and in nothing else."""

    def __init__(self, variables: Sequence[tf.Variable]) -> None:
        self._variables = variables
        self._own = [variable.read_value() for variable in variables]

    @contextmanager
    def used(self) -> Iterator[None]:
        """Inside, the states are those of the call."""
        before = [variable.read_value() for variable in self._variables]
        self._set(self._own)
        try:
            yield
        finally:
            self._own = [variable.read_value() for variable in self._variables]
            self._set(before)

    def _set(self, values: Sequence[tf.Tensor]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
