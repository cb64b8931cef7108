"""The loop over the input, and what a training does beside its steps: checkpoints and summaries."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from .config import RunConfig
from .hooks import Hook, Step
from .inputs import Input
from .programs import Program
from .session_hooks import Fetches
from .summaries import EventFile

log = logging.getLogger(__name__)


def watched(
    elements: Iterable[Any],
    take: Callable[[Any], Step],
    hooks: Sequence[Hook],
    done: int = 0,
    until: int | None = None,
) -> Iterator[Step]:
    """Do what `take` does with each element, up to a number of steps, and let the hooks watch."""
    for hook in hooks:
        hook.begin(done)
    for element in elements:
        for hook in hooks:
            hook.before_step(done)
        step = take(element)
        done = step.number
        for hook in hooks:
            hook.after_step(step)
        yield step
        if step.stop or (until is not None and done >= until):
            break
    for hook in hooks:
        hook.end(done)


class TrainingStep(Hook):
    """Runs a training's steps, and writes what they show of themselves when it is due."""

    def __init__(
        self, current: Callable[[], Program], given: Input, fetches: Fetches, events: EventFile, *, every: int | None
    ) -> None:
        self._current, self._input, self._fetches, self._events, self._every = current, given, fetches, events, every
        self._number, self._since, self._at = 0, 0, 0.0
        self._shown: Mapping[str, Any] | None = None
        self._kinds: Mapping[str, str] = {}
        self._due = {due: tf.constant(due) for due in (False, True)}

    def begin(self, step: int) -> None:
        """Start counting the time."""
        self._number = self._since = step
        self._at = time.monotonic()

    def __call__(self, element: Any) -> Step:
        """Make one step."""
        program = self._current()
        due = self._every is not None and (self._number + 1) % self._every == 0
        made = program.run(element, self._due[due])
        loss = float(made.loss.numpy())
        step = Step(int(made.step.numpy()), loss)
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss became {loss} at step {step.number}")
        self._number = step.number
        self._shown, self._kinds = (made.shown if due else None), program.kinds
        self._fetches.found = {name: tensor.numpy() for name, tensor in made.fetched.items()}
        return step

    def after_step(self, step: Step) -> None:
        """Write and log, if it is due."""
        if self._shown is None:
            return
        speed = (step.number - self._since) / max(time.monotonic() - self._at, 1e-9)
        self._events.write(step.number, {"loss": step.loss, "steps_per_second": speed})
        self._events.write(step.number, self._shown, self._kinds)
        if self._input.noted:
            kinds = {tag: noted.kind for tag, noted in self._input.noted.items()}
            self._events.write(step.number, self._input.shown, kinds)
        log.info("step %d: loss %.6g, %.3g steps a second", step.number, step.loss, speed)
        self._since, self._at = step.number, time.monotonic()


class Saver(Hook):
    """Saves when it is time to, and at the end; tells the hooks."""

    def __init__(self, save: Callable[[int], str], config: RunConfig, hooks: Sequence[Hook]) -> None:
        self._save, self._config, self._hooks = save, config, hooks
        self._at, self._saved, self._number = 0.0, -1, 0
        self._last = Step(0, None)

    def begin(self, step: int) -> None:
        """Start counting the time."""
        self._at, self._last = time.monotonic(), Step(step, None)
        self._saved, self._number = (step if step else -1), step

    def after_step(self, step: Step) -> None:
        """Save, if it is due."""
        self._last = step
        every, seconds = self._config.save_checkpoints_steps, self._config.save_checkpoints_secs
        if every is not None:
            due = step.number // every > self._number // every  # a step may count for more than one
        else:
            due = seconds is not None and time.monotonic() - self._at >= seconds
        self._number = step.number
        if due:
            self._write(step)

    def end(self, step: int) -> None:
        """Save, unless the last step has been."""
        if self._saved != step:
            self._write(self._last)

    def _write(self, step: Step) -> None:
        for hook in self._hooks:
            hook.before_save(step)
        path = self._save(step.number)
        self._at, self._saved = time.monotonic(), step.number
        for hook in self._hooks:
            hook.after_save(step, path)
