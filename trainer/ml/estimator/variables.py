"""The variables that a model function makes, handed back in order whenever it runs again.

A model function is run once for training, once for evaluation, once for prediction. Layers made inline each time
ask for the same variables in the same order; this store answers with those it has, so that all modes share them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import tensorflow as tf

_current: ContextVar["VariableStore"] = ContextVar("variable_store")
_MODEL = "model"


class VariableMismatch(ValueError):
    """A model function asked for another variable than the one made before in its place."""


class VariableStore:
    """Variables by creation order: the model's, shared by all modes, and each mode's own (an optimizer's slots)."""

    def __init__(self) -> None:
        self._groups: dict[str, list[tf.Variable]] = defaultdict(list)
        self._taken: Counter[str] = Counter()
        self._mode = self._group = _MODEL
        self._making = False

    @contextmanager
    def running(self, mode: str) -> Iterator[None]:
        """Every variable asked for inside is made, or given back, in order from the first."""
        self._mode, self._group = mode, _MODEL
        self._taken.clear()
        token = _current.set(self)
        try:
            with tf.variable_creator_scope(self._create):
                yield
        finally:
            _current.reset(token)

    @contextmanager
    def private(self) -> Iterator[None]:
        """Variables asked for inside belong to the running mode alone."""
        self._group = self._mode
        try:
            yield
        finally:
            self._group = _MODEL

    def model(self) -> list[tf.Variable]:
        """The variables that all modes share."""
        return list(self._groups[_MODEL])

    def of_mode(self, mode: str) -> list[tf.Variable]:
        """The variables of one mode alone."""
        return list(self._groups[mode])

    def _make(self, value: Any, request: dict[str, Any]) -> tf.Variable:
        self._making = True
        try:
            with tf.init_scope():
                return tf.Variable(value, **{key: given for key, given in request.items() if given is not None})
        finally:
            self._making = False

    def _create(self, following: Callable[..., tf.Variable], **request: Any) -> tf.Variable:
        if self._making:
            return following(**request)
        group, at = self._groups[self._group], self._taken[self._group]
        self._taken[self._group] += 1
        value = _static(request.pop("initial_value"))
        if at == len(group):
            # Outside the function being traced, so that one trace is enough and nothing is made twice.
            group.append(self._make(value, request))
        shape = request.get("shape")
        if shape is None and not callable(value):
            shape = np.shape(value)
        if shape is not None and not tf.TensorShape(shape).is_compatible_with(group[at].shape):
            raise VariableMismatch(
                f"variable {at} ({request.get('name')}): shape {tuple(shape)} asked for, but in another mode or call "
                f"{group[at].name} of shape {tuple(group[at].shape)} was made here"
            )
        return group[at]


def _static(value: Any) -> Any:
    """An initial value that can be used outside the function being traced."""
    if not tf.is_symbolic_tensor(value):
        return value
    constant = tf.get_static_value(value)
    if constant is None:
        raise VariableMismatch("a variable's initial value must be a constant or a function, not a graph's result")
    return constant


def trainable_variables() -> list[tf.Variable]:
    """The trainable variables of the running model function."""
    return [variable for variable in _current.get().model() if variable.trainable]


@contextmanager
def private_variables() -> Iterator[None]:
    """Inside a model function: what is made here belongs to this mode alone."""
    with _current.get().private():
        yield
