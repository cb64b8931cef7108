"""What traced functions answer, and how it is taken out of a graph."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from .metrics import Measured
from .spec import EstimatorSpec


class Trained(NamedTuple):
    """What a step of training answers."""

    loss: Any
    step: Any  # how many were done with it
    shown: Any  # summaries by tag
    fetched: Any  # what hooks want to see, by name


class Evaluated(NamedTuple):
    """What a batch of an evaluation answers."""

    loss: Any
    pairs: Any  # (sum, weight) by metric
    fetched: Any


class Predicted(NamedTuple):
    """What a batch of a prediction answers."""

    predictions: Any
    outputs: Any  # by signature
    fetched: Any


def answer_of(spec: EstimatorSpec, fetches: Iterable[str]) -> Predicted:
    """What is predicted, all of it tensors."""
    predictions, outputs = tf.nest.map_structure(tf.convert_to_tensor, (spec.predictions, spec.outputs()))
    return Predicted(predictions, outputs, fetched_from(tf.compat.v1.get_default_graph(), fetches))


def updated(metric: Any, measured: Measured) -> tf.Tensor:
    """Update a metric, in the order in which its method is written; returns what is ready when that is done."""
    flat = tf.nest.flatten((measured.given, dict(measured.named)))
    tensors = [at for at, value in enumerate(flat) if tf.is_tensor(value)]

    @tf.function(autograph=False)
    def update(*given: tf.Tensor) -> tf.Tensor:
        now = list(flat)
        for at, tensor in zip(tensors, given, strict=True):
            now[at] = tensor
        values, named = tf.nest.pack_sequence_as((measured.given, dict(measured.named)), now)
        metric.update_state(*values, **named)
        return tf.constant(0)

    return update(*(flat[at] for at in tensors))


def last_values(function: Any, states: Mapping[str, tf.Tensor]) -> Callable[[], Mapping[str, Any]]:
    """What reads the values of metrics that have a state, after the last batch."""
    try:
        read = function.prune([], dict(states))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"the values of the metrics {', '.join(states)} cannot be read after the last batch: they depend on the "
            "input. For a sum and a weight of each batch, give ratio(sum, weight)"
        ) from error
    return lambda: {name: tensor.numpy() for name, tensor in read().items()}


def fetched_from(graph: Any, names: Iterable[str]) -> dict[str, tf.Tensor]:
    """The tensors of a graph that hooks want to see, by name."""
    found = {}
    for name in sorted(names):
        try:
            found[name] = graph.get_tensor_by_name(name)
        except (KeyError, ValueError) as error:
            raise ValueError(f"a hook wants to fetch {name!r}, and no tensor of the model is called so") from error
    return found


def named(kind: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Tensors, each with what to call it in a message."""
    for name, value in values.items():
        for tensor in value if isinstance(value, tuple) else (value,):
            yield f"the {kind} {name!r}", tensor


def flat(element: Any) -> list[Any]:
    """All tensors of it, of sparse and ragged ones the parts."""
    return tf.nest.flatten(element, expand_composites=True)
