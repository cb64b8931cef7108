"""Summaries: what a training shows of itself in TensorBoard.

`scalar`, `histogram`, `image` and `text` are called inside a model function, or in an input function that gives
tensors. They cost nothing outside training and next to nothing in a step whose summaries are not due. Event files are
written without the tensorboard package: only who wants to look at them needs it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from .running import current
from .spec import ModeKeys

BUCKETS = 30

# By kind: the name of TensorBoard's plugin, and the sort of data it takes.
_KINDS = {
    "scalar": ("scalars", "DATA_CLASS_SCALAR"),
    "histogram": ("histograms", "DATA_CLASS_TENSOR"),
    "image": ("images", "DATA_CLASS_BLOB_SEQUENCE"),
    "text": ("text", "DATA_CLASS_TENSOR"),
}


class Noted(NamedTuple):
    """A summary that was asked for."""

    kind: str
    tensor: tf.Tensor


_input: ContextVar[dict[str, Noted] | None] = ContextVar("input", default=None)


@contextmanager
def of_input() -> Iterator[dict[str, Noted]]:
    """Inside, an input function is called: the summaries that it asks for, if it is called in a graph."""
    noted: dict[str, Noted] = {}
    token = _input.set(noted)
    try:
        yield noted
    finally:
        _input.reset(token)


def scalar(tag: str, value: tf.Tensor) -> None:
    """Show a number, a scalar tensor, as a curve over the steps."""
    _note(tag, "scalar", lambda: tf.cast(value, tf.float32), tf.constant(0.0))


def histogram(tag: str, values: tf.Tensor) -> None:
    """Show how the values of a tensor of any shape are spread."""
    _note(tag, "histogram", lambda: _buckets(values), tf.zeros([BUCKETS, 3], tf.float64))


def image(tag: str, pictures: tf.Tensor, max_outputs: int = 3) -> None:
    """Show the first few pictures, [batch, height, width, channels]: 1, 3 or 4 channels of uint8 or of floats.

    Each picture of floats is stretched so that it uses all shades: from 0 to its highest value or, with negative ones,
    from minus its largest absolute value to that.
    """
    _note(tag, "image", lambda: _encoded(pictures[:max_outputs]), tf.constant([], tf.string))


def text(tag: str, strings: tf.Tensor) -> None:
    """Show strings, a tensor of them of rank 0 or 1: examples of the input, say. Markdown is rendered."""
    _note(tag, "text", lambda: tf.reshape(strings, [-1]), tf.constant([], tf.string))


def _note(tag: str, kind: str, compute: Callable[[], tf.Tensor], nothing: tf.Tensor) -> None:
    if (of_the_input := _input.get()) is not None:
        if not tf.executing_eagerly():  # else it is called again, in a graph
            _add(of_the_input, tag, Noted(kind, compute()))
        return
    running = current()
    if running.mode == ModeKeys.TRAIN:
        _add(running.summaries, tag, Noted(kind, tf.cond(running.due, compute, lambda: nothing)))


def _add(noted: dict[str, Noted], tag: str, one: Noted) -> None:
    if tag in noted:
        raise ValueError(f"there are two summaries with the tag {tag!r}")
    noted[tag] = one


def _encoded(pictures: tf.Tensor) -> tf.Tensor:
    """Width, height and each picture as a PNG, as strings."""
    if pictures.dtype != tf.uint8:
        values = tf.cast(pictures, tf.float32)
        values = tf.where(tf.math.is_finite(values), values, 0)
        most = tf.reduce_max(tf.abs(values), axis=[1, 2, 3], keepdims=True)
        below = tf.reduce_min(values, axis=[1, 2, 3], keepdims=True) < 0
        shades = tf.math.divide_no_nan(values, most)
        shades = tf.where(below, (shades + 1) * 127.5, shades * 255)
        pictures = tf.cast(tf.round(shades), tf.uint8)
    files = tf.map_fn(tf.image.encode_png, pictures, fn_output_signature=tf.string)
    size = tf.strings.as_string(tf.stack([tf.shape(pictures)[2], tf.shape(pictures)[1]]))
    return tf.concat([size, files], axis=0)


def _buckets(values: tf.Tensor) -> tf.Tensor:
    """Left edge, right edge and count of buckets of one width: [BUCKETS, 3] of float64."""
    flat = tf.cast(tf.reshape(values, [-1]), tf.float64)
    flat = tf.boolean_mask(flat, tf.math.is_finite(flat))
    some = tf.size(flat) > 0
    low = tf.where(some, tf.reduce_min(flat), 0.0)
    high = tf.where(some, tf.reduce_max(flat), 0.0)
    high = tf.where(high > low, high, low + 1.0)
    counts = tf.histogram_fixed_width(flat, [low, high], nbins=BUCKETS, dtype=tf.int32)
    edges = tf.linspace(low, high, BUCKETS + 1)
    return tf.stack([edges[:-1], edges[1:], tf.cast(counts, tf.float64)], axis=1)


class EventFile:
    """Writes summaries into a directory, from the first one on; reading needs TensorBoard, writing does not."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._writer: Any = None

    def write(self, step: int, values: Mapping[str, Any], kinds: Mapping[str, str] | None = None) -> None:
        """Write values by tag; those of unknown kind are scalars."""
        with self._open().as_default(step=step), tf.summary.record_if(True):
            for tag, value in values.items():
                plugin, sort = _KINDS[(kinds or {}).get(tag, "scalar")]
                metadata = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": plugin}, data_class=sort)
                given = np.float32(value) if isinstance(value, float) else value
                tf.summary.write(tag, given, metadata=metadata)

    def write_graph(self, graph: Any) -> None:
        """Write a graph, so that TensorBoard can draw it."""
        with self._open().as_default(step=0), tf.summary.record_if(True):
            tf.summary.graph(graph)

    def close(self) -> None:
        """Bring everything to the disk."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self) -> Any:
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._directory))
        return self._writer
