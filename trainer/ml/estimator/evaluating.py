"""Training with an evaluation at each checkpoint."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .estimator import Estimator, InputFn
from .exporters import Exporter, Goal
from .hooks import Hook, Step

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainSpec:
    """The training's part of `train_and_evaluate`: as for `Estimator.train`."""

    input_fn: InputFn
    max_steps: int
    hooks: Sequence[Hook] = ()


@dataclass(frozen=True)
class EvalSpec:
    """The evaluation's part of `train_and_evaluate`: as for `Estimator.evaluate`, and what to export after it."""

    input_fn: InputFn
    steps: int | None = None
    name: str | None = None
    hooks: Sequence[Hook] = ()
    exporters: Sequence[Exporter] = ()


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
) -> dict[str, float] | None:
    """Train to `max_steps`, evaluate each checkpoint, export, and stop early if told to.

    Returns the last evaluation. The evaluations are kept in `evaluations.jsonl` beside their event files, so that a
    call that was killed can be repeated and goes on: with the same memory of what was best.
    """
    evaluations = _Evaluations(estimator, eval_spec, early_stopping)
    if not evaluations.over():
        hooks = [*train_spec.hooks, evaluations]
        estimator.train(train_spec.input_fn, max_steps=train_spec.max_steps, hooks=hooks)
    return evaluations.close()


class _Evaluations(Hook):
    def __init__(self, estimator: Estimator, spec: EvalSpec, early_stopping: EarlyStopping | None) -> None:
        self._estimator, self._spec, self._stopping = estimator, spec, early_stopping
        self._file = estimator.eval_dir(spec.name) / "evaluations.jsonl"
        self._done: list[dict[str, float]] = []
        if self._file.exists():
            self._done = [json.loads(line) for line in self._file.read_text(encoding="utf-8").splitlines()]

    def over(self) -> bool:
        """Whether an earlier call has stopped early."""
        latest = self._estimator.latest_step()
        known = [found for found in self._done if latest is not None and found["global_step"] <= latest]
        return self._stopping is not None and self._stopping.due(known)

    def begin(self, step: int) -> None:
        # What was evaluated after the checkpoint that training goes on from will be evaluated again.
        self._done = [found for found in self._done if found["global_step"] <= step]
        latest = self._estimator.latest_checkpoint()
        if step and latest is not None and self._estimator.latest_step() == step:
            self._evaluate(step, latest)

    def after_save(self, step: Step, path: str) -> None:
        self._evaluate(step.number, path)
        step.stop = step.stop or (self._stopping is not None and self._stopping.due(self._done))

    def _evaluate(self, step: int, path: str) -> None:
        if self._done and self._done[-1]["global_step"] == step:
            return
        spec = self._spec
        found = self._estimator.evaluate(
            spec.input_fn, steps=spec.steps, checkpoint_path=path, name=spec.name, hooks=spec.hooks
        )
        log.info("evaluation: %s", found)
        self._done.append(found)
        self._export(path, final=False)
        _write(self._file, self._done)

    def close(self) -> dict[str, float] | None:
        """Make the final exports; returns the last evaluation."""
        latest = self._estimator.latest_checkpoint()
        if not self._done or latest is None:
            return None
        self._export(latest, final=True)
        return self._done[-1]

    def _export(self, path: str, *, final: bool) -> None:
        for exporter in self._spec.exporters:
            if exporter.final == final and exporter.wants(self._done):
                exporter.export(self._estimator, path)


def _write(path: Path, lines: Sequence[dict[str, float]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    aside.replace(path)
