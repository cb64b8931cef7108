"""A BiLSTM-CRF with character features, to put beside the product's own tagger: `train(lines)`.

What was usual before pretrained transformers (Lample et al., 2016; characters by convolution as in Ma & Hovy, 2016),
without pretrained word vectors: an embedding of each word and a convolution over its characters, a recurrent network
in both directions, and a linear-chain CRF. Tokenizer, tags, CRF and Estimator are the product's, so that only the
models differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainer.ml import crf
from trainer.ml.batches import tokenizer_for
from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, RunConfig, global_step, minimize
from trainer.ml.examples import Example, encodable, parse
from trainer.ml.tagging import TokenArrays, tag
from trainer.ml.tokens import Tokenizer, tokenize

LETTERS = 20  # characters of a word that are looked at
PAD, UNKNOWN = 0, 1  # ids of words and of characters begin after these
BATCH, PREDICTED_AT_ONCE = 16, 128
EPOCHS, LEAST_STEPS = 40, 600

Answer = dict[str, Any]


@dataclass(frozen=True)
class Params:
    """Sizes and rates. A word whose id is `rare_from` or more was seen once."""

    labels: tuple[str, ...]
    words: int
    rare_from: int
    characters: int
    steps: int
    rate: float = 0.006
    word_width: int = 100
    character_width: int = 100
    units: int = 100
    dropout: float = 0.5


def model_fn(features: dict[str, tf.Tensor], labels: Any, mode: ModeKeys, params: Params) -> EstimatorSpec:
    """Features: `words` [B, T], `characters` [B, T, LETTERS], `lengths` [B]; labels: tags [B, T]. All are int32."""
    emissions = _emissions(features, mode == ModeKeys.TRAIN, params)
    width = 2 * len(params.labels) + 1
    forbidden, forbidden_start = crf.bio_scores(len(params.labels))
    moves, start, end = _zeros("moves", width, width), _zeros("start", width), _zeros("end", width)
    where = crf.layout(features["lengths"])
    emissions, moves = crf.with_ends(emissions, start + forbidden_start, end, where), moves + forbidden
    if mode == ModeKeys.PREDICT:
        found = crf.spans_of(crf.best_tags(emissions, moves, where), crf.marginals(emissions, moves, where), where)
        return EstimatorSpec(mode, predictions=found._asdict())
    tags = tf.boolean_mask(labels, _mask(features))
    likelihood = crf.path_scores(emissions, moves, tags, where) - crf.log_partitions(emissions, moves, where)
    loss = -tf.reduce_mean(likelihood)
    train_op = minimize(loss, lambda: _optimizer(params)) if mode == ModeKeys.TRAIN else None
    return EstimatorSpec(mode, loss=loss, train_op=train_op)


def _zeros(name: str, *shape: int) -> tf.Variable:
    return tf.Variable(np.zeros(shape, np.float32), name=name)


def _emissions(features: dict[str, tf.Tensor], training: bool, params: Params) -> tf.Tensor:
    """A score for each tag of each token, [N, K]: the sequences one after the other, without their padding."""
    mask = _mask(features)
    words, characters = (tf.boolean_mask(features[name], mask) for name in ("words", "characters"))
    if training:  # half the words seen once are read as unknown ones, so that those mean something, too
        chance = tf.random.stateless_uniform(tf.shape(words), seed=[global_step(), 0])
        doubted = (words >= params.rare_from) & (chance < 0.5)
        words = tf.where(doubted, UNKNOWN, words)
    letters = keras.layers.Embedding(params.characters, params.character_width)(characters)
    letters = keras.layers.Dropout(params.dropout)(letters, training=training)
    pieces = keras.layers.Conv1D(params.character_width, 3, padding="same", activation="relu")(letters)
    spelling = tf.reduce_max(pieces * tf.cast(characters != PAD, tf.float32)[..., None], axis=1)
    tokens = tf.concat([keras.layers.Embedding(params.words, params.word_width)(words), spelling], 1)
    tokens = keras.layers.Dropout(params.dropout)(tokens, training=training)
    shape = tf.concat([tf.shape(mask), tf.shape(tokens)[1:]], 0)
    padded = tf.ensure_shape(
        tf.scatter_nd(tf.cast(tf.where(mask), tf.int32), tokens, shape), [None, None, tokens.shape[1]]
    )
    both_ways = keras.layers.Bidirectional(keras.layers.LSTM(params.units, return_sequences=True))
    read_tokens = tf.boolean_mask(both_ways(padded, mask=mask), mask)
    read_tokens = keras.layers.Dropout(params.dropout)(read_tokens, training=training)
    return keras.layers.Dense(2 * len(params.labels) + 1)(read_tokens)


def _mask(features: dict[str, tf.Tensor]) -> tf.Tensor:
    return tf.sequence_mask(features["lengths"], tf.shape(features["words"])[1])


def _optimizer(params: Params) -> keras.optimizers.Optimizer:
    falling = keras.optimizers.schedules.CosineDecay(params.rate, params.steps)
    return keras.optimizers.Adam(falling, global_clipnorm=5.0)


@dataclass(frozen=True)
class Tokenized:
    """The tokens of texts, and the words they spell."""

    arrays: TokenArrays
    words: list[str]

    @classmethod
    def of(cls, texts: Sequence[str], tokenizer: Tokenizer) -> Tokenized:
        found = tokenize(tf.constant([encodable(text) for text in texts], tf.string), tokenizer)
        lengths = found.lengths.numpy()[:-1]  # the last document is not ours
        arrays = TokenArrays(
            *(column.numpy()[:-1] for column in (found.document, found.start, found.end)),
            np.repeat(np.arange(len(lengths)), lengths),
        )
        places = zip(arrays.document, arrays.start, arrays.end, strict=True)
        return cls(arrays, [texts[document][start:end] for document, start, end in places])

    def sequences(self) -> list[np.ndarray]:
        """The numbers of the tokens of each sequence."""
        ends = np.flatnonzero(np.diff(self.arrays.sequence)) + 1
        return np.split(np.arange(len(self.words)), ends) if self.words else []


@dataclass(frozen=True)
class Vocabulary:
    """Ids of words in lower case, the frequent ones first, and of characters."""

    words: Mapping[str, int]
    characters: Mapping[str, int]
    rare_from: int

    @classmethod
    def of(cls, words: Sequence[str]) -> Vocabulary:
        counts = Counter(word.lower() for word in words)
        characters = Counter(character for word in words for character in word)
        ids, letters = (
            {key: UNKNOWN + 1 + rank for rank, (key, _) in enumerate(of.most_common())} for of in (counts, characters)
        )
        return cls(ids, letters, UNKNOWN + 1 + sum(count > 1 for count in counts.values()))

    def features(self, words: Sequence[str]) -> dict[str, np.ndarray]:
        """What the model is given of one sequence."""
        characters = np.full((len(words), LETTERS), PAD, np.int32)
        for row, word in enumerate(words):
            ids = [self.characters.get(character, UNKNOWN) for character in word[:LETTERS]]
            characters[row, : len(ids)] = ids
        ids = [self.words.get(word.lower(), UNKNOWN) for word in words]
        return {"words": np.array(ids, np.int32), "characters": characters, "lengths": np.int32(len(words))}


_FEATURES = {
    "words": tf.TensorSpec([None], tf.int32),
    "characters": tf.TensorSpec([None, LETTERS], tf.int32),
    "lengths": tf.TensorSpec([], tf.int32),
}


@dataclass(frozen=True)
class Trained:
    """A tagger, and what it cost."""

    estimator: Estimator
    vocabulary: Vocabulary
    tokenizer: Tokenizer
    cpu_seconds: float

    def predict(self, texts: Sequence[str]) -> list[Answer]:
        """`spans` of each text, in code points, with their probabilities."""
        answers: list[Answer] = [{"spans": []} for _ in texts]
        read_texts = Tokenized.of(texts, self.tokenizer)
        sequences = sorted(read_texts.sequences(), key=len)
        if not sequences:
            return answers
        given = [self.vocabulary.features([read_texts.words[at] for at in sequence]) for sequence in sequences]
        order, arrays = np.concatenate(sequences), read_texts.arrays
        labels, done = self.estimator.params.labels, 0
        for number, batch in enumerate(self._batches(given)):
            for first, last, label, probability in zip(*batch.values(), strict=True):
                begin, end = order[done + first], order[done + last]
                span = {"start": int(arrays.start[begin]), "end": int(arrays.end[end]), "label": labels[label]}
                answers[arrays.document[begin]]["spans"].append(span | {"score": float(probability)})
            done += sum(map(len, sequences[number * PREDICTED_AT_ONCE :][:PREDICTED_AT_ONCE]))
        for answer in answers:
            answer["spans"].sort(key=lambda span: span["start"])
        return answers

    def _batches(self, given: Sequence[dict[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        def input_fn() -> tf.data.Dataset:
            sequences = tf.data.Dataset.from_generator(lambda: given, output_signature=_FEATURES)
            return sequences.padded_batch(PREDICTED_AT_ONCE)

        return self.estimator.predict(input_fn, yield_single_examples=False)


def train(lines: Sequence[Mapping[str, Any]], model_dir: Path, *, steps: int | None = None, seed: int = 0) -> Trained:
    """A tagger of the labelled lines that are complete, after so many steps or as many as their number calls for.

    Sequences with a span that tags cannot say are left out, as by the product's own.
    """
    began = process_time()
    examples = [example for example in map(parse, lines) if example.complete]
    tokenizer = tokenizer_for(examples)
    tokenized = Tokenized.of([example.text for example in examples], tokenizer)
    vocabulary = Vocabulary.of(tokenized.words)
    labels = tuple(sorted({span.label for example in examples for span in example.spans}))
    input_fn, sequences = _training_input(examples, tokenized, vocabulary, labels)
    params = Params(
        labels,
        words=len(vocabulary.words) + UNKNOWN + 1,
        rare_from=vocabulary.rare_from,
        characters=len(vocabulary.characters) + UNKNOWN + 1,
        steps=steps or max(EPOCHS * sequences // BATCH, LEAST_STEPS),
    )
    estimator = Estimator(model_fn, model_dir, RunConfig(seed=seed), params)
    estimator.train(input_fn, max_steps=params.steps)
    return Trained(estimator, vocabulary, tokenizer, process_time() - began)


def _training_input(
    examples: Sequence[Example], tokenized: Tokenized, vocabulary: Vocabulary, labels: Sequence[str]
) -> tuple[Callable[[], tf.data.Dataset], int]:
    """Sequences again and again in random order, those of a batch of similar lengths; and how many there are."""
    tagging = tag(examples, tokenized.arrays, labels)
    sequences = [sequence for sequence in tokenized.sequences() if tagging.usable[sequence].all()]
    given = [
        (vocabulary.features([tokenized.words[at] for at in sequence]), tagging.tags[sequence])
        for sequence in sequences
    ]

    def input_fn() -> tf.data.Dataset:
        signature = (_FEATURES, tf.TensorSpec([None], tf.int32))
        dataset = tf.data.Dataset.from_generator(lambda: given, output_signature=signature)
        dataset = dataset.cache().shuffle(len(given), seed=1).repeat()
        return dataset.bucket_by_sequence_length(
            lambda features, _: features["lengths"], [10, 20, 30, 40, 60], [BATCH] * 6
        ).prefetch(2)

    return input_fn, len(given)
