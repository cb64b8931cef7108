"""Training with an evaluation at each checkpoint."""

import json
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .estimator import Estimator, Hooks
from .exporters import Exporter, Goal
from .hooks import Hook, Step
from .inputs import InputFn

log = logging.getLogger(__name__)

EVALUATIONS = "evaluations.jsonl"


@dataclass(frozen=True)
class TrainSpec:
    """The training's part of `train_and_evaluate`: as for `Estimator.train`."""

    input_fn: InputFn
    max_steps: int | None = None
    hooks: Hooks = None


@dataclass(frozen=True)
class EvalSpec:
    """The evaluation's part of `train_and_evaluate`: as for `Estimator.evaluate`, and what to export after it.

    `exporters` may be one. A checkpoint is not evaluated within `throttle_secs` of the evaluation before, unless it is
    the last. `start_delay_secs` is of an evaluation in a process of its own, which there is not, and means nothing.
    """

    input_fn: InputFn
    steps: int | None = None
    name: str | None = None
    hooks: Hooks = None
    exporters: Exporter | Sequence[Exporter] | None = None
    start_delay_secs: float = 0
    throttle_secs: float = 0

    @property
    def all_exporters(self) -> Sequence[Exporter]:
        """None, one or several."""
        return (self.exporters,) if isinstance(self.exporters, Exporter) else tuple(self.exporters or ())


@dataclass(frozen=True)
class EarlyStopping:
    """Ends a training when `patience` evaluations in a row were not better than the best by more than `least_gain`."""

    goal: Goal = field(default_factory=Goal)
    patience: int = 3
    least_gain: float = 0.0

    def due(self, evaluations: Sequence[dict[str, float]]) -> bool:
        """Whether these evaluations, in order, say that it is time."""
        if not evaluations:
            return False
        best, best_at = evaluations[0], 0
        for at, found in enumerate(evaluations):
            if self.goal.better(found, best, self.least_gain):
                best, best_at = found, at
        return len(evaluations) - 1 - best_at >= self.patience


def train_and_evaluate(
    estimator: Estimator, train_spec: TrainSpec, eval_spec: EvalSpec, *, early_stopping: EarlyStopping | None = None
) -> tuple[dict[str, Any] | None, list[Path]]:
    """Train to `max_steps`, evaluate each checkpoint, export, and stop early if told to.

    Returns the last evaluation, and what was exported after the training. The evaluations are kept in
    `evaluations.jsonl` beside their event files, so that a call that was killed can be repeated and goes on: with the
    same memory of what was best.
    """
    for given, kind in ((estimator, Estimator), (train_spec, TrainSpec), (eval_spec, EvalSpec)):
        if not isinstance(given, kind):
            raise TypeError(f"train_and_evaluate takes an Estimator, a TrainSpec and an EvalSpec: {given!r} is none")
    evaluations = _Evaluations(estimator, eval_spec, early_stopping)
    if not evaluations.over():
        hooks = [*(train_spec.hooks or ()), evaluations]
        estimator.train(train_spec.input_fn, max_steps=train_spec.max_steps, hooks=hooks)
    return evaluations.close()


def evaluations_in(directory: Path) -> list[dict[str, Any]]:
    """What `train_and_evaluate` measured there, in order."""
    file = directory / EVALUATIONS
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


class _Evaluations(Hook):
    def __init__(self, estimator: Estimator, spec: EvalSpec, early_stopping: EarlyStopping | None) -> None:
        self._estimator, self._spec, self._stopping = estimator, spec, early_stopping
        self._directory = estimator.eval_dir(spec.name)
        self._done = evaluations_in(self._directory)
        self._at = -math.inf

    def over(self) -> bool:
        """Whether an earlier call has stopped early."""
        latest = self._estimator.latest_step()
        known = [found for found in self._done if latest is not None and found["global_step"] <= latest]
        return self._stopping is not None and self._stopping.due(known)

    def begin(self, step: int) -> None:
        """Make up for an evaluation that an earlier call was killed before."""
        # What was evaluated after the checkpoint that training goes on from will be evaluated again.
        self._done = [found for found in self._done if found["global_step"] <= step]
        if step and self._estimator.latest_step() == step:
            self._evaluate_newest()

    def after_save(self, step: Step, path: str) -> None:
        """Evaluate, and stop if it is time."""
        if time.monotonic() - self._at < self._spec.throttle_secs:
            return
        self._evaluate(step.number, path)
        step.stop = step.stop or (self._stopping is not None and self._stopping.due(self._done))

    def close(self) -> tuple[dict[str, Any] | None, list[Path]]:
        """Evaluate what is not yet, and make the final exports."""
        self._evaluate_newest()
        latest = self._estimator.latest_checkpoint()
        if not self._done or latest is None:
            return None, []
        return self._done[-1], self._export(latest, final=True)

    def _evaluate_newest(self) -> None:
        step, path = self._estimator.latest_step(), self._estimator.latest_checkpoint()
        if step is not None and path is not None:
            self._evaluate(step, path)

    def _evaluate(self, step: int, path: str) -> None:
        if self._done and self._done[-1]["global_step"] >= step:
            return
        spec = self._spec
        found = self._estimator.evaluate(
            spec.input_fn, steps=spec.steps, checkpoint_path=path, name=spec.name, hooks=spec.hooks
        )
        self._at = time.monotonic()
        log.info("evaluation: %s", found)
        self._done.append(found)
        self._export(path, final=False)
        _write(self._directory / EVALUATIONS, self._done)

    def _export(self, path: str, *, final: bool) -> list[Path]:
        return [
            exporter.export(self._estimator, path)
            for exporter in self._spec.all_exporters
            if exporter.final == final and exporter.wants(self._done)
        ]


def _write(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.write_text("".join(json.dumps(line, default=np.ndarray.tolist) + "\n" for line in lines), encoding="utf-8")
    aside.replace(path)
