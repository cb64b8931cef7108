"""What heads make of their probabilities: calibrated scores, and measures of doubt for active learning."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml.calibration import Part

_CERTAIN = 1e-6
_MEANS = 3  # of the measures of doubt are means, the others totals


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
    """How undecided a model is about each document, [B] each.

    Means prefer documents in which all is hard to tell, totals those in which there is much that is (Settles and Craven
    2008, "An analysis of active learning strategies for sequence labeling tasks": token entropy and total token
    entropy).
    """

    uncertainty: tf.Tensor  # what the best answers lack of certainty, 0 to 1; the mean over all there is to decide
    margin: tf.Tensor  # how far the best answers lie before the second best, 0 to 1; the mean
    entropy: tf.Tensor  # nats; the mean
    total_uncertainty: tf.Tensor  # the sum over all there is to decide
    total_entropy: tf.Tensor  # the sum


def doubt_of(shares: tf.Tensor) -> Doubt:
    """Of each row of [N, K] probabilities that sum to one."""
    best = tf.math.top_k(shares, k=2).values
    entropy = -tf.reduce_sum(tf.math.xlogy(shares, tf.maximum(shares, 1e-30)), axis=1)
    uncertainty = 1.0 - best[:, 0]
    return Doubt(uncertainty, best[:, 0] - best[:, 1], entropy, uncertainty, entropy)


def doubt_of_tokens(posterior: tf.Tensor, document: tf.Tensor, documents: tf.Tensor) -> Doubt:
    """The mean and the sum over each document's tokens, without the last document (the sentinel)."""
    each = doubt_of(posterior)
    means = [tf.math.unsorted_segment_mean(measure, document, documents)[:-1] for measure in each[:_MEANS]]
    totals = [tf.math.unsorted_segment_sum(measure, document, documents)[:-1] for measure in each[_MEANS:]]
    return Doubt(*means, *totals)


def doubt_of_choices(shares: tf.Tensor, known: tf.Tensor, multiple: bool) -> Doubt:
    """Of a question's [B, C] probabilities; the mean and the sum over the choices where each stands for itself.

    Only those count that are `known`, [C] flags.
    How uncertain a question is, is how near its two best choices are to one another.
    """
    if not multiple:
        found = doubt_of(shares)
        unsure = 1.0 - found.margin
        return found._replace(uncertainty=unsure, total_uncertainty=unsure)
    each = doubt_of(tf.stack([tf.reshape(shares, [-1]), 1.0 - tf.reshape(shares, [-1])], 1))
    each = each._replace(total_uncertainty=1.0 - each.margin)
    measures = [tf.boolean_mask(tf.reshape(measure, tf.shape(shares)), known, axis=1) for measure in each]
    means = [tf.reduce_mean(measure, axis=1) for measure in measures[:_MEANS]]
    totals = [tf.reduce_sum(measure, axis=1) for measure in measures[_MEANS:]]
    return Doubt(1.0 - means[1], *means[1:], *totals)


def doubt_of_pairs(shares: tf.Tensor, document: tf.Tensor, documents: tf.Tensor) -> Doubt:
    """Over each document's pairs of spans and one more that is beyond doubt, as there may be no pair."""
    certain = tf.one_hot(tf.zeros([documents], tf.int32), shares.shape[1])
    return doubt_of_tokens(tf.concat([shares, certain], 0), tf.concat([document, tf.range(documents)], 0), documents)


def together(doubts: list[Doubt]) -> Doubt:
    """The mean of all heads, and of totals the sum."""
    sums = Doubt(*(tf.add_n(list(parts)) for parts in zip(*doubts, strict=True)))
    uncertainty, margin = (tf.clip_by_value(one / len(doubts), 0.0, 1.0) for one in (sums.uncertainty, sums.margin))
    entropy, *totals = (tf.nn.relu(one) for one in (sums.entropy / len(doubts), *sums[_MEANS:]))
    return Doubt(uncertainty, margin, entropy, *totals)
