"""Second opinions: what a rough model thinks of each word, wherever the project's texts have it.

A model that was stopped early reads all texts there are, labelled or not. How probable it finds each label for a
word, on average over the word's places, then says something of the word itself, as its vector does, and the fit goes
on with that. A word that is hard to tell in one place is often easy in another (after Krishnan and Manning 2006, "An
effective two-stage model for exploiting non-local dependencies in named entity recognition").

    readings = Readings(texts, tokenizer, numbering, bundles)
    table = readings.opinions(tally, vectors)              # of what a rough model says to `readings.inputs`
    train(with_opinions(inputs, [table], vectors, learning=True))

A table has a row for each word that has a vector, and a last one for no word: [words + 1, 1 + labels], the
probabilities of no label and of each as bytes. A row of zeros is no opinion.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.ml.bundles import Bundles
from trainer.ml.examples import encodable
from trainer.ml.features import extract
from trainer.ml.inputs import Inputs, Numbering, arrays_of
from trainer.ml.meaning import SURE
from trainer.ml.tokens import Tokenizer
from trainer.ml.vectors import Vectors

TALLY = "tally"  # among the features: what is wanted is not answers, but what the model thinks of the words
_CHARACTERS, _LONGEST = 600_000, 20_000  # that are read at most, of all texts and of each


def no_opinions(vectors: Vectors, labels: int) -> np.ndarray:
    """The table before anything was read."""
    return np.zeros((len(vectors.words) + 1, 1 + labels), np.uint8)


def with_opinions(
    inputs: Mapping[str, np.ndarray], tables: Sequence[np.ndarray], vectors: Vectors, *, learning: bool
) -> dict[str, np.ndarray]:
    """The inputs with the opinions of their words, of each fit by its table.

    While learning, every other word goes without: texts to come have words of which nothing is thought, and what else
    is known of a word must still tell.
    """
    rows = _rows(inputs, vectors)
    opinion = np.zeros((len(tables), len(inputs["meaning"]), tables[0].shape[1]), np.float32)
    for fit, table in enumerate(tables):
        opinion[fit, : len(rows)] = table[rows] / SURE
    if learning:
        opinion[:, : len(rows)][:, rows % 2 == 0] = 0.0
    return {**inputs, "opinion": opinion}


class Readings:
    """Texts that are numbered once, for several rough models to read."""

    def __init__(self, texts: Sequence[str], tokenizer: Tokenizer, numbering: Numbering, bundles: Bundles) -> None:
        self._inputs = bundles.inputs(_numbered(_thinned(texts), tokenizer, numbering))

    @property
    def inputs(self) -> dict[str, Any]:
        """What a model is given to read, as one batch of features."""
        return self._inputs

    def opinions(self, tally: Mapping[str, np.ndarray], vectors: Vectors) -> np.ndarray:
        """The table of a model, from its tally of the batch."""
        rows = _rows(self._inputs, vectors)
        counts = np.zeros(len(vectors.words) + 1)
        sums = np.zeros((len(counts), tally["word_labels"].shape[1]))
        np.add.at(counts, rows, tally["word_count"])  # words of several types, which differ in capitals, add up
        np.add.at(sums, rows, tally["word_labels"])
        sums[-1] = 0.0
        return np.round(SURE * sums / np.maximum(counts, 1.0)[:, None]).astype(np.uint8)


def tallied(inputs: Inputs, posterior: tf.Tensor) -> dict[str, tf.Tensor]:
    """Of each type: how many tokens it has, and the sum of their probabilities of no label and of each.

    [types] and [types, 1 + labels]. `posterior` is [N, 2 * labels + 1], the probabilities of each token's tags.
    """
    types = inputs.types[:, 0]
    labels = tf.concat([posterior[:, :1], posterior[:, 1::2] + posterior[:, 2::2]], 1)
    return {
        "word_count": tf.math.unsorted_segment_sum(tf.ones_like(types, tf.float32), types, inputs.type_count),
        "word_labels": tf.math.unsorted_segment_sum(labels, types, inputs.type_count),
    }


def _rows(inputs: Mapping[str, np.ndarray], vectors: Vectors) -> np.ndarray:
    """The row of each type in a table of opinions, the last for a word that has no vector."""
    hashes, last = inputs["pieces"][:, 0], len(vectors.words)
    at = np.searchsorted(vectors.words, hashes)
    return np.where(np.append(vectors.words, -1)[at] == hashes, at, last)


def _thinned(texts: Sequence[str]) -> list[str]:
    """The beginnings of texts; of too many, of as many as may be read, from everywhere among them."""
    distinct = list(dict.fromkeys(text[:_LONGEST] for text in texts))
    share = min(1.0, _CHARACTERS / max(sum(map(len, distinct)), 1))
    if share == 1.0:
        return distinct
    places = list(accumulate((share for _ in distinct), initial=0.0))
    return [text for text, one, next_ in zip(distinct, places, places[1:], strict=False) if int(one) < int(next_)]


def _numbered(texts: Sequence[str], tokenizer: Tokenizer, numbering: Numbering) -> dict[str, Any]:
    found = extract(tf.constant([encodable(text) for text in texts], tf.string), tokenizer)
    return {**arrays_of(numbering.number(found)), TALLY: np.array(True)}
