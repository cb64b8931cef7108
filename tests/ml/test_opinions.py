"""Second opinions: what a rough model thinks of words elsewhere."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from trainer.ml.bundles import Bundles, bundled
from trainer.ml.features import extract, read_words
from trainer.ml.inputs import Inputs, Numbering, arrays_of, vocabulary_of
from trainer.ml.opinions import Readings, no_opinions, tallied, with_opinions
from trainer.ml.tokens import Tokenizer
from trainer.ml.vectors import Vectors, learn

TEXTS = ["Ada met Bo.", "Bo met Ada and Ada.", "Cy left."]


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return learn(read_words(TEXTS, Tokenizer()))


@pytest.fixture(scope="module")
def numbering(vectors: Vectors) -> Numbering:
    found = extract(tf.constant(TEXTS), Tokenizer())
    return Numbering(vocabulary_of(found), vectors, no_opinions(vectors, 1))


def numbered(numbering: Numbering, *texts: str) -> dict[str, Any]:
    inputs = numbering.number(extract(tf.constant(texts), Tokenizer()))
    return arrays_of(inputs)


@pytest.fixture(scope="module")
def bundles(numbering: Numbering) -> Bundles:
    known = {kind: table.numpy() for kind, table in numbering.known.items()}
    return bundled([numbered(numbering, *TEXTS)], known)


def said(inputs: dict[str, Any], spoken: list[list[float]]) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in tallied(Inputs(**inputs), tf.constant(spoken)).items()}


def test_an_opinion_is_the_mean_over_the_places_of_a_word(
    numbering: Numbering, bundles: Bundles, vectors: Vectors
) -> None:
    readings = Readings(["Ada met Ada"], Tokenizer(), numbering, bundles)
    inputs = numbered(numbering, "Ada met Ada")
    # Of each token (the last is the sentinel): outside, at the beginning, inside.
    tally = said(inputs, [[0.2, 0.8, 0.0], [1.0, 0.0, 0.0], [0.6, 0.0, 0.4], [1.0, 0.0, 0.0]])

    told = with_opinions(inputs, [readings.opinions(tally, vectors)], vectors, learning=False)
    ada, met, again = (told["opinion"][0, unit] for unit in inputs["units"][:3, 0])

    assert ada == pytest.approx([0.4, 0.6], abs=0.01)
    assert met == pytest.approx([1.0, 0.0], abs=0.01)
    assert again.tolist() == ada.tolist()


def test_of_a_word_that_was_never_read_there_is_none(numbering: Numbering, vectors: Vectors) -> None:
    sure = np.full_like(no_opinions(vectors, 1), 255)
    sure[-1] = 0
    inputs = numbered(numbering, "Ada met Dee")

    (told,) = with_opinions(inputs, [sure], vectors, learning=False)["opinion"]

    assert [told[unit].any() for unit in inputs["units"][:3, 0]] == [True, True, False]
    (beyond,) = set(inputs["units"][2, 3:].tolist())
    assert not told[beyond].any()  # nor of no word at all


def test_while_learning_every_other_word_goes_without(numbering: Numbering, vectors: Vectors) -> None:
    sure = np.full_like(no_opinions(vectors, 1), 255)
    inputs = numbered(numbering, *TEXTS)

    (told,) = with_opinions(inputs, [sure], vectors, learning=True)["opinion"]

    assert 0.3 < told[: inputs["type_count"]].any(axis=1).mean() < 0.7


def test_too_much_text_is_read_in_part_and_from_everywhere(
    numbering: Numbering, bundles: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.ml import opinions

    monkeypatch.setattr(opinions, "_CHARACTERS", 2_000)
    monkeypatch.setattr(opinions, "_LONGEST", 500)
    texts = [f"number {n:04} of all" for n in range(1_000)]
    taken = opinions._thinned(texts)
    read = Readings(texts, Tokenizer(), numbering, bundles).inputs

    assert 90 < len(taken) < 120
    assert taken[-1] > texts[980]
    assert int(read["documents"]) - 1 == len(taken)
    assert [len(text) for text in opinions._thinned(["one word " * 1_000_000])] == [opinions._LONGEST]
