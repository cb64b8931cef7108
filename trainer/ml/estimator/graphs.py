"""Graphs of exports as messages: smaller ones, and the same ones for models that do the same."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import tensorflow as tf

from . import internals


def stateless_operations(graph: Any) -> set[str]:
    """The operations among those of a graph's functions that neither read nor change a state."""
    # A description of a graph has the definitions of its operations, but for those that only a branch or a loop needs.
    # So the graph that is described here has all of them itself.
    flat = tf.compat.v1.GraphDef()
    for name in sorted({node.op for function in graph.library.function for node in function.node_def}):
        flat.node.add(name=name, op=name)
    with tf.Graph().as_default():
        described = tf.compat.v1.train.export_meta_graph(graph_def=flat)
    return {known.name for known in described.meta_info_def.stripped_op_list.op if not known.is_stateful}


def merge_equal_nodes(function: Any, stateless: Collection[str]) -> None:
    """Compute once what a function computes again and again, constants most of all: loading builds node after node.

    Nodes are equal that do the same with the same inputs, by an operation that is `stateless`.
    """
    nodes = function.node_def
    # What is named in other ways than as an input of data stays.
    held = {name[1:] for node in nodes for name in node.input if name.startswith("^")}
    held |= {place.decode()[5:] for node in nodes if "_class" in node.attr for place in node.attr["_class"].list.s}
    held |= set(function.control_ret.values())
    first: dict[tuple[Any, ...], str] = {}
    instead: dict[str, str] = {}

    def now(name: str) -> str:
        node, colon, output = name.partition(":")
        return instead.get(node, node) + colon + output

    for node in nodes:
        if node.op not in stateless or node.name in held:
            continue
        attributes = ((name, value.SerializeToString(deterministic=True)) for name, value in sorted(node.attr.items()))
        equal = first.setdefault((node.op, node.device, *map(now, node.input), *attributes), node.name)
        if equal != node.name:
            instead[node.name] = equal
    for at in reversed([at for at, node in enumerate(nodes) if node.name in instead]):
        del nodes[at]
    for node in nodes:
        node.input[:] = [now(name) for name in node.input]
    for name, value in dict(function.ret).items():  # a map is not to be changed while it is walked
        function.ret[name] = now(value)


def rename_functions(graph: Any) -> None:
    """Name the functions of a graph by what they are and the order in which they are met.

    TensorFlow numbers them by all that its process ever made, so that no two graphs would be the same.
    """
    library = {function.signature.name: function for function in graph.graph_def.library.function}
    names: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in library and name not in names:
            names[name] = f"{internals.function_without_number(name)}_{len(names)}"
            for met in _called(library[name].node_def):
                visit(met.name)

    for node in graph.object_graph_def.nodes:
        for name in (node.bare_concrete_function.concrete_function_name, *node.function.concrete_functions):
            visit(name)
    for met in _called(graph.graph_def.node):
        visit(met.name)
    for name in library:
        visit(name)
    _rename_in_library(graph.graph_def, names)
    _rename_in_objects(graph.object_graph_def, names)
    aliases = dict(graph.meta_info_def.function_aliases)
    graph.meta_info_def.function_aliases.clear()
    graph.meta_info_def.function_aliases.update({names.get(name, name): alias for name, alias in aliases.items()})


def drop_numbers(function: Any) -> None:
    """Leave out of a function what TensorFlow numbers by all that its process ever made, too, and nothing reads."""
    for attributes in function.arg_attr.values():
        internals.forget_number_for_name(attributes.attr)
    arguments = function.signature.input_arg
    names = {argument.name: internals.argument_without_number(argument.name) for argument in arguments}
    for argument in arguments:
        argument.name = names[argument.name]
    for node in function.node_def:
        node.input[:] = [names.get(name, name) for name in node.input]


def _rename_in_library(graph: Any, names: Mapping[str, str]) -> None:
    library = graph.library
    for nodes in (graph.node, *(function.node_def for function in library.function)):
        for called in _called(nodes):
            called.name = names.get(called.name, called.name)
        for node in nodes:
            node.op = names.get(node.op, node.op)
    for function in library.function:
        function.signature.name = names[function.signature.name]
    library.function.sort(key=lambda function: str(function.signature.name))
    for pair in library.gradient:
        pair.function_name = names.get(pair.function_name, pair.function_name)
    for pair in (*library.gradient, *library.registered_gradients):
        pair.gradient_func = names.get(pair.gradient_func, pair.gradient_func)


def _rename_in_objects(objects: Any, names: Mapping[str, str]) -> None:
    _rename_keys(objects.concrete_functions, names)
    for node in objects.nodes:
        if node.HasField("bare_concrete_function"):
            bare = node.bare_concrete_function
            bare.concrete_function_name = names.get(bare.concrete_function_name, bare.concrete_function_name)
        if node.HasField("function"):
            known = node.function.concrete_functions
            known[:] = [names.get(name, name) for name in known]


def _rename_keys(found: Any, names: Mapping[str, str]) -> None:
    """Of a map in a message, which gives no way to change a key."""
    before = {name: type(value).FromString(value.SerializeToString()) for name, value in found.items()}
    for name in before:
        del found[name]
    for name, value in before.items():
        found[names.get(name, name)].CopyFrom(value)


def _called(nodes: Any) -> Iterator[Any]:
    """The functions that nodes call, as their attributes have them."""
    for node in nodes:
        for _, value in sorted(node.attr.items()):
            yield from [value.func] if value.HasField("func") else value.list.func
