"""Predictions of a batch, as they are handed on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from .spec import OUTPUT


def examples(batch: Any) -> Iterator[Any]:
    """Of each example by itself; ValueError names predictions that do not have the batch's length."""
    lengths = {}
    for name, array in _by_name(batch):
        if not np.ndim(array):
            raise ValueError(f"the prediction {name} is one value for the whole batch: set yield_single_examples=False")
        lengths[name] = len(array)
    (first, count), *others = lengths.items()
    for name, length in others:
        if length != count:
            raise ValueError(f"predictions of a batch must be of one length: {first} has {count}, {name} has {length}")
    for index in range(count):
        yield tf.nest.map_structure(lambda array, i=index: array[i], batch)


def _by_name(batch: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(batch, Mapping):
        yield above or OUTPUT, batch
        return
    for name, value in batch.items():
        yield from _by_name(value, f"{above}/{name}" if above else name)


def chosen(predictions: Any, keys: Sequence[str] | str | None) -> Any:
    """Those of these keys that there are; ValueError where there is none."""
    if keys is None:
        return predictions
    if not isinstance(predictions, Mapping):
        raise ValueError("predict_keys needs predictions that are a dict")
    wanted = [keys] if isinstance(keys, str) else list(keys)
    found = {key: value for key, value in predictions.items() if key in wanted}
    if not found:
        raise ValueError(f"no prediction is called {', '.join(wanted)}; there are: {', '.join(predictions)}")
    return found
