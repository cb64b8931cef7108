"""One run of a model function: what the functions that it calls need to know."""

import inspect
import random
import re
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf
from tensorflow.python.ops.variable_scope import EagerVariableStore

from .spec import ModeKeys
from .variables import MODEL, VariableStore, numbered, variables_so_far

_SCOPES = (("__variable_store",), ("__varscope",))  # collections that are not told among a graph's keys
_ONE_AT_A_TIME = threading.RLock()  # the graph that is the default outside is there for all threads
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
    _taken: Counter = field(default_factory=Counter)
    _group: str = MODEL

    @contextmanager
    def active(self) -> Iterator[None]:
        """Every variable asked for inside is made, or given back, by its name."""
        token, chance = _current.set(self), random.getstate()
        random.seed(self.seed)  # where Keras takes the seeds of its layers from
        _collect(tf.compat.v1.GraphKeys.GLOBAL_STEP, self.step)
        try:
            with self.layers.again(), tf.variable_creator_scope(self._create):
                yield
        finally:
            random.setstate(chance)
            _current.reset(token)

    @contextmanager
    def private(self) -> Iterator[None]:
        """Variables asked for inside belong to the running mode alone."""
        before, self._group = self._group, self.mode
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
        if keys.LOCAL_VARIABLES in collections or _is_made_by_an_optimizer():
            with self.private():
                variable = self._made(request)
        else:
            variable = self._made(request)
        if variable.trainable:
            collections.add(keys.TRAINABLE_VARIABLES)
        for key in collections:
            _collect(key, variable)
        return variable

    def _made(self, request: dict[str, Any]) -> tf.Variable:
        named = (request.get("name") or "variable").strip("/")
        parts = [self._counted_from_here(part) for part in [*_scope().split("/"), named]]
        base = "/".join(part for part in parts if part)
        for name in numbered(base, "_"):
            if not self._taken[self._group, name]:
                break
        self._taken[self._group, name] += 1
        return self.store.get(self._group, name, request)

    def _counted_from_here(self, name: str) -> str:
        """A layer's automatic name as if no layer had been made before."""
        before = self.layers.counts.get(match[1], 0) if (match := re.fullmatch(r"(.+)_(\d+)", name)) else 0
        if not match or not before or int(match[2]) < before:
            return name
        number = int(match[2]) - before
        return f"{match[1]}_{number}" if number else match[1]


def _scope() -> str:
    """Where a variable is being made: the path of Keras' layers or, outside any, TensorFlow's name scope."""
    if "keras" in sys.modules:
        from keras.src.backend.common.name_scope import current_path

        # TensorFlow's scopes are numbered by the calls of a layer, too: they differ from mode to mode.
        if path := current_path():
            return path
    return re.sub(r"^replica_\d+/?", "", tf.get_current_name_scope())


def _collect(key: str, variable: tf.Variable) -> None:
    """Where what is in TensorFlow's `compat.v1` looks for variables, as long as a graph is being traced."""
    if not tf.executing_eagerly() and id(variable) not in _identities(tf.compat.v1.get_collection(key)):
        tf.compat.v1.add_to_collection(key, variable)


def _is_made_by_an_optimizer() -> bool:
    """Whether one of those in TensorFlow's `compat.v1` makes a variable just now: nothing else tells."""
    code, frame = tf.compat.v1.train.Optimizer.apply_gradients.__code__, inspect.currentframe()
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


@contextmanager
def collections_anew() -> Iterator[None]:
    """Inside, `compat.v1` knows no variables, scopes and losses from before, and afterwards none from inside.

    It would refuse a name that it knows, count scopes on, and add up losses of other models. What is traced begins with
    what the graph has that is the default outside, and shares the variables and scopes with it.
    """
    graph = tf.compat.v1.get_default_graph()
    with _ONE_AT_A_TIME:
        before = {key: graph.get_collection(key) for key in (*graph.get_all_collection_keys(), *_SCOPES)}
        for key in before:
            del graph.get_collection_ref(key)[:]
        try:
            # Where nothing is traced, a variable is only the same when it is asked for again if such a store is there.
            with EagerVariableStore().as_default():
                yield
        finally:
            for key in (*graph.get_all_collection_keys(), *_SCOPES):
                graph.get_collection_ref(key)[:] = before.get(key, [])


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
        from keras.src.backend.common import global_state  # there is no public way to these counters

        return cls(dict(global_state.get_global_attribute(_COUNTS) or {}), precision or config.dtype_policy())

    @contextmanager
    def again(self) -> Iterator[None]:
        """Inside, this thread makes layers as if nothing had happened since."""
        if "keras" not in sys.modules:
            yield
            return
        from keras import config
        from keras.src.backend.common import global_state

        before = KerasState.now()
        global_state.set_global_attribute(_COUNTS, defaultdict(int, self.counts))
        config.set_dtype_policy(self.policy or before.policy)
        try:
            yield
        finally:
            global_state.set_global_attribute(_COUNTS, defaultdict(int, before.counts))
            config.set_dtype_policy(before.policy)


_COUNTS = "object_name_uids"
