"""From labelled examples to one full batch of numbers, extracted once a training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.ml import examples as ex
from trainer.ml import openings, partial
from trainer.ml.bundles import Bundles, bundled
from trainer.ml.characters import SINGLE
from trainer.ml.examples import Example
from trainer.ml.features import Features, extract
from trainer.ml.heads import relations, spans
from trainer.ml.heads.choices import spoken, targets
from trainer.ml.inputs import MANY_LABELS, Numbering, Vocabulary, arrays_of, vocabulary_of
from trainer.ml.opinions import Readings, no_opinions
from trainer.ml.schema import Schema
from trainer.ml.states import Basis, Between, Encoding, Pieces
from trainer.ml.tagging import Tagging, TokenArrays, tag
from trainer.ml.tokens import Tokenizer
from trainer.ml.vector_cache import vectors_of
from trainer.ml.vectors import Vectors


@dataclass(frozen=True)
class Batch:
    """Everything there is to train on, as one full batch."""

    inputs: dict[str, Any]  # with bundles for features
    labels: dict[str, Any]  # arrays; names of choices as a dict of them
    vocabulary: Vocabulary
    bundles: Bundles
    vectors: Vectors
    spread: np.ndarray  # [spelling features] words that each occurs in
    tagging: Tagging
    readings: Readings | None  # all texts, for rough models of spans; none where their opinions would say nothing
    basis: Basis | None = None  # of an encoder's states, if there is one
    relations_left_out: int = 0  # between spans too far apart


def tokenizer_for(examples: Sequence[Example]) -> Tokenizer:
    """The coarsest reading of the texts in which (nearly) all labelled spans can be said."""
    found = ex.edges(examples)
    return Tokenizer(
        by_character=found.inside_words > 0.02,
        cut_lines=found.across_lines == 0,
        cut_sentences=found.across_sentences < 0.005,
    )


def batch_of(
    examples: Sequence[Example],
    schema: Schema,
    tokenizer: Tokenizer,
    *,
    learnt: Schema | None = None,
    pool: Sequence[str] = (),
    cache: Path | None = None,
    encoding: Encoding | None = None,
    between: Between = lambda: None,
) -> Batch:
    """Extract and number the features of all examples, and turn their answers into targets.

    `schema` is what the model has columns for, `learnt` the part of it that there are examples of, if not all of it is.
    Word vectors are learnt from the examples' texts and those of the `pool`; `cache` is where they are kept. With an
    `encoding`, tokens have states, too; `between` is called now and then while they are made, and may raise.
    """
    own = [e.text for e in examples]
    learnt = learnt or schema
    spoken_names = [
        [spoken(choice) if choice in of.choices else "" for choice in question.choices]
        for question, of in zip(schema.questions, learnt.questions, strict=True)
    ]
    found = _read(own, tokenizer)
    named = [_read(names, tokenizer) for names in spoken_names]
    opening = openings.tell(found, examples, learnt.questions)
    vocabulary = vocabulary_of(found, *named, labels=len(schema.spans), openings=opening)
    texts = [*own, *pool]
    vectors = vectors_of(texts, tokenizer, cache)
    numbering = Numbering(vocabulary, vectors, no_opinions(vectors, len(schema.spans)))
    basis = encoding.basis(texts, between) if encoding else None

    def states(of: Sequence[str]) -> Pieces | None:
        return encoding.pieces(of, basis, between) if encoding and basis else None

    numbered = numbering.number(found, states(own))
    lesson = relations.lesson_of(examples, schema, numbered) if schema.relations else relations.NO_LESSON
    inputs = arrays_of(numbered)
    arrays = TokenArrays(
        inputs["document"],
        inputs["start"],
        inputs["end"],
        np.repeat(np.arange(len(inputs["lengths"])), inputs["lengths"]),
    )
    tagging = tag(examples, arrays, schema.spans)
    complete = np.array([*(e.complete for e in examples), False])  # the sentinel is nobody's example
    usable = complete[arrays.document] & tagging.usable
    labels: dict[str, Any] = {"tags": tagging.tags, "tag_weights": usable.astype(np.float32)}
    labels |= partial.targets(examples, arrays, tagging)
    for index, question in enumerate(schema.questions):
        labels[f"choices_{index}"], labels[f"choice_weights_{index}"] = targets(examples, question)
    labels |= lesson.labels
    names = [
        arrays_of(numbering.number(features, states(of))) for features, of in zip(named, spoken_names, strict=True)
    ]
    spread = np.bincount(inputs["spelling"].indices[:, 1], minlength=len(vocabulary["spelling"]))
    bundles = bundled([inputs, *names], vocabulary)
    vocabulary = {**vocabulary, "relations": lesson.vocabulary}
    # Where words are not written apart, a token is a character, and of a character there is little to think.
    apart = not tokenizer.by_character and np.mean(found.tokens.kind.numpy() == SINGLE) < 0.5
    asked = apart and 0 < len(schema.spans) <= MANY_LABELS
    readings = Readings(texts, tokenizer, numbering, bundles) if asked else None
    labels |= spans.lesson_of(tagging.tags, bundles.vocabulary)
    labels |= {f"choice_names_{index}": bundles.inputs(given) for index, given in enumerate(names)}
    inputs = bundles.inputs(inputs)
    return Batch(inputs, labels, vocabulary, bundles, vectors, spread, tagging, readings, basis, lesson.left_out)


def _read(texts: Sequence[str], tokenizer: Tokenizer) -> Features:
    return extract(tf.constant([ex.encodable(text) for text in texts], tf.string), tokenizer)
