"""Sorted tables of hashes as variables, and finding values in them."""

import numpy as np
import tensorflow as tf


def kept(name: str, hashes: np.ndarray) -> tf.Variable:
    """A sorted int32 table that an export carries, never trained, in a graph that does not know how long it is."""
    return tf.Variable(hashes.astype(np.int32), trainable=False, name=name, shape=[None])


def find(values: tf.Tensor, known: tf.Variable) -> tuple[tf.Tensor, tf.Tensor]:
    """Where the values stand in a sorted table (its last place when nowhere), and whether they do."""
    values, last = tf.cast(values, tf.int32), tf.size(known) - 1
    at = tf.minimum(tf.searchsorted(known, values), last)
    hit = tf.gather(known, at) == values
    return tf.where(hit, at, last), hit
