"""One run of a model function: what the functions that it calls need to know."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from . import internals
from .spec import ModeKeys
from .variables import MODEL, VariableStore, local_to, numbered, variables_so_far

_current: ContextVar["Running"] = ContextVar("running")


@dataclass
class Running:
    """One run of a model function in a mode; with several replicas, of one replica."""

    mode: ModeKeys
    store: VariableStore
    step: tf.Variable
    seed: int | None
    layers: "KerasState"
    due: Any = None  # in training, a boolean tensor: whether this step's summaries are wanted
    summaries: dict[str, Any] = field(default_factory=dict)
    made: list[Any] = field(default_factory=list)  # lookup tables and the like
    _taken: Counter = field(default_factory=Counter)
    _group: str = MODEL
    _at_once: bool = False

    @contextmanager
    def active(self) -> Iterator[None]:
        """Every variable asked for inside is made, or given back, by its name."""
        token = _current.set(self)
        self._at_once = tf.executing_eagerly()
        _collect(tf.compat.v1.GraphKeys.GLOBAL_STEP, self.step)
        try:
            with internals.seeded_layers(self.seed), self.layers.again():
                with internals.resources_made(self.made), tf.variable_creator_scope(self._create):
                    yield
        finally:
            _current.reset(token)

    @contextmanager
    def private(self, group: str | None = None) -> Iterator[None]:
        """Variables asked for inside belong to the running mode alone."""
        before, self._group = self._group, group or self.mode
        try:
            yield
        finally:
            self._group = before

    def trainable(self) -> list[tf.Variable]:
        """The model's trainable variables: those made by it, then those made before that it has used so far."""
        own = list(self.store.group(MODEL).values())
        known = {id(variable) for variable in self.store.everything()}
        used = [variable for variable in variables_so_far() if id(variable) not in known]
        return [variable for variable in [*own, *used] if variable.trainable]

    def _create(self, following: Callable[..., tf.Variable], **request: Any) -> tf.Variable:
        _ = following
        keys = tf.compat.v1.GraphKeys
        collections = set(request.pop("collections", None) or [keys.GLOBAL_VARIABLES])
        group = local_to(self.mode) if keys.LOCAL_VARIABLES in collections else None
        if group or internals.is_made_by_an_optimizer():
            with self.private(group):
                variable = self._made(request)
        else:
            variable = self._made(request)
        if variable.trainable:
            collections.add(keys.TRAINABLE_VARIABLES)
        for key in collections:
            _collect(key, variable)
        return variable

    def _made(self, request: dict[str, Any]) -> tf.Variable:
        own = (request.get("name") or "variable").strip("/")
        parts = [self._counted_from_here(part) for part in [*_scope().split("/"), own]]
        base = "/".join(part for part in parts if part)
        if self._shares():
            return self.store.get(self._group, base, request)
        for name in numbered(base, "_"):
            if not self._taken[self._group, name]:
                break
        self._taken[self._group, name] += 1
        return self.store.get(self._group, name, request)

    def _shares(self) -> bool:
        """Whether variables of one name are to be one, by TensorFlow's `compat.v1`."""
        scope = tf.compat.v1.get_variable_scope()
        if self._at_once and scope.name:  # such a scope shares them whatever it was told
            raise RuntimeError(f"what is made in the variable scope {scope.name!r} can only be made in a graph")
        # Outside any scope all is shared, too, if nothing was traced before; nobody asked for that.
        return scope.reuse is True or bool(scope.reuse and scope.name)

    def _counted_from_here(self, name: str) -> str:
        """A layer's automatic name as if no layer had been made before."""
        before = self.layers.counts.get(match[1], 0) if (match := re.fullmatch(r"(.+)_(\d+)", name)) else 0
        if not match or not before or int(match[2]) < before:
            return name
        number = int(match[2]) - before
        return f"{match[1]}_{number}" if number else match[1]


def _scope() -> str:
    """Where a variable is being made: the path of Keras' layers or, outside any, TensorFlow's name scope."""
    # TensorFlow's scopes are numbered by the calls of a layer, too: they differ from mode to mode.
    if "keras" in sys.modules and (path := internals.layer_path()):
        return f"{tf.compat.v1.get_variable_scope().name}/{path}"
    return internals.outside_replica(tf.get_current_name_scope())


def _collect(key: str, variable: tf.Variable) -> None:
    """Where what is in TensorFlow's `compat.v1` looks for variables, as long as a graph is being traced."""
    if not tf.executing_eagerly() and id(variable) not in _identities(tf.compat.v1.get_collection(key)):
        tf.compat.v1.add_to_collection(key, variable)


def forget_collections(graph: Any) -> None:
    """Let go of the variables that were collected while a graph was traced, but not of the step."""
    for key in graph.get_all_collection_keys():
        if key != tf.compat.v1.GraphKeys.GLOBAL_STEP:
            del graph.get_collection_ref(key)[:]  # the graphs of functions within share it


def _identities(variables: Iterable[Any]) -> set[int]:
    return {id(variable) for variable in variables}


def current() -> Running:
    """The run that this is called in; RuntimeError outside a model function."""
    found = _current.get(None)
    if found is None:
        raise RuntimeError("this can only be called inside a model function that an Estimator runs")
    return found


def automatic_name(kind: str) -> str | None:
    """For a layer of this kind: counted anew in each of TensorFlow's variable scopes, written as Keras would.

    Outside a model function it is None: Keras finds one.
    """
    running = _current.get(None)
    if running is None:
        return None
    with tf.compat.v1.variable_scope(None, kind) as scope:
        found = scope.name.rpartition("/")[2]
    number = int(found[len(kind) + 1 :] or 0) + running.layers.counts.get(kind, 0)
    return f"{kind}_{number}" if number else kind


def trainable_variables() -> list[tf.Variable]:
    """The trainable variables of the running model function, as far as it has made or used them."""
    return current().trainable()


def global_step() -> tf.Tensor:
    """The number of training steps done before this one: a scalar int64, for rates and seeds that depend on it."""
    return current().step.read_value()


@contextmanager
def private_variables() -> Iterator[None]:
    """Inside a model function: what is made here belongs to this mode alone."""
    with current().private():
        yield


@dataclass(frozen=True)
class KerasState:
    """What decides the names and types of layers: Keras keeps it for each thread."""

    counts: Mapping[str, int] = field(default_factory=dict)  # layers made so far, by automatic name
    policy: Any = None

    @classmethod
    def now(cls, precision: str | None = None) -> "KerasState":
        """The state of this thread, with another dtype policy if one is given."""
        if "keras" not in sys.modules and precision is None:
            return cls()
        from keras import config

        return cls(internals.layer_counts(), precision or config.dtype_policy())

    @contextmanager
    def again(self) -> Iterator[None]:
        """Inside, this thread makes layers as if nothing had happened since."""
        if "keras" not in sys.modules:
            yield
            return
        from keras import config

        before = KerasState.now()
        internals.set_layer_counts(self.counts)
        config.set_dtype_policy(self.policy or before.policy)
        try:
            yield
        finally:
            internals.set_layer_counts(before.counts)
            config.set_dtype_policy(before.policy)
