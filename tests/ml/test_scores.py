"""How undecided a model is about a document: what is the mean, and what grows with the document."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.ml.heads.scores import Doubt, doubt_of_choices, doubt_of_pairs, doubt_of_tokens, together

HARD, EASY = [0.6, 0.3, 0.1], [1.0, 0.0, 0.0]
KNOWN = tf.constant([True, True, True])
ENTROPY = -sum(share * np.log(share) for share in HARD)


def told(doubt: Doubt) -> dict[str, list[float]]:
    return {name: value.numpy().tolist() for name, value in doubt._asdict().items()}


def test_of_tokens_means_do_not_grow_with_the_document_and_totals_do() -> None:
    posterior = tf.constant([HARD, HARD, EASY, HARD, HARD, EASY, HARD, EASY])
    document = tf.constant([0, 0, 0, 1, 1, 1, 1, 2])  # the last is the sentinel's

    found = told(doubt_of_tokens(posterior, document, tf.constant(3)))

    assert found["uncertainty"] == pytest.approx([0.8 / 3, 1.2 / 4])
    assert found["total_uncertainty"] == pytest.approx([0.8, 1.2])
    assert found["entropy"] == pytest.approx([2 * ENTROPY / 3, 3 * ENTROPY / 4])
    assert found["total_entropy"] == pytest.approx([2 * ENTROPY, 3 * ENTROPY])


def test_a_question_is_one_decision_or_as_many_as_it_has_choices() -> None:
    single = told(doubt_of_choices(tf.constant([HARD]), KNOWN, multiple=False))
    several = told(doubt_of_choices(tf.constant([HARD]), KNOWN, multiple=True))

    assert single["uncertainty"] == single["total_uncertainty"] == pytest.approx([0.7])
    assert several["total_uncertainty"] == pytest.approx([0.8 + 0.6 + 0.2])
    assert several["uncertainty"] == pytest.approx([1.6 / 3])


def test_a_choice_that_nothing_was_learnt_of_is_no_decision() -> None:
    without = told(doubt_of_choices(tf.constant([HARD]), KNOWN, multiple=True))

    found = told(doubt_of_choices(tf.constant([[0.0, *HARD]]), tf.constant([False, True, True, True]), multiple=True))

    assert found == without


def test_heads_together_are_their_mean_and_in_total_their_sum() -> None:
    tokens = doubt_of_tokens(tf.constant([HARD, HARD, EASY]), tf.constant([0, 0, 1]), tf.constant(2))
    question = doubt_of_choices(tf.constant([HARD]), KNOWN, multiple=False)
    pairs = doubt_of_pairs(tf.constant([HARD]), tf.constant([0]), tf.constant(2))

    found = told(together([tokens, question, pairs]))

    assert found["uncertainty"] == pytest.approx([(0.4 + 0.7 + 0.2) / 3])
    assert found["total_uncertainty"] == pytest.approx([0.8 + 0.7 + 0.4])
    assert found["total_entropy"] == pytest.approx([4 * ENTROPY], rel=1e-5)
