"""Long sequences in overlapping windows: each is read with a margin on either side, and believed in its middle.

What is far away has next to no say in a tag, so within the margin a window comes to say what the whole sequence
would. The cost grows with the length of a text, and the number of steps one after the other does not.
"""

from typing import NamedTuple

import tensorflow as tf

MARGIN = 32  # tokens


class Windows(NamedTuple):
    """Tokens as they are read in windows: those near a cut more than once."""

    token: tf.Tensor  # [W] the token at each place
    middle: tf.Tensor  # [W] true where the window is believed: once for each token, in reading order
    lengths: tf.Tensor  # [S] places of each window


def windows_of(lengths: tf.Tensor, continues: tf.Tensor) -> Windows:
    """A window for each of [S] cut sequences, with a margin where it `continues` the one before or is continued."""
    first = tf.cumsum(lengths, exclusive=True)
    none = tf.zeros([1], lengths.dtype)
    before = tf.where(continues, tf.minimum(tf.concat([none, lengths[:-1]], 0), MARGIN), 0)
    after = tf.concat([tf.where(continues[1:], tf.minimum(lengths[1:], MARGIN), 0), none], 0)
    wide = before + lengths + after
    shift = first - before - tf.cumsum(wide, exclusive=True)
    token = tf.range(tf.reduce_sum(wide)) + tf.repeat(shift, wide)
    middle = (token >= tf.repeat(first, wide)) & (token < tf.repeat(first + lengths, wide))
    return Windows(token, middle, wide)
