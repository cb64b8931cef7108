"""What a model function is asked for, and what it answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import tensorflow as tf

from .metrics import Measured

Tensors = Any  # a tensor, or a (nested) dict of tensors
DEFAULT_SIGNATURE = "serving_default"


class ModeKeys(StrEnum):
    """What a model function is being run for."""

    TRAIN = "train"
    EVAL = "eval"
    PREDICT = "predict"


@dataclass(frozen=True)
class EstimatorSpec:
    """What a model function answers; what is missing or of a wrong type is named by ValueError or TypeError.

    predictions      a tensor or a (nested) dict of tensors, each with the examples along its first axis; PREDICT
                     needs it
    loss             a scalar tensor of floats; TRAIN and EVAL need it
    train_op         the tensor or operation that makes one step, mostly from `minimize`; TRAIN needs it
    eval_metric_ops  by name, a pair of scalar tensors (sum, weight) for each batch, reported as the ratio of their
                     totals; or what `measure` gives, for a Keras metric
    export_outputs   by signature, a dict of tensors: more signatures of an export, beside `serving_default` with the
                     predictions; one that is called `serving_default` takes their place
    resources        lookup tables and whatever else the model uses that is no variable: kept alive, and exported
                     with the files they read
    """

    mode: ModeKeys
    predictions: Tensors = None
    loss: tf.Tensor | None = None
    train_op: Any = None
    eval_metric_ops: Mapping[str, Any] = field(default_factory=dict)
    export_outputs: Mapping[str, Mapping[str, tf.Tensor]] = field(default_factory=dict)
    resources: Sequence[Any] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.mode, ModeKeys):
            raise TypeError(f"mode must be one of ModeKeys, not {_kind(self.mode)}")
        needed = {
            ModeKeys.TRAIN: {"loss": self.loss, "train_op": self.train_op},
            ModeKeys.EVAL: {"loss": self.loss},
            ModeKeys.PREDICT: {"predictions": self.predictions},
        }[self.mode]
        missing = [name for name, value in needed.items() if value is None]
        if missing:
            raise ValueError(f"an EstimatorSpec for {self.mode.value} needs {' and '.join(missing)}")
        self._check_loss()
        if not (self.train_op is None or isinstance(self.train_op, tf.Operation) or _is_tensor(self.train_op)):
            raise TypeError(f"train_op must be a tensor or an operation, not {_kind(self.train_op)}")
        if self.predictions is not None:
            _check_tensors("predictions", self.predictions)
        for name, value in self.eval_metric_ops.items():
            _check_metric(name, value)
        for name, outputs in self.export_outputs.items():
            if not isinstance(outputs, Mapping) or not outputs:
                raise TypeError(f"export_outputs[{name!r}] must be a dict of tensors by name, not {_kind(outputs)}")
            _check_tensors(f"export_outputs[{name!r}]", outputs)

    def _check_loss(self) -> None:
        if self.loss is None:
            return
        if not _is_tensor(self.loss):
            raise TypeError(f"loss must be a tensor, not {_kind(self.loss)}")
        if not self.loss.dtype.is_floating:
            raise TypeError(f"loss must be a tensor of floats, not of {self.loss.dtype.name}")
        if self.loss.shape.rank not in (None, 0):
            raise ValueError(f"loss must be one number, not of shape {tuple(self.loss.shape)}: take its mean or sum")

    def outputs(self) -> dict[str, dict[str, tf.Tensor]]:
        """The outputs of each signature of an export; one in a dict within a dict is called `outer/inner`."""
        told = self.predictions if isinstance(self.predictions, Mapping) else {"predictions": self.predictions}
        return {name: dict(_flat(given)) for name, given in {DEFAULT_SIGNATURE: told, **self.export_outputs}.items()}


def _flat(tensors: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, tf.Tensor]]:
    for name, value in tensors.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}/")
        else:
            yield f"{above}{name}", value


def _check_tensors(name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_tensors(f"{name}[{key!r}]", inner)
    elif not _is_tensor(value):
        raise TypeError(f"{name} must be a tensor or a dict of tensors, not {_kind(value)}")


def _check_metric(name: str, value: Any) -> None:
    if isinstance(value, Measured):
        return
    if not (isinstance(value, tuple) and len(value) == 2 and all(_is_tensor(part) for part in value)):
        raise TypeError(
            f"eval_metric_ops[{name!r}] must be a pair of tensors (sum, weight) or come from measure(), "
            f"not {_kind(value)}"
        )


def _is_tensor(value: Any) -> bool:
    return bool(tf.is_tensor(value)) or isinstance(value, tf.Variable)


def _kind(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"[:80]
