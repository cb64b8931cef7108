"""The choice head: scores of a question's choices from the words of the whole document."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from trainer.ml.calibration import Part
from trainer.ml.examples import Example
from trainer.ml.inputs import Inputs, Vocabulary, times, weights
from trainer.ml.schema import Question


class ChoiceHead:
    """A linear classifier over pieces of words and pairs of adjacent words."""

    def __init__(self, question: Question, vocabulary: Vocabulary, *, decay: float) -> None:
        self.question, self.decay = question, decay
        width = len(question.choices)
        self.spelling = weights("choice_spelling", len(vocabulary["spelling"]), width)
        self.bigrams = weights("choice_bigrams", len(vocabulary["bigrams"]), width)
        self.bias = weights("choice_bias", width)

    def scores(self, inputs: Inputs) -> tf.Tensor:
        """Of each choice for each document, the sentinel included."""
        types = times(inputs.spelling, inputs.type_count, self.spelling)
        summed = times(inputs.words, inputs.documents, types)
        summed += times(inputs.bigrams, inputs.documents, self.bigrams)
        size = tf.math.bincount(tf.cast(inputs.words[:, 0], tf.int32), minlength=inputs.documents)
        return summed / tf.sqrt(tf.maximum(tf.cast(size, tf.float32), 1.0))[:, None] + self.bias

    def loss(self, inputs: Inputs, target: tf.Tensor, document_weights: tf.Tensor) -> tf.Tensor:
        """Cross entropy, each document by its weight, and the penalty of the weights."""
        scores = self.scores(inputs)
        if self.question.multiple:
            each = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(target, scores), axis=1)
        else:
            each = tf.nn.softmax_cross_entropy_with_logits(target, scores)
        penalty = tf.nn.l2_loss(self.spelling) + tf.nn.l2_loss(self.bigrams)
        return tf.reduce_sum(document_weights * each) + self.decay * penalty

    def shares(self, inputs: Inputs, calibration: Part | None = None) -> tf.Tensor:
        """Probability of each choice, [B, C]."""
        scores = self.scores(inputs)[:-1]
        if calibration:
            scores = scores * np.float32(calibration.slope) + np.float32(calibration.offset)
        return tf.sigmoid(scores) if self.question.multiple else tf.nn.softmax(scores)


def targets(examples: Sequence[Example], question: Question) -> tuple[np.ndarray, np.ndarray]:
    """What a question's answers are as a [B + 1, C] target, and which documents answer it at all."""
    number = {choice: index for index, choice in enumerate(question.choices)}
    target = np.zeros((len(examples) + 1, len(question.choices)), np.float32)
    given = np.zeros(len(examples) + 1, np.float32)
    for row, example in enumerate(examples):
        answer = example.answer_to(question)
        chosen = [number[choice] for choice in answer or () if choice in number]
        if answer is not None and (chosen or question.multiple):
            target[row, chosen] = 1.0 if question.multiple else 1.0 / len(chosen)
            given[row] = 1.0
    return target, given
