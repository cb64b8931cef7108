"""From labelled examples to one full batch of numbers, extracted once a training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from trainer.ml import examples as ex
from trainer.ml.examples import Example
from trainer.ml.features import PRIME, Features, Pairs, extract
from trainer.ml.model import Vocabulary
from trainer.ml.schema import Question, Schema
from trainer.ml.tokens import Tokenizer
from trainer.ml.vectors import Vectors, learn


@dataclass(frozen=True)
class Batch:
    """Everything there is to train on, as one full batch."""

    inputs: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    vocabulary: Vocabulary
    vectors: Vectors
    tagging: ex.Tagging
    token_document: np.ndarray


def tokenizer_for(examples: Sequence[Example]) -> Tokenizer:
    """The coarsest reading of the texts in which (nearly) all labelled spans can be said."""
    found = ex.edges(examples)
    return Tokenizer(
        by_character=found.inside_words > 0.02,
        cut_lines=found.across_lines == 0,
        cut_sentences=found.across_sentences < 0.005,
    )


def batch_of(examples: Sequence[Example], schema: Schema, tokenizer: Tokenizer) -> Batch:
    """Extract and number the features of all examples, and turn their answers into targets."""
    found = extract(tf.constant([ex.encodable(e.text) for e in examples], tf.string), tokenizer)
    inputs, vocabulary = _number(found)
    words = found.word.numpy()
    vectors = learn(np.append(words, PRIME), inputs["types"])
    known = np.append(vectors.words, PRIME)
    at = np.searchsorted(known, words)
    inputs["words_known"] = np.where(known[at] == words, at, len(vectors.words)).astype(np.int32)
    tokens = found.tokens
    lengths = tokens.lengths.numpy()
    arrays = ex.TokenArrays(
        tokens.document.numpy(), tokens.start.numpy(), tokens.end.numpy(), np.repeat(np.arange(len(lengths)), lengths)
    )
    tagging = ex.tag(examples, arrays, schema.spans)
    complete = np.array([*(e.complete for e in examples), False])  # the sentinel is nobody's example
    labels = {"tags": tagging.tags, "tag_weights": (complete[arrays.document] & tagging.usable).astype(np.float32)}
    for index, question in enumerate(schema.questions):
        labels[f"choices_{index}"], labels[f"choice_weights_{index}"] = _targets(examples, question)
    return Batch(inputs, labels, vocabulary, vectors, tagging, arrays.document)


def without(batch: Batch, documents: np.ndarray) -> Batch:
    """The batch with the flagged documents' answers given no weight."""
    labels = dict(batch.labels)
    labels["tag_weights"] = labels["tag_weights"] * ~documents[batch.token_document]
    labels |= {name: kept * ~documents for name, kept in labels.items() if name.startswith("choice_weights")}
    return replace(batch, labels=labels)


def _number(found: Features) -> tuple[dict[str, np.ndarray], Vocabulary]:
    inputs = {
        "documents": found.tokens.document.numpy().max() + 1,
        "type_count": found.type_count.numpy(),
        "types": found.types.numpy(),
        "lengths": found.tokens.lengths.numpy(),
        "words": np.stack([found.words.row.numpy(), found.words.feature.numpy()], 1).astype(np.int64),
    }
    known = {}
    for name in ("spelling", "context", "pairs", "bigrams"):
        pairs: Pairs = getattr(found, name)
        # One value that no feature has, so that the vocabulary is never empty.
        values, at = np.unique(np.append(pairs.feature.numpy(), PRIME), return_inverse=True)
        known[name] = values
        inputs[name] = np.stack([pairs.row.numpy(), at[:-1]], 1).astype(np.int64)
    return inputs, Vocabulary(**known)


def _targets(examples: Sequence[Example], question: Question) -> tuple[np.ndarray, np.ndarray]:
    number = {choice: index for index, choice in enumerate(question.choices)}
    target = np.zeros((len(examples) + 1, len(question.choices)), np.float32)
    weights = np.zeros(len(examples) + 1, np.float32)
    for row, example in enumerate(examples):
        answer = example.answer_to(question)
        chosen = [number[choice] for choice in answer or () if choice in number]
        if answer is not None and (chosen or question.multiple):
            target[row, chosen] = 1.0 if question.multiple else 1.0 / len(chosen)
            weights[row] = 1.0
    return target, weights
