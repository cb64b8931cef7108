"""The variables that a model function makes, handed back by name whenever it runs again.

A model function is run once for training, once for evaluation, once for prediction. Layers made inline each time
ask for the same variables by the same names; this store answers with those it has, so that all modes share them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import tensorflow as tf

from . import internals

MODEL = "model"
# What a variable is made by; what is in TensorFlow's `compat.v1` asks for more, which has no meaning here.
_ASKED = ("trainable", "validate_shape", "name", "dtype", "constraint", "synchronization", "aggregation", "shape")


class VariableMismatch(ValueError):
    """A model function asked for another variable than the one of that name which is there."""


class VariableStore:
    """Variables by group and name: the model's, shared by all modes, and each mode's own (an optimizer's slots)."""

    def __init__(self, strategy: Any = None) -> None:
        self._strategy = strategy
        self._groups: dict[str, dict[str, tf.Variable]] = defaultdict(dict)
        self._begun: dict[int, Any] = {}  # initial values of variables, where a function makes them
        self._renewing = False

    def group(self, name: str) -> dict[str, tf.Variable]:
        """The variables of one group by name, in the order in which they were made."""
        return dict(self._groups[name])

    def everything(self) -> list[tf.Variable]:
        """The variables of all groups."""
        return [variable for group in self._groups.values() for variable in group.values()]

    def are_held(self) -> bool:
        """Whether something else holds a variable of the model, too: a layer, perhaps, that outlives its call."""
        return internals.held_elsewhere(self._groups[MODEL])

    def forget(self) -> None:
        """Drop all variables, so that the next run makes new ones."""
        self._groups.clear()
        self._begun.clear()

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """Inside, a variable that is asked for takes the initial value that it is asked for with."""
        self._renewing = True
        try:
            yield
        finally:
            self._renewing = False

    def begin_anew(self, *groups: str) -> None:
        """Give the variables of groups the initial values that functions make for them, if any do."""
        for variable in (variable for group in groups for variable in self._groups[group].values()):
            if id(variable) in self._begun:
                variable.assign(self._begun[id(variable)]())

    def empty(self) -> None:
        """Hold no values in variables that may be of any length."""
        for variable in self.everything():
            if None in (shape := variable.shape.as_list()):
                variable.assign(np.zeros([length or 0 for length in shape], variable.dtype.as_numpy_dtype))

    def get(self, group: str, name: str, request: dict[str, Any]) -> tf.Variable:
        """The variable of this name, made as `request` says if there is none yet."""
        value = _static(request.pop("initial_value"))
        known = self._groups[group]
        new = name not in known
        if new:
            known[name] = self._make(value, {**request, "name": name})
            if callable(value) or group != MODEL:
                self._begun[id(known[name])] = value if callable(value) else lambda: value
        shape = request.get("shape")
        if shape is None and not callable(value):
            shape = np.shape(value)
        if shape is not None and not tf.TensorShape(shape).is_compatible_with(known[name].shape):
            raise VariableMismatch(
                f"variable {name!r}: shape {tuple(shape)} asked for, but in another mode or call it was made with "
                f"shape {tuple(known[name].shape)}"
            )
        if self._renewing and not new:
            known[name].assign(value() if callable(value) else value)
        return known[name]

    def _make(self, value: Any, request: dict[str, Any]) -> tf.Variable:
        scope = nullcontext()
        if self._strategy is not None:
            scope = self._strategy.scope()
            if request.get("aggregation") in (None, tf.VariableAggregation.NONE):
                # Replicas that write a variable of their own accord all write the same.
                request["aggregation"] = tf.VariableAggregation.ONLY_FIRST_REPLICA

        def make() -> tf.Variable:
            with scope:
                return tf.Variable(value, **{key: request[key] for key in _ASKED if request.get(key) is not None})

        # Graphs, variable creators and replicas belong to a thread. Another thread stands outside the function that
        # is being traced: the variable is made at once, and one trace is enough.
        with ThreadPoolExecutor(1) as outside:
            return outside.submit(make).result()


def local_to(mode: str) -> str:
    """The group of what a mode counts its metrics by: begun anew with each call, and in no checkpoint."""
    return f"local/{mode}"


def handles_of(variable: Any) -> list[Any]:
    """What operations know a variable by: a handle for each replica."""
    return [one.handle for one in getattr(variable, "values", None) or [variable]]


def is_generator(variable: tf.Variable) -> bool:
    """Whether a variable is the state of a generator of random numbers."""
    return variable.dtype.is_integer and internals.is_generators_name(variable.name)


def used_variables(graph: Any) -> list[tf.Variable]:
    """The variables that a traced graph reads or writes, oldest first."""
    return _whole(internals.used_by(graph))


def variables_so_far() -> list[tf.Variable]:
    """The variables that the graph now being traced has read or written, oldest first; none where nothing is traced."""
    if tf.executing_eagerly():
        return []
    # A graph tells its variables only when it is finished.
    return _whole(internals.used_so_far_by(tf.no_op().graph))


def _whole(variables: Iterable[tf.Variable]) -> list[tf.Variable]:
    """The same, with the copies of a replica as the variable that they are copies of."""
    found = [internals.whole(variable) for variable in _oldest_first(variables)]
    return list({id(variable): variable for variable in found}.values())


def outside_names(variables: Iterable[tf.Variable], known: Mapping[str, tf.Variable]) -> dict[str, tf.Variable]:
    """Names for variables that were made outside the model function, beside those that have one.

    Of several of the same name, all but the oldest get a number.
    """
    named = dict(known)
    seen = {id(variable) for variable in known.values()}
    for variable in _oldest_first(variables):
        if id(variable) in seen:
            continue
        base = variable.name.split(":")[0]
        named[next(name for name in numbered(base, ".") if name not in named)] = variable
    return named


def numbered(base: str, mark: str) -> Iterable[str]:
    """The name itself, then with 1, 2 … behind."""
    yield base
    number = 1
    while True:
        yield f"{base}{mark}{number}"
        number += 1


def _oldest_first(variables: Iterable[tf.Variable]) -> list[tf.Variable]:
    """The same in the order in which they were made: a graph tells which ones it uses, but not in which order."""
    with tf.GradientTape(watch_accessed_variables=False) as tape, _no_warnings():
        tape.watch(list(variables))  # a tape tells them in that order
    return list(tape.watched_variables())


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Inside, TensorFlow does not say that variables of whole numbers have no gradients."""
    log = tf.get_logger()

    def nothing(_: Any) -> bool:
        return False

    log.addFilter(nothing)
    try:
        yield
    finally:
        log.removeFilter(nothing)


def _static(value: Any) -> Any:
    """An initial value that can be used outside the function being traced."""
    if not tf.is_symbolic_tensor(value):
        return value
    constant = tf.get_static_value(value)
    if constant is None:
        raise VariableMismatch("a variable's initial value must be a constant or a function, not a graph's result")
    return constant
