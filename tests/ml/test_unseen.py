"""What a model is asked out of fold is read as a new text is."""

from dataclasses import replace
from typing import Any

import numpy as np

from trainer.ml.batches import Batch, batch_of, tokenizer_for
from trainer.ml.examples import Example
from trainer.ml.schema import Question, Schema
from trainer.ml.unseen import as_new

LEARNT = [
    Example("1", "the parcel came late again", classes={"about": ("delivery",)}),
    Example("2", "the invoice is wrong", classes={"about": ("payment",)}),
]
HELD = Example("3", "the zebra came again", classes={"about": ("delivery",)})
SCHEMA = Schema(questions=(Question("about", multiple=False, choices=("delivery", "payment")),))


def batch(*examples: Example) -> Batch:
    return batch_of(examples, SCHEMA, tokenizer_for(LEARNT))


def features(inputs: dict[str, Any], of: Batch, kind: str) -> set[int]:
    there = np.isin(of.bundles.of[kind], inputs[kind].indices[inputs[kind].values > 0, 1])
    return set(of.vocabulary[kind][there].tolist())


def test_what_only_a_document_has_that_is_held_back_is_unknown_in_it() -> None:
    all_, rest = batch(*LEARNT, HELD), batch(*LEARNT)
    names = [all_.labels["choice_names_0"]]

    read = as_new(all_.inputs, names, np.array([False, False, True, False]))
    kept = as_new(all_.inputs, names, np.zeros(4, bool))

    for kind in ("spelling", "bigrams"):
        known = set(rest.vocabulary[kind].tolist())
        assert features(all_.inputs, all_, kind) - known, kind
        assert features(rest.inputs, rest, kind) <= features(read, all_, kind) <= known, kind
        np.testing.assert_array_equal(kept[kind].values, all_.inputs[kind].values)
    # A word of a choice's name is known, whoever has it.
    named = replace(HELD, text="the delivery zebra came")
    held = np.array([False, False, True, False])
    with_name = batch(*LEARNT, named)
    spelling = as_new(with_name.inputs, [with_name.labels["choice_names_0"]], held)["spelling"]
    assert (spelling.values > as_new(with_name.inputs, [], held)["spelling"].values).any()
