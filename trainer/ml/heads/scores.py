"""What heads make of their probabilities: calibrated scores, and measures of doubt for active learning."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml.calibration import Part

_CERTAIN = 1e-6


class Scale:
    """The slope and offset of each label as variables, so that an export carries them; without any, 1 and 0."""

    def __init__(self, name: str, labels: int, part: Part | None) -> None:
        self.slope = self._of_each(f"{name}_slope", labels, part.slope if part else 1.0)
        self.offset = self._of_each(f"{name}_offset", labels, part.offset if part else 0.0)

    def _of_each(self, name: str, labels: int, values: np.ndarray | float) -> tf.Variable:
        return tf.Variable(np.broadcast_to(np.float32(values), [labels]), trainable=False, name=name)


def calibrated(score: tf.Tensor, label: tf.Tensor, scale: Scale) -> tf.Tensor:
    """Probabilities [M] of answers with labels [M], by the slope and offset of each label."""
    slope, offset = tf.gather(scale.slope, label), tf.gather(scale.offset, label)
    sure = tf.clip_by_value(score, _CERTAIN, 1.0 - _CERTAIN)
    scaled = tf.sigmoid(slope * (tf.math.log(sure) - tf.math.log1p(-sure)) + offset)
    return tf.where((slope == 1.0) & (offset == 0.0), score, scaled)  # uncalibrated scores stay as they are, exactly


class Doubt(NamedTuple):
    """How undecided a model is about each document, [B] each."""

    uncertainty: tf.Tensor  # what the best answers lack of certainty, 0 to 1
    margin: tf.Tensor  # how far the best answers lie before the second best, 0 to 1
    entropy: tf.Tensor  # nats


def doubt_of(shares: tf.Tensor) -> Doubt:
    """Of each row of [N, K] probabilities that sum to one."""
    best = tf.math.top_k(shares, k=2).values
    entropy = -tf.reduce_sum(tf.math.xlogy(shares, tf.maximum(shares, 1e-30)), axis=1)
    return Doubt(1.0 - best[:, 0], best[:, 0] - best[:, 1], entropy)


def doubt_of_tokens(posterior: tf.Tensor, document: tf.Tensor, documents: tf.Tensor) -> Doubt:
    """The mean over each document's tokens, without the last document (the sentinel)."""
    means = (tf.math.unsorted_segment_mean(measure, document, documents)[:-1] for measure in doubt_of(posterior))
    return Doubt(*means)


def doubt_of_choices(shares: tf.Tensor, multiple: bool) -> Doubt:
    """Of a question's [B, C] probabilities; the mean over the choices where each stands for itself."""
    if not multiple:
        found = doubt_of(shares)
        return found._replace(uncertainty=1.0 - found.margin)
    each = doubt_of(tf.stack([tf.reshape(shares, [-1]), 1.0 - tf.reshape(shares, [-1])], 1))
    means = Doubt(*(tf.reduce_mean(tf.reshape(measure, tf.shape(shares)), axis=1) for measure in each))
    return means._replace(uncertainty=1.0 - means.margin)


def doubt_of_pairs(shares: tf.Tensor, document: tf.Tensor, documents: tf.Tensor) -> Doubt:
    """The mean over each document's pairs of spans and one more that is beyond doubt, as there may be no pair."""
    certain = tf.one_hot(tf.zeros([documents], tf.int32), shares.shape[1])
    return doubt_of_tokens(tf.concat([shares, certain], 0), tf.concat([document, tf.range(documents)], 0), documents)


def together(doubts: list[Doubt]) -> Doubt:
    """The mean of all heads."""
    uncertainty, margin, entropy = (tf.add_n(list(parts)) / len(doubts) for parts in zip(*doubts, strict=True))
    return Doubt(tf.clip_by_value(uncertainty, 0.0, 1.0), tf.clip_by_value(margin, 0.0, 1.0), tf.nn.relu(entropy))
