"""What event files show, read with nothing but TensorFlow."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf


def _events(directory: Path) -> Iterator[tf.compat.v1.Event]:
    files = sorted(map(str, Path(directory).glob("events.out.tfevents.*")))
    for record in tf.data.TFRecordDataset(files).as_numpy_iterator() if files else ():
        yield tf.compat.v1.Event.FromString(record)


def _values(directory: Path) -> Iterator[tuple[int, tf.compat.v1.Summary.Value]]:
    for event in _events(directory):
        for value in event.summary.value:
            yield event.step, value


def graphs(directory: Path) -> list[tf.compat.v1.GraphDef]:
    """The graphs that it shows."""
    return [tf.compat.v1.GraphDef.FromString(event.graph_def) for event in _events(directory) if event.graph_def]


def pictures(directory: Path, tag: str) -> dict[int, list[np.ndarray]]:
    """The pictures that a tag shows at each step."""
    found = {}
    for step, (width, height, *files) in values(directory, tag).items():
        found[step] = [tf.io.decode_png(file).numpy() for file in files]
        assert all(one.shape[:2] == (int(height), int(width)) for one in found[step])
    return found


def plugins(directory: Path) -> dict[str, str]:
    """The part of TensorBoard that each tag is for: `scalars`, `histograms`, `images` or `text`."""
    named: dict[str, str] = {}
    for _, value in _values(directory):
        named.setdefault(value.tag, value.metadata.plugin_data.plugin_name)  # only the first of a tag need name it
    return named


def values(directory: Path, tag: str) -> dict[int, np.ndarray]:
    """What a tag shows at each step."""
    return {step: tf.make_ndarray(value.tensor) for step, value in _values(directory) if value.tag == tag}


def steps(directory: Path) -> dict[str, list[int]]:
    """The steps at which each tag shows something, in the order in which they were written."""
    shown: dict[str, list[int]] = {}
    for step, value in _values(directory):
        shown.setdefault(value.tag, []).append(step)
    return shown
