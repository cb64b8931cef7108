"""What an export is told: how features are made from what a caller gives, and what its signatures answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

RECEIVER, FEATURE = "input", "feature"  # what one tensor by itself is called


@dataclass(frozen=True)
class TensorServingInputReceiver:
    """What a serving input function answers that makes the features itself.

    features          for the model function: a tensor, or a dict of them
    receiver_tensors  what callers give: placeholders by name, or one, which is called `input`
    resources         lookup tables and the like that stand between
    """

    features: Any
    receiver_tensors: Any
    resources: Sequence[Any] = ()

    @property
    def received(self) -> dict[str, tf.Tensor]:
        """The placeholders by name."""
        given = self.receiver_tensors
        return dict(given) if isinstance(given, Mapping) else {RECEIVER: given}


class ServingInputReceiver(TensorServingInputReceiver):
    """The same; features that are one tensor reach the model function as `{"feature": tensor}`."""

    def __post_init__(self) -> None:
        if not isinstance(self.features, Mapping):
            object.__setattr__(self, "features", {FEATURE: self.features})


def build_raw_serving_input_receiver_fn(features: Mapping[str, Any]) -> Callable[[], ServingInputReceiver]:
    """For callers that give the features as they are: tensors or specs by name, of which shape and type count.

    The length of the first axis, of the batch, is left open.
    """
    specs = {
        name: tf.TensorSpec([None, *given.shape[1:]] if given.shape.rank else given.shape, given.dtype)
        for name, given in features.items()
    }

    def receive() -> ServingInputReceiver:
        found = {name: tf.compat.v1.placeholder(spec.dtype, spec.shape, name) for name, spec in specs.items()}
        return ServingInputReceiver(found, found)

    return receive


def build_parsing_serving_input_receiver_fn(
    feature_spec: Mapping[str, Any], default_batch_size: int | None = None
) -> Callable[[], ServingInputReceiver]:
    """For callers that give `tf.train.Example`s, serialized: a tensor of strings, called `examples`."""

    def receive() -> ServingInputReceiver:
        examples = tf.compat.v1.placeholder(tf.string, [default_batch_size], "input_example_tensor")
        return ServingInputReceiver(tf.io.parse_example(examples, dict(feature_spec)), {"examples": examples})

    return receive


def PredictOutput(outputs: Any) -> dict[str, tf.Tensor]:  # noqa: N802 (the name it is known by)
    """For `export_outputs`: any tensors, or one, which is called `output`."""
    return dict(outputs) if isinstance(outputs, Mapping) else {"output": outputs}


def ClassificationOutput(scores: Any = None, classes: Any = None) -> dict[str, tf.Tensor]:  # noqa: N802
    """For `export_outputs`: `scores`, `classes`, or both."""
    return {name: given for name, given in (("scores", scores), ("classes", classes)) if given is not None}


def RegressionOutput(value: Any) -> dict[str, tf.Tensor]:  # noqa: N802
    """For `export_outputs`: a number for each example, called `outputs`."""
    return {"outputs": value}
