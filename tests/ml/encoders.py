"""Tiny encoders that tests make, in the form in which operators bring theirs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

WIDTH = 6
TEXTS = [tf.TensorSpec([None], tf.string, name="text")]
SPACE = [ord(" "), ord("\n")]


def runs(text: tf.Tensor) -> dict[str, tf.Tensor]:
    """A piece for each run of characters without a space, and one of no length at the beginning of each text.

    Its first two numbers say whether the sum of its code points is odd, which no spelling shows; the others how long it
    is, and what its least character is. Before a text, all are far off.
    """
    ragged = tf.strings.unicode_decode(text, "UTF-8")
    code, row = ragged.values, tf.cast(ragged.value_rowids(), tf.int32)
    place = tf.range(tf.size(code)) - tf.gather(tf.cast(ragged.row_starts(), tf.int32), row)
    solid = tf.reduce_all(code[:, None] != tf.constant([SPACE]), axis=1)
    begins = solid & ((place == 0) | ~tf.concat([[False], solid[:-1]], 0))
    of = tf.boolean_mask(tf.cumsum(tf.cast(begins, tf.int32)) - 1, solid)
    code, row, place = (tf.boolean_mask(column, solid) for column in (code, row, place))
    odd = tf.cast(tf.math.segment_sum(code, of) % 2, tf.float32)
    start, end = tf.math.segment_min(place, of), tf.math.segment_max(place, of) + 1
    length, least = tf.cast(end - start, tf.float32), tf.cast(tf.math.segment_min(code, of) % 7, tf.float32)
    vector = tf.stack([odd, 1.0 - odd, length / 5, least / 7, odd * 0.5, length * 0.1], 1)
    marks = tf.range(tf.size(text))
    return {
        "document": tf.concat([marks, tf.math.segment_min(row, of)], 0),
        "start": tf.concat([tf.zeros_like(marks), start], 0),
        "end": tf.concat([tf.zeros_like(marks), end], 0),
        "vector": tf.concat([tf.fill([tf.size(marks), WIDTH], 100.0), vector], 0),
    }


def save(folder: Path, answer: Callable[[tf.Tensor], dict[str, tf.Tensor]] = runs, **options: Any) -> Path:
    """Write an encoder, by default one that keeps to the contract; `signature` and `specs` may be others."""
    module = tf.Module()
    module.run = tf.function(answer, input_signature=options.get("specs", TEXTS), autograph=False)
    signature = options.get("signature", "serving_default")
    tf.saved_model.save(module, str(folder), signatures={signature: module.run.get_concrete_function()})
    return folder
