"""Features that the tagger goes by."""

import numpy as np
import tensorflow as tf

from trainer.ml.features import extract, is_look, is_opening
from trainer.ml.inputs import vocabulary_of
from trainer.ml.tokens import Tokenizer


def pairs_of(text: str, token: int) -> set[int]:
    found = extract(tf.constant([text]), Tokenizer())
    return set(tf.boolean_mask(found.pairs.feature, found.pairs.row == token).numpy().tolist())


def test_words_that_look_alike_share_their_looks_and_nothing_else() -> None:
    anna, otto = (pairs_of(f"Then {name} left", 1) for name in ("Anna", "Otto"))

    assert {feature for feature in anna if feature % 2} == {feature for feature in otto if feature % 2}
    assert not {feature for feature in anna if feature % 2 == 0} & {feature for feature in otto if feature % 2 == 0}


def test_a_run_of_one_class_is_seen_from_each_of_its_characters() -> None:
    first = pairs_of("私は東京タワーへ行く", 4)
    again = pairs_of("昨日、東京タワーへ来た", 5)
    other = pairs_of("昨日、東京ドームへ来た", 5)

    shared = [len({feature for feature in first & seen if feature % 2 == 0}) for seen in (again, other)]
    assert shared[0] > shared[1]


def test_looks_are_told_from_identities() -> None:
    assert is_look(np.array([3, 4, 2**31 - 1])).tolist() == [True, False, True]


def test_a_document_opens_with_its_first_word_and_its_first_two_whatever_line_they_are_in() -> None:
    found = extract(
        tf.constant(["\nWhen was it?\nWhen else?", "when did it end", "so when was it", "When"]), Tokenizer()
    )
    rows, features = found.bigrams.row.numpy(), found.bigrams.feature.numpy()

    was, did, so, alone = (set(features[(rows == row) & is_opening(features)]) for row in range(4))

    assert [len(opening) for opening in (was, did, so, alone)] == [2, 2, 2, 2]
    assert len(was & did) == len(was & alone) == 1  # the first word
    assert not was & so


def test_what_occurs_once_is_left_out_of_long_texts_only() -> None:
    short = extract(tf.constant(["a rare combination"]), Tokenizer())
    long = extract(tf.constant(["one two " * 15_000, "a rare combination"]), Tokenizer())

    for kind in ("pairs", "bigrams"):
        assert set(getattr(short, kind).feature.numpy()) <= set(vocabulary_of(short, openings=True)[kind])
    rare, known = set(long.pairs.feature.numpy()), set(vocabulary_of(long)["pairs"])
    assert 0 < len(known) < len(rare)
    pairs_of_words = short.bigrams.feature.numpy() % 2 == 0
    assert vocabulary_of(long, short)["bigrams"].size == 1 + pairs_of_words.sum()
    assert set(long.spelling.feature.numpy()) <= set(vocabulary_of(long)["spelling"])
