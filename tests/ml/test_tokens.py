"""The tokenizer in the graph, that of exports, and the rule read out: all three the same; difficult scripts."""

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.ml import characters as ch
from trainer.ml.tokens import WINDOW, Tokenizer, tokenize
from words import tokens as plain

_compiled = {
    options: tf.function(
        lambda texts, chosen=options: tokenize(texts, chosen),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    for options in (Tokenizer(), Tokenizer(by_character=True))
}


def found(texts: list[str], *, by_character: bool = False) -> list[list[str]]:
    tokens = _compiled[Tokenizer(by_character=by_character)](tf.constant(texts, tf.string))
    pieces: list[list[str]] = [[] for _ in [*texts, "sentinel"]]
    for row, start, end in zip(tokens.document.numpy(), tokens.start.numpy(), tokens.end.numpy(), strict=True):
        pieces[row].append([*texts, "."][row][start:end])
    assert pieces.pop() == ["."]
    assert tokens.lengths.numpy().sum() == len(tokens.start)
    return pieces


def kind_of(character: str) -> int:
    code = ord(character)
    at = code if code < ch.TABLE_SIZE else ch.FAR_IDEOGRAPH if code < ch.FIRST_SELECTOR else ch.FAR_MARK
    return int(ch.tables().kind[at])


def expected(text: str, by_character: bool) -> list[str]:
    """The same rules, one character after the other."""
    clusters: list[tuple[str, int]] = []  # a character with its marks, and its kind
    for character in text:
        kind = kind_of(character)
        if kind == ch.MARK and clusters and clusters[-1][1] not in (ch.SPACE, ch.NEWLINE):
            clusters[-1] = (clusters[-1][0] + character, clusters[-1][1])
        else:
            clusters.append((character, ch.SYMBOL if kind == ch.MARK else kind))

    def letter(i: int) -> bool:
        return 0 <= i < len(clusters) and clusters[i][1] == ch.LETTER

    def initial(i: int) -> bool:
        return letter(i) and not letter(i - 1) and not letter(i + 1)

    def dot(i: int) -> bool:
        return 0 <= i < len(clusters) and clusters[i][0][0] == "."

    def abbreviates(i: int) -> bool:
        return dot(i) and initial(i - 1) and (initial(i + 1) or (dot(i - 2) and initial(i - 3)))

    tokens: list[str] = []
    for i, (cluster, kind) in enumerate(clusters):
        if kind in (ch.SPACE, ch.NEWLINE):
            continue
        digits = kind == ch.DIGIT and i > 0 and clusters[i - 1][1] == ch.DIGIT
        run = (letter(i) and letter(i - 1)) or digits
        if not by_character and (run or abbreviates(i) or (initial(i) and abbreviates(i - 1))):
            tokens[-1] += cluster
        else:
            tokens.append(cluster)
    return tokens


ALPHABET = st.one_of(
    st.sampled_from("aB.. 1\n\r\t\x1c\x85-'#é東京ひカ한ไทأبर\u093e\u05b8\u0301\u200c\u200d\ufe0f👩🏽🇩🇪𐐷𠀋\U000e0100"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
)


@settings(max_examples=150)
@given(st.lists(st.text(ALPHABET, max_size=30), max_size=4), st.booleans())
def test_tokens_are_those_of_the_plain_reading(texts: list[str], by_character: bool) -> None:
    assert found(texts, by_character=by_character) == [expected(text, by_character) for text in texts]


def words(text: str) -> list[str]:
    return [text[start:end] for start, end in plain.tokens(text)]


@settings(max_examples=300)
@given(st.lists(st.text(ALPHABET, max_size=30), min_size=1, max_size=8))
def test_an_export_has_the_tokens_of_the_model(texts: list[str]) -> None:
    assert [words(text) for text in texts] == found(texts)


@given(st.text(ALPHABET))
def test_tokens_hold_all_but_white_space_and_none_of_it(text: str) -> None:
    assert "".join(words(text)) == "".join(text.split())
    assert not any(character.isspace() for word in words(text) for character in word)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        (" \n\t ", []),
        ("The U.N. met J. Smith, e.g. today.", ["The", "U.N.", "met", "J", ".", "Smith", ",", "e.g.", "today", "."]),
        ("10mg B12", ["10", "mg", "B", "12"]),
        ("cafe\u0301 au lait", ["cafe\u0301", "au", "lait"]),
        ("東京タワーへ", ["東", "京", "タ", "ワ", "ー", "へ"]),
        ("한국어", ["한", "국", "어"]),
        ("hi 👍🏽 ok", ["hi", "👍🏽", "ok"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("one\r\ntwo", ["one", "two"]),
        ("\ufeffstart", ["\ufeff", "start"]),
        ("\u0301x", ["\u0301", "x"]),
        ("𐐷𐐷 𠀋", ["𐐷𐐷", "𠀋"]),
        ("राम दिल्ली में", ["राम", "दिल्ली", "में"]),
        ("שָׁלוֹם עוֹלָם", ["שָׁלוֹם", "עוֹלָם"]),
        ("مُحَمَّد می\u200cرود", ["مُحَمَّد", "می\u200cرود"]),
        ("Zu\u0308rich", ["Zu\u0308rich"]),
        ("क्\u200dष", ["क्\u200dष"]),
        ("one\x1ftwo", ["one", "two"]),
    ],
)
def test_difficult_texts(text: str, tokens: list[str]) -> None:
    assert found([text]) == [tokens]
    assert words(text) == tokens


def test_sequences_end_at_lines_sentences_and_windows() -> None:
    texts = ["One two.\nThree four. Five", "w " * (WINDOW + 5)]

    def lengths(options: Tokenizer) -> list[int]:
        return tokenize(tf.constant(texts), options).lengths.numpy().tolist()

    assert lengths(Tokenizer()) == [3, 3, 1, WINDOW, 5, 1]
    assert lengths(Tokenizer(cut_sentences=False)) == [3, 4, WINDOW, 5, 1]
    assert lengths(Tokenizer(cut_sentences=False, cut_lines=False)) == [7, WINDOW, 5, 1]
