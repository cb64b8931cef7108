"""The variables that a model function makes, handed back by name whenever it runs again.

A model function is run once for training, once for evaluation, once for prediction. Layers made inline each time
ask for the same variables by the same names; this store answers with those it has, so that all modes share them.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import tensorflow as tf

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
        alone = [sys.getrefcount(value) for value in {"": object()}.values()]
        return any(sys.getrefcount(variable) > alone[0] for variable in self._groups[MODEL].values())

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

    def begin_anew(self, group: str) -> None:
        """Give the variables of a group the initial values that functions make for them, if any do."""
        for variable in self._groups[group].values():
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


def used_variables(graph: Any) -> list[tf.Variable]:
    """The variables that a traced graph reads or writes, oldest first."""
    return _whole(graph.variables)


def name_of_handle(handle: Any) -> str | None:
    """What the variable is called that a handle leads to; None where it leads to something else, such as a table."""
    found = re.search(r'ResourceHandle\(name="(.*?)(/\d+)?", .*type="tensorflow::Var"', str(handle))
    return found and found[1]


def variables_so_far() -> list[tf.Variable]:
    """The variables that the graph now being traced has read or written, oldest first; none where nothing is traced."""
    if tf.executing_eagerly():
        return []
    # A graph tells its variables only when it is finished.
    return _whole(tf.no_op().graph._watched_variables)


def _whole(variables: Iterable[tf.Variable]) -> list[tf.Variable]:
    """The same, with the copies of a replica as the variable that they are copies of."""
    found = {}
    for variable in variables:
        whole_of = getattr(variable.handle, "_distributed_container", lambda given=variable: given)
        whole = whole_of()
        found[id(whole)] = whole
    return sorted(found.values(), key=_age)


def outside_names(variables: Iterable[tf.Variable], known: Mapping[str, tf.Variable]) -> dict[str, tf.Variable]:
    """Names for variables that were made outside the model function, beside those that have one.

    Of several of the same name, all but the oldest get a number.
    """
    named = dict(known)
    seen = {id(variable) for variable in known.values()}
    for variable in sorted(variables, key=_age):
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


def _age(variable: tf.Variable) -> int:
    # The order in which a process makes its variables. A graph tells which ones it uses, but not in which order.
    return int(variable._unique_id.rpartition("_")[2])


def _static(value: Any) -> Any:
    """An initial value that can be used outside the function being traced."""
    if not tf.is_symbolic_tensor(value):
        return value
    constant = tf.get_static_value(value)
    if constant is None:
        raise VariableMismatch("a variable's initial value must be a constant or a function, not a graph's result")
    return constant
