"""Summaries: what a training shows of itself in TensorBoard.

`scalar`, `histogram` and `text` are called inside a model function. They cost nothing outside training and next to
nothing in a step whose summaries are not due. Event files are written without the tensorboard package: only who
wants to look at them needs it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import summary_pb2

from .running import current
from .spec import ModeKeys

BUCKETS = 30

# By kind: the name of TensorBoard's plugin, and the sort of data it takes.
_KINDS = {
    "scalar": ("scalars", summary_pb2.DATA_CLASS_SCALAR),
    "histogram": ("histograms", summary_pb2.DATA_CLASS_TENSOR),
    "text": ("text", summary_pb2.DATA_CLASS_TENSOR),
}


def scalar(tag: str, value: tf.Tensor) -> None:
    """Show a number, a scalar tensor, as a curve over the steps."""
    _note(tag, "scalar", lambda: tf.cast(value, tf.float32), tf.constant(0.0))


def histogram(tag: str, values: tf.Tensor) -> None:
    """Show how the values of a tensor of any shape are spread."""
    _note(tag, "histogram", lambda: _buckets(values), tf.zeros([BUCKETS, 3], tf.float64))


def text(tag: str, strings: tf.Tensor) -> None:
    """Show strings, a tensor of them of rank 0 or 1: examples of the input, say. Markdown is rendered."""
    _note(tag, "text", lambda: tf.reshape(strings, [-1]), tf.constant([], tf.string))


def _note(tag: str, kind: str, compute: Callable[[], tf.Tensor], nothing: tf.Tensor) -> None:
    running = current()
    if running.mode != ModeKeys.TRAIN:
        return
    if tag in running.summaries:
        raise ValueError(f"there are two summaries with the tag {tag!r}")
    running.summaries[tag] = (kind, tf.cond(running.due, compute, lambda: nothing))


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
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._directory))
        with self._writer.as_default(step=step), tf.summary.record_if(True):
            for tag, value in values.items():
                plugin, sort = _KINDS[(kinds or {}).get(tag, "scalar")]
                metadata = summary_pb2.SummaryMetadata(
                    plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin), data_class=sort
                )
                given = np.float32(value) if isinstance(value, float) else value
                tf.summary.write(tag, given, metadata=metadata)

    def close(self) -> None:
        """Bring everything to the disk."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
