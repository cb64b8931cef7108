"""What a traced evaluation or prediction runs: all that is asked of it, and nothing that changes the model.

A model function may describe a training step in each mode, or keep averages of what it sees. In a graph such an
operation is only run where somebody asks for it; so it is left out here, as nobody does.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import tensorflow as tf

from . import internals

_READING = {"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "VarIsInitializedOp"}
_BRANCHES = {"If": 1, "StatelessIf": 1, "Case": 1, "StatelessCase": 1}  # inputs before those of the functions
_CALLS = {"PartitionedCall", "StatefulPartitionedCall", "While", "StatelessWhile", *_BRANCHES}


class ChangeRefused(ValueError):
    """What is asked of an evaluation or a prediction depends on a change of the model."""


class Changes:
    """The operations of a traced function that change variables which are to stay as they are."""

    def __init__(self, function: Any, kept: Mapping[int, str], random: Collection[int] = ()) -> None:
        """`kept` names the variables that are to stay, by the identity of their handles.

        `random` identifies those that are states of generators: they are used in the order in which they were traced.
        """
        self._graph = function.graph
        self._library: Mapping[str, Any] | None = None
        captured = function.captured_inputs
        inside = function.inputs[len(function.inputs) - len(captured) :] if captured else []
        by_handle = {id(outside): placeholder for outside, placeholder in zip(captured, inside, strict=True)}
        self._random = {placeholder.name for handle, placeholder in by_handle.items() if handle in random}
        self.changed = {
            op.name: kept[handle]
            for handle, placeholder in by_handle.items()
            if handle in kept
            for op in placeholder.consumers()
            if self._changes(op, placeholder.name)
        }

    def _changes(self, op: Any, placeholder: str) -> bool:
        """Whether an operation changes the variable that the placeholder stands for."""
        places = (at for at, tensor in enumerate(op.inputs) if tensor.name == placeholder)
        return any(self._writes(op.type, op.node_def.attr, at) for at in places)

    def _writes(self, kind: str, attributes: Mapping[str, Any], at: int) -> bool:
        if kind in _READING:
            return False
        if kind not in _CALLS:
            return True
        called = [name for value in attributes.values() for name in _functions(value)]
        return any(self._body_writes(name, at - _BRANCHES.get(kind, 0)) for name in called)

    def _body_writes(self, function: str, at: int) -> bool:
        if self._library is None:
            library = self._graph.as_graph_def().library.function
            self._library = {one.signature.name: one for one in library}
        body = self._library[function]
        argument = body.signature.input_arg[at].name
        return any(
            self._writes(node.op, node.attr, place)
            for node in body.node_def
            for place, given in enumerate(node.input)
            if given == argument
        )

    def kept_operations(self, wanted: Iterable[tuple[str, Any]]) -> list[Any]:
        """What runs beside what is `wanted`: whatever has an effect, such as to print or to assert, but no change.

        Raises ChangeRefused where something wanted, by its name, depends on a change.
        """
        after: dict[str, str] = {}
        effects = []
        latest: dict[str, Any] = {}  # to use the state of a generator
        for op in self._graph.get_operations():
            before = [tensor.op.name for tensor in op.inputs] + [one.name for one in op.control_inputs]
            cause = self.changed.get(op.name) or next((after[name] for name in before if name in after), None)
            if cause is not None:
                after[op.name] = cause
                continue
            for state in self._random.intersection(tensor.name for tensor in op.inputs):
                if state in latest:
                    internals.run_after(op, latest[state])  # who comes first would be left to chance
                latest[state] = op
            if op.op_def.is_stateful and op.type not in _READING and op.type != "Placeholder":
                effects.append(op)
        for name, tensor in wanted:
            operation = tensor if isinstance(tensor, tf.Operation) else tensor.op
            if operation.name in after:
                raise ChangeRefused(
                    f"{name} depends on a change of the variable {after[operation.name]!r}: only training may change it"
                )
        return effects


def pruned(function: Any, fetches: Any, effects: list[Any], feeds: Any = None) -> Callable[..., Any]:
    """The function that answers `fetches`, which may be nested and hold operations, and runs `effects`, too.

    It takes the inputs of the traced one, flat, or `feeds` in their place.
    """
    captured = len(function.captured_inputs)
    given = feeds if feeds is not None else function.inputs[: len(function.inputs) - captured]
    run = function.prune(given, (fetches, effects))
    return lambda *inputs: run(*inputs)[0]


def _functions(value: Any) -> list[str]:
    if value.HasField("func"):
        return [value.func.name]
    return [one.name for one in value.list.func]
