"""What a model function is asked for, and what it answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import tensorflow as tf

from .metrics import Measured, Ratio

Tensors = Any  # a tensor, or a (nested) dict of tensors
DEFAULT_SIGNATURE = "serving_default"
OUTPUT = "output"  # what predictions that are one tensor are called in an export
TAKEN = ("loss", "global_step")  # what an evaluation tells beside the metrics


class ModeKeys(StrEnum):
    """What a model function is being run for: strings, of which that for prediction is `infer`."""

    TRAIN = "train"
    EVAL = "eval"
    PREDICT = "infer"


@dataclass(frozen=True)
class EstimatorSpec:
    """What a model function answers; what is missing or of a wrong type is named by ValueError or TypeError.

    mode             of ModeKeys, or its string
    predictions      a tensor or a (nested) dict of tensors, each with the examples along its first axis; PREDICT
                     needs it
    loss             one float, a tensor of shape [] or [1]; TRAIN and EVAL need it
    train_op         the tensor or operation that makes one step, mostly from `minimize`; TRAIN needs it, and only
                     there is it run
    eval_metric_ops  by name: what `ratio` or `measure` gives; or a pair (value, update), as those of
                     `tf.compat.v1.metrics` are, whose value is read after the update of the last batch
    export_outputs   by signature, a dict of tensors: more signatures of an export, beside `serving_default` with the
                     predictions. One that is called `serving_default`, or the only one, takes their place
    training_hooks, evaluation_hooks, prediction_hooks
                     watch beside those that are given to the call
    resources        lookup tables and whatever else the model uses that is no variable: kept alive, and exported
                     with the files they read
    """

    mode: ModeKeys
    predictions: Tensors = None
    loss: tf.Tensor | None = None
    train_op: Any = None
    eval_metric_ops: Mapping[str, Any] | None = None
    export_outputs: Mapping[str, Mapping[str, tf.Tensor]] | None = None
    training_hooks: Sequence[Any] = ()
    evaluation_hooks: Sequence[Any] = ()
    prediction_hooks: Sequence[Any] = ()
    resources: Sequence[Any] = ()

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "mode", ModeKeys(self.mode))
        except ValueError:
            known = ", ".join(repr(mode.value) for mode in ModeKeys)
            raise ValueError(f"mode must be one of ModeKeys ({known}), not {_kind(self.mode)}") from None
        self._check_needed()
        self._check_loss()
        if not (self.train_op is None or isinstance(self.train_op, tf.Operation) or _is_tensor(self.train_op)):
            raise TypeError(f"train_op must be a tensor or an operation, not {_kind(self.train_op)}")
        if self.predictions is not None:
            _check_tensors("predictions", self.predictions)
        for name, value in self.metrics.items():
            _check_metric(name, value)
        for name, outputs in self.exports.items():
            if not isinstance(outputs, Mapping) or not outputs:
                raise TypeError(f"export_outputs[{name!r}] must be a dict of tensors by name, not {_kind(outputs)}")
            _check_tensors(f"export_outputs[{name!r}]", outputs)

    @property
    def metrics(self) -> Mapping[str, Any]:
        """`eval_metric_ops`, if any."""
        return self.eval_metric_ops or {}

    @property
    def exports(self) -> Mapping[str, Mapping[str, tf.Tensor]]:
        """`export_outputs`, if any."""
        return self.export_outputs or {}

    @property
    def hooks(self) -> Sequence[Any]:
        """Those of the mode."""
        by_mode = {
            ModeKeys.TRAIN: self.training_hooks,
            ModeKeys.EVAL: self.evaluation_hooks,
            ModeKeys.PREDICT: self.prediction_hooks,
        }
        return by_mode[self.mode] or ()

    def _check_needed(self) -> None:
        needed = {
            ModeKeys.TRAIN: {"loss": self.loss, "train_op": self.train_op},
            ModeKeys.EVAL: {"loss": self.loss},
            ModeKeys.PREDICT: {"predictions": self.predictions},
        }[self.mode]
        missing = [name for name, value in needed.items() if value is None]
        if missing:
            raise ValueError(f"an EstimatorSpec for {verb(self.mode)} needs {' and '.join(missing)}")

    def _check_loss(self) -> None:
        if self.loss is None:
            return
        if not _is_tensor(self.loss):
            raise TypeError(f"loss must be a tensor, not {_kind(self.loss)}")
        if not self.loss.dtype.is_floating:
            raise TypeError(f"loss must be a tensor of floats, not of {self.loss.dtype.name}")
        if self.loss.shape.rank is not None and self.loss.shape.num_elements() != 1:
            raise ValueError(f"loss must be one number, not of shape {tuple(self.loss.shape)}: take its mean or sum")
        if self.loss.shape.rank != 0:
            object.__setattr__(self, "loss", tf.reshape(self.loss, []))

    def outputs(self) -> dict[str, dict[str, tf.Tensor]]:
        """The outputs of each signature of an export; one in a dict within a dict is called `outer/inner`."""
        told = self.predictions if isinstance(self.predictions, Mapping) else {OUTPUT: self.predictions}
        if len(self.exports) == 1:
            (told,) = self.exports.values()
        return {name: dict(_flat(given)) for name, given in {DEFAULT_SIGNATURE: told, **self.exports}.items()}


def verb(mode: ModeKeys) -> str:
    """What a mode is called in a sentence: train, eval or predict."""
    return mode.name.lower()


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
    if name in TAKEN:
        raise ValueError(f"a metric cannot be called {name!r}: each evaluation tells one of its own by this name")
    if isinstance(value, Measured | Ratio):
        return
    pair = isinstance(value, tuple) and len(value) == 2
    if not (pair and _is_tensor(value[0]) and (_is_tensor(value[1]) or isinstance(value[1], tf.Operation))):
        raise TypeError(
            f"eval_metric_ops[{name!r}] must come from ratio() or measure(), or be a pair (value, update) like those "
            f"of tf.compat.v1.metrics, not {_kind(value)}"
        )


def _is_tensor(value: Any) -> bool:
    return bool(tf.is_tensor(value)) or isinstance(value, tf.Variable)


def _kind(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"[:80]
