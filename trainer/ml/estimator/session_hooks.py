"""Hooks in the form that `tf.estimator` had for them: what they want to see of a step, they fetch by name.

A session there is only for an input that is made of tensors (`inputs.py`); the model has none. What a hook asked its
session to run beside the step has to be among the fetches.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from .hooks import Hook, Step

log = logging.getLogger(__name__)

STEP = "global_step:0"


@dataclass(frozen=True)
class SessionRunArgs:
    """What a hook wants to see of the next step: a (nested) structure of tensors, their names, or variables."""

    fetches: Any


@dataclass(frozen=True)
class SessionRunValues:
    """What it sees: the structure of its fetches, with arrays in their place; None where it asked for nothing."""

    results: Any


@dataclass
class SessionRunContext:
    """What a hook may ask for beside: the input's session, and to stop."""

    session: Any
    original_args: SessionRunArgs | None = None
    stop_requested: bool = False

    def request_stop(self) -> None:
        """End the loop in good order after this step."""
        self.stop_requested = True


class SessionRunHook:
    """Watches a loop by the methods of `tf.estimator`'s hooks. Override what you need."""

    def begin(self) -> None:
        """Called before the first step; the model's graph is the default graph, and tensors can be found there."""

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Called after all hooks have begun: here an iterator that the input is made of is initialised."""

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        """Called before each step: what to fetch."""
        _ = run_context
        return None

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Called after each step, with what was fetched."""

    def end(self, session: Any) -> None:
        """Called when the loop ended in good order."""


class LoggingTensorHook(SessionRunHook):
    """Logs tensors, by the names or as `tag: tensor`, each so many steps or seconds."""

    def __init__(
        self,
        tensors: Mapping[str, Any] | Sequence[Any],
        every_n_iter: int | None = None,
        every_n_secs: float | None = None,
        at_end: bool = False,
        formatter: Callable[[Mapping[str, Any]], str] | None = None,
    ) -> None:
        if sum(given is not None for given in (every_n_iter, every_n_secs)) + at_end == 0:
            raise ValueError("give every_n_iter, every_n_secs or at_end")
        if every_n_iter is not None and (every_n_secs is not None or every_n_iter < 1):
            raise ValueError("give every_n_iter, from 1 on, or every_n_secs, not both")
        named = tensors if isinstance(tensors, Mapping) else {_tag(one): one for one in tensors}
        self.tensors = dict(named)
        self._every, self._secs, self._at_end = every_n_iter, every_n_secs, at_end
        self._formatter = formatter or _told
        self._steps, self._at, self._due = 0, 0.0, False
        self._last: Mapping[str, Any] = {}

    def begin(self) -> None:
        """Start counting."""
        self._steps, self._at, self._last = 0, -1e9, {}

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        """Fetch the tensors, if they are to be logged."""
        _ = run_context
        if self._every is not None:
            self._due = self._steps % self._every == 0
        else:
            self._due = self._secs is not None and time.monotonic() - self._at >= self._secs
        return SessionRunArgs(self.tensors) if self._due or self._at_end else None

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Log them."""
        _ = run_context
        self._steps += 1
        self._last = run_values.results or self._last
        if self._due:
            self._at = time.monotonic()
            log.info("%s", self._formatter(run_values.results))

    def end(self, session: Any) -> None:
        """Log them a last time, if that was asked for."""
        _ = session
        if self._at_end and not self._due and self._last:
            log.info("%s", self._formatter(self._last))


def _tag(given: Any) -> str:
    return given if isinstance(given, str) else name_of(given)


def _told(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{tag} = {value}" for tag, value in values.items())


@dataclass
class Fetches:
    """What hooks want to see of a step, by the tensors' names, and what it was."""

    wanted: set[str] = field(default_factory=set)
    found: Mapping[str, Any] = field(default_factory=dict)


class Adapted(Hook):
    """One of those hooks, as the loop calls hooks."""

    def __init__(self, hook: SessionRunHook, graph: Any, session: Any, fetches: Fetches) -> None:
        self._hook, self._graph, self._session, self._fetches = hook, graph, session, fetches
        self._context = SessionRunContext(session)
        self._names: Any = None

    def prepare(self) -> None:
        """Before any hook is told of a session."""
        with self._graph.as_default():
            self._hook.begin()

    def begin(self, step: int) -> None:
        """The session is there."""
        _ = step
        self._hook.after_create_session(self._session, None)

    def before_step(self, step: int) -> None:
        """Ask what it wants to see."""
        _ = step
        self._context = SessionRunContext(self._session)
        asked = self._hook.before_run(self._context)
        if asked is not None and not isinstance(asked, SessionRunArgs):
            raise TypeError(f"before_run must return SessionRunArgs or None, not {type(asked).__name__}")
        self._context.original_args = asked
        self._names = None if asked is None else tf.nest.map_structure(self._fetched, asked.fetches)
        if asked is not None:
            self._fetches.wanted.update(name for name in tf.nest.flatten(self._names) if isinstance(name, str))

    def after_step(self, step: Step) -> None:
        """Show it."""

        def value(fetched: Any) -> Any:
            return self._fetches.found[fetched] if isinstance(fetched, str) else fetched.numpy()

        results = None if self._names is None else tf.nest.map_structure(value, self._names)
        self._hook.after_run(self._context, SessionRunValues(results))
        step.stop = step.stop or self._context.stop_requested

    def end(self, step: int) -> None:
        """The loop ended."""
        _ = step
        self._hook.end(self._session)

    def _fetched(self, given: Any) -> Any:
        """A name, or a variable that is read after the step."""
        if isinstance(given, tf.Variable):
            return given
        if not isinstance(given, str) and not tf.is_symbolic_tensor(given):
            kind = type(given).__name__
            raise TypeError(f"a hook can fetch tensors of the model, their names, and variables, not {kind}")
        name = name_of(given)
        return tf.compat.v1.train.get_global_step(self._graph) if name == STEP else name


def name_of(fetched: Any) -> str:
    """The name of what is fetched: a tensor, an operation's first output, or what was given as a name."""
    name = fetched if isinstance(fetched, str) else str(fetched.name)
    return name if ":" in name else f"{name}:0"
