"""Word vectors: what they say, what unknown words get, and what is kept of them."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from trainer.ml import pool
from trainer.ml.examples import DataError
from trainer.ml.features import extract, read_words
from trainer.ml.meaning import Meaning
from trainer.ml.opinions import no_opinions
from trainer.ml.tokens import Tokenizer
from trainer.ml.vector_cache import vectors_of
from trainer.ml.vectors import Vectors

PLACES, BEASTS = ["Oslo", "Rome", "Lima", "Graz"], ["cat", "dog", "hen", "cow"]
TEXTS = [f"we flew to {place} on Monday" for place in PLACES] * 5 + [
    f"the {beast} eats its hay" for beast in BEASTS
] * 5


def meanings(vectors: Vectors, texts: list[str]) -> dict[tuple[int, str], np.ndarray]:
    """Vector of each word of each text, as a model sees it."""
    found = extract(tf.constant(texts), Tokenizer())
    rows, _, units = (tensor.numpy() for tensor in Meaning(vectors, no_opinions(vectors, 0)).of(found))
    tokens = found.tokens
    columns = (column.numpy() for column in (tokens.document[:-1], tokens.start, tokens.end))
    places = list(zip(*(column[: len(units) - 1] for column in columns), strict=True))
    return {
        (int(row), texts[row][start:end]): rows[unit]
        for (row, start, end), unit in zip(places, units[:, 0], strict=False)
    }


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Cosine of the parts that come from neighbours; four habits stand last."""
    one, other = one[:-4], other[:-4]
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def test_words_in_the_same_company_are_alike() -> None:
    found = meanings(vectors_of(TEXTS, Tokenizer()), ["Oslo Lima cat cow"])

    assert likeness(found[0, "Oslo"], found[0, "Lima"]) > 0.9
    assert likeness(found[0, "cat"], found[0, "cow"]) > 0.9
    assert likeness(found[0, "Oslo"], found[0, "cat"]) < 0.3


def test_an_unknown_word_is_like_the_words_in_whose_place_it_stands() -> None:
    found = meanings(vectors_of(TEXTS, Tokenizer()), ["we flew to Quito on Monday", "the yak eats its hay", "Oslo cat"])

    assert likeness(found[0, "Quito"], found[2, "Oslo"]) > 0.9
    assert likeness(found[1, "yak"], found[2, "cat"]) > 0.9


def test_a_word_folded_in_from_all_its_company_has_the_vector_that_it_would_have_had() -> None:
    text = "the cat sat . the hen sat . a cat ran . the cow ran"
    vectors = vectors_of([text], Tokenizer())
    known = meanings(vectors, [text])
    forgotten = vectors._replace(words=vectors.words[:0], values=vectors.values[:0])

    folded = meanings(forgotten, [text])

    assert known.keys() == folded.keys()
    for key, vector in known.items():
        assert folded[key] == pytest.approx(vector, abs=0.02), key


def test_an_unknown_word_is_read_in_its_own_document_alone() -> None:
    vectors = vectors_of(TEXTS, Tokenizer())
    alone = meanings(vectors, ["we flew to Quito on Monday"])[0, "Quito"]

    beside = meanings(vectors, ["the Quito eats its hay", "we flew to Quito on Monday", "Quito"])

    assert beside[1, "Quito"] == pytest.approx(alone)
    assert likeness(beside[0, "Quito"], alone) < 0.3


def test_how_a_word_is_written_elsewhere_is_part_of_its_vector() -> None:
    vectors = vectors_of(["in Oslo he saw a cat and NATO"] * 9, Tokenizer())
    found = meanings(vectors, ["Oslo cat nato"])

    capital, shouted, small = (int(np.argmax(found[0, word][-4:-1])) for word in ("Oslo", "nato", "cat"))
    assert (capital, shouted, small) == (0, 1, 2)


def test_pairs_of_characters_have_vectors_where_words_are_not_written_apart() -> None:
    texts = [f"私は{place}へ行く" for place in ("東京", "大阪", "京都")] * 5 + [
        f"{food}を食べた" for food in ("寿司", "天丼")
    ] * 5
    vectors = vectors_of(texts, Tokenizer())
    found = extract(tf.constant(["東京 大阪 寿司 x東", "東京"]), Tokenizer())

    rows, units = (tensor.numpy() for tensor in Meaning(vectors, no_opinions(vectors, 0)).of_pairs(found))

    tokyo, osaka, sushi = (rows[units[place, 2]] for place in (0, 2, 4))
    assert tokyo @ osaka > 0.9
    assert abs(tokyo @ sushi) < 0.3
    assert units[1].tolist() == [0, units[0, 2], 0, 0]  # the second character of the pair, before a space
    assert units[6:8].tolist() == [[0] * 4, [0] * 4]  # a letter beside a character
    assert units[8, 2] == units[0, 2]
    assert not rows[0].any()


def test_words_that_are_written_apart_have_no_pairs() -> None:
    assert len(vectors_of(TEXTS, Tokenizer()).pairs) == 0


def test_learning_again_gives_the_same_vectors() -> None:
    first, second = (vectors_of(TEXTS, Tokenizer(), seed=3) for _ in range(2))

    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("texts", [[], [""], ["one"], ["same same same"]])
def test_texts_with_next_to_nothing_in_them(texts: list[str]) -> None:
    found = meanings(vectors_of(texts, Tokenizer()), ["some other words"])

    assert all(np.isfinite(vector).all() for vector in found.values())


def test_kept_vectors_serve_until_a_tenth_of_the_text_is_new(tmp_path: Path) -> None:
    cache = tmp_path / "vectors.npz"
    texts = [f"text number {number} of many" for number in range(100)]
    first = vectors_of(texts, Tokenizer(), cache)

    little = vectors_of([*texts, "one more"], Tokenizer(), cache)
    much = vectors_of([*texts, *(text.replace("text", "letter") for text in texts[:20])], Tokenizer(), cache)
    gone = vectors_of(texts[:20], Tokenizer(), cache)
    other = vectors_of(texts[:20], Tokenizer(by_character=True), cache)

    assert len(little.words) == len(first.words)
    assert len(much.words) == len(first.words) + 1
    assert len(gone.words) < len(first.words)
    assert len(other.words) != len(gone.words)


def test_a_broken_cache_is_learnt_anew_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = tmp_path / "vectors.npz"
    cache.write_bytes(b"PK not really")

    vectors_of(TEXTS, Tokenizer(), cache)
    again = vectors_of(TEXTS, Tokenizer(), cache)

    assert "cannot be read and are learnt anew" in caplog.text
    assert len(caplog.records) == 1
    assert len(again.words) > 0


def test_a_pool_is_read_whole_or_sampled(write: Callable[[Iterable[dict[str, Any]]], Path]) -> None:
    path = write({"text": f"text {number}", "id": number} for number in range(1000))

    whole, some = pool.read(path), pool.read(path, seed=1, most=2_000)

    assert len(whole) == 1000
    assert sum(map(len, some)) <= 2_000
    assert len(some) > 20
    assert some == pool.read(path, seed=1, most=2_000)
    assert some != pool.read(path, seed=2, most=2_000)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "pool line 2: not JSON"),
        ('{"texts": "x"}', "pool line 2: text: missing"),
        ("[1]", "pool line 2: text: missing"),
    ],
)
def test_a_pool_line_that_cannot_be_read_is_named(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text(json.dumps({"text": "fine"}) + "\n" + line + "\n")

    with pytest.raises(DataError, match=told):
        pool.read(path)


def test_words_are_read_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_words(TEXTS, Tokenizer())
    monkeypatch.setattr("trainer.ml.features._PART", 40)
    parts = read_words(TEXTS, Tokenizer())

    assert np.array_equal(whole.word, parts.word)
    assert np.array_equal(whole.writing, parts.writing)
    assert np.array_equal(np.diff(whole.line) > 0, np.diff(parts.line) > 0)
