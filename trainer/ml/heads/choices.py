"""The choice head: scores of a question's choices from the words of the whole document, and what they mean.

A choice's own name is an example of it: who asks whether a letter is about a `lost_card` has said what to look for.
"""

import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from trainer.ml.crf import FORBIDDEN
from trainer.ml.examples import Example
from trainer.ml.features import WAYS
from trainer.ml.heads.scores import Scale
from trainer.ml.inputs import Fits, Inputs, Sparse, Vocabulary, half_squares, times
from trainer.ml.schema import Question
from trainer.ml.vectors import Vectors

_HABITS = WAYS + 1  # numbers at the end of a vector that do not tell what a word means
_SPREAD = -0.25  # power of the number of words with a piece that the piece counts by
_MEANING = 0.6  # length of the meaning of a document, whose words have length 1


class ChoiceHead:
    """A linear classifier over pieces of words, pairs of adjacent words, and the mean of vectors (and states)."""

    def __init__(
        self,
        question: Question,
        vocabulary: Vocabulary,
        vectors: Vectors,
        spread: np.ndarray,
        *,
        decay: float,
        fits: Fits,
        barred: tf.Variable,
        states: int = 0,
    ) -> None:
        """`spread` [spelling features] says how many words each piece occurs in, `barred` [C] is added to scores, and
        `states` is how many numbers an encoder's state of a token has.
        """
        self.question, self.decay, self.barred = question, decay, barred
        scale = np.maximum(spread, 1.0) ** _SPREAD
        variable = tf.Variable(scale[:, None].astype(np.float32), trainable=False, name="choice_scale", shape=[None, 1])
        self.scale = tf.expand_dims(variable, 0)
        self.width = width = len(question.choices)
        self.spelling = fits.weights("choice_spelling", len(vocabulary["spelling"]), width)
        self.bigrams = fits.weights("choice_bigrams", len(vocabulary["bigrams"]), width)
        self.meaning = fits.weights("choice_meaning", vectors.width - _HABITS, width)
        self.states = fits.weights("choice_states", states, width) if states else None
        self.bias = fits.weights("choice_bias", width)

    @property
    def known(self) -> tf.Tensor:
        """[C] flags: the choices that anything was learnt of."""
        return self.barred > 0.5 * FORBIDDEN

    def scores(self, inputs: Inputs) -> tf.Tensor:
        """Of each choice for each document by each fit, [F, B + 1, C], the sentinel included.

        Common words count less, and so do pieces of many words; beyond that, documents of any length count the same.
        """
        rarity = _rarity(inputs.meaning)
        rare = tf.sqrt(rarity[: inputs.type_count])
        types = rare * times(inputs.spelling, inputs.type_count, self.spelling * self.scale)
        sizes = tf.square(rare) * times(inputs.spelling.squared(), inputs.type_count, tf.square(self.scale))
        size = times(inputs.words, inputs.documents, sizes) + _sums(inputs.bigrams.squared(), inputs.documents)
        summed = times(inputs.words, inputs.documents, types)
        summed += times(inputs.bigrams, inputs.documents, self.bigrams)
        own = inputs.units[:, 0]
        mean = _direction(tf.gather(inputs.meaning[:, :-_HABITS] * rarity, own), inputs)
        scores = summed / tf.sqrt(tf.maximum(size, 1.0)) + _MEANING * tf.matmul(mean, self.meaning)
        if self.states is not None and inputs.states is not None:
            state = _direction(inputs.states * tf.gather(rarity, own), inputs)
            scores += _MEANING * tf.matmul(state, self.states)
        return scores + (self.bias + self.barred)[:, None]

    def loss(self, inputs: Inputs, target: tf.Tensor, document_weights: tf.Tensor, names: Inputs) -> tf.Tensor:
        """Of each fit, [F]: cross entropy of documents, by their weights [F, B + 1], and of the choices' names, and the
        penalty of its weights.
        """
        given = tf.reduce_sum(document_weights * self._errors(self.scores(inputs), target), 1)
        errors = self._errors(self.scores(names)[:, :-1], tf.eye(self.width))
        named = tf.reduce_sum(tf.where(self.known, errors, 0.0), 1)
        tables = [self.spelling, self.bigrams, self.meaning, *([] if self.states is None else [self.states])]
        return given + named + self.decay * half_squares(*tables)

    def _errors(self, scores: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        target = tf.broadcast_to(target, tf.shape(scores))
        if self.question.multiple:
            return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(target, scores), axis=2)
        return tf.nn.softmax_cross_entropy_with_logits(target, scores)

    def shares(self, inputs: Inputs, scale: Scale) -> tf.Tensor:
        """Probability of each choice, [B, C], by the fit that answers."""
        scores = self.scores(inputs)[0, :-1] * scale.slope + scale.offset
        return tf.sigmoid(scores) if self.question.multiple else tf.nn.softmax(scores)


def _direction(of_tokens: tf.Tensor, inputs: Inputs) -> tf.Tensor:
    """Of each document, [B + 1, …]: the sum over its tokens, at length 1."""
    return tf.math.l2_normalize(tf.math.unsorted_segment_sum(of_tokens, inputs.document, inputs.documents), axis=1)


def _rarity(meaning: tf.Tensor) -> tf.Tensor:
    """[units, 1]: from 0 for the most common words to 1 for those seen once or never."""
    return 1.0 - tf.clip_by_value(meaning[:, -1:], 0.0, 1.0)


def _sums(sparse: Sparse, rows: tf.Tensor) -> tf.Tensor:
    """The sum of each row, [rows, 1]."""
    return tf.math.unsorted_segment_sum(sparse.values, sparse.indices[:, 0], rows)[:, None]


def spoken(choice: str) -> str:
    """The name of a choice as a text: `lost_card` and `LostCard` as two words."""
    return re.sub(r"[\W_]+|(?<=[a-z])(?=[A-Z])", " ", choice).strip()


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
