"""Hooks that end a training by what its evaluations say, as `tf.estimator.experimental` had them."""

import time
from pathlib import Path

from .estimator import Estimator
from .evaluating import evaluations_in
from .exporters import Goal
from .hooks import Hook, Step


class _Stop(Hook):
    """Looks at the evaluations after a step, so often."""

    def __init__(
        self, directory: Path, goal: Goal, most: int, minimum: int, every: tuple[float | None, int | None]
    ) -> None:
        self._directory, self._goal, self._most, self._minimum = directory, goal, most, minimum
        self._seconds, self._steps = every
        self._at, self._number = 0.0, 0

    def begin(self, step: int) -> None:
        """Look after the first step."""
        self._at, self._number = 0.0, step - (self._steps or 1)

    def after_step(self, step: Step) -> None:
        """Stop, if there was no gain for too many steps."""
        if self._steps is not None:
            due = step.number - self._number >= self._steps
        else:
            due = self._seconds is None or time.monotonic() - self._at >= self._seconds
        if due:
            self._at, self._number = time.monotonic(), step.number
            step.stop = step.stop or self._over()

    def _over(self) -> bool:
        seen = [found for found in evaluations_in(self._directory) if found["global_step"] >= self._minimum]
        if not seen:
            return False
        best = seen[0]
        for found in seen[1:]:
            if self._goal.better(found, best):
                best = found
        return bool(seen[-1]["global_step"] - best["global_step"] >= self._most)


def stop_if_no_decrease_hook(
    estimator: Estimator,
    metric_name: str,
    max_steps_without_decrease: int,
    eval_dir: Path | str | None = None,
    *,
    min_steps: int = 0,
    run_every_secs: float | None = 60,
    run_every_steps: int | None = None,
) -> Hook:
    """Ends a `train_and_evaluate` when a metric was at its lowest so many steps before the newest evaluation.

    Evaluations before `min_steps` do not count. It looks every so many seconds, or steps if they are given; for an
    evaluation with a name, `eval_dir` is `estimator.eval_dir(name)`. `EarlyStopping` does the same by evaluations.
    """
    every = (run_every_secs, run_every_steps)
    return _Stop(_place(estimator, eval_dir), Goal(metric_name), max_steps_without_decrease, min_steps, every)


def stop_if_no_increase_hook(
    estimator: Estimator,
    metric_name: str,
    max_steps_without_increase: int,
    eval_dir: Path | str | None = None,
    *,
    min_steps: int = 0,
    run_every_secs: float | None = 60,
    run_every_steps: int | None = None,
) -> Hook:
    """The same for a metric of which more is better."""
    goal = Goal(metric_name, higher_is_better=True)
    every = (run_every_secs, run_every_steps)
    return _Stop(_place(estimator, eval_dir), goal, max_steps_without_increase, min_steps, every)


def _place(estimator: Estimator, eval_dir: Path | str | None) -> Path:
    return Path(eval_dir) if eval_dir is not None else estimator.eval_dir()
