"""Forms of input: the specs of an element, which differ from input to input in shapes, most of all."""

from typing import Any

import tensorflow as tf


def covers(known: Any, form: Any) -> bool:
    """Whether elements of a form are of the known one, too."""
    return str(form) == str(known) or (
        alike(form, known) and all(one.is_subtype_of(other) for one, other in _pairs(form, known))
    )


def alike(one: Any, other: Any) -> bool:
    """Whether two forms differ in shapes at most."""
    try:
        tf.nest.assert_same_structure(one, other)
    except (TypeError, ValueError):
        return False
    return all(
        isinstance(a, tf.TensorSpec)
        and isinstance(b, tf.TensorSpec)
        and (a.dtype, a.shape.rank) == (b.dtype, b.shape.rank)
        for a, b in _pairs(one, other)
    )


def general(one: Any, other: Any) -> Any:
    """A form that takes both."""
    return tf.nest.map_structure(
        lambda a, b: tf.TensorSpec(a.shape.most_specific_common_supertype([b.shape]), a.dtype), one, other
    )


def unnamed(specs: Any) -> Any:
    """The same without the names that an export's caller knows them by."""
    return tf.nest.map_structure(lambda spec: tf.TensorSpec(spec.shape, spec.dtype), specs)


def _pairs(one: Any, other: Any) -> list[tuple[Any, Any]]:
    return list(zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True))
