"""Long sequences read in windows."""

import numpy as np
import pytest
import tensorflow as tf

from tests.ml.conftest import Trained
from trainer.ml.predictor import Predictor, load
from trainer.ml.tokens import WINDOW, Tokenizer, tokenize
from trainer.ml.windows import MARGIN, windows_of


@pytest.mark.parametrize("texts", [["short one"], ["w " * 300], ["w " * (WINDOW + 1), "", "a b", "w " * (3 * WINDOW)]])
def test_each_token_is_believed_once_and_in_order(texts: list[str]) -> None:
    tokens = tokenize(tf.constant(texts), Tokenizer())

    windows = windows_of(tokens.lengths, tokens.continues)

    believed = tf.boolean_mask(windows.token, windows.middle).numpy()
    assert believed.tolist() == list(range(len(tokens.start)))
    assert windows.lengths.numpy().sum() == len(windows.token)
    assert windows.lengths.numpy().max() <= WINDOW + 2 * MARGIN


def test_a_window_sees_its_margins_but_nothing_of_another_sequence() -> None:
    tokens = tokenize(tf.constant(["w " * (WINDOW + 50), "x y"]), Tokenizer())

    windows = windows_of(tokens.lengths, tokens.continues)

    assert tokens.lengths.numpy().tolist() == [WINDOW, 50, 2, 1]
    assert tokens.continues.numpy().tolist() == [False, True, False, False]
    assert windows.lengths.numpy().tolist() == [WINDOW + MARGIN, MARGIN + 50, 2, 1]
    parts = np.split(windows.token.numpy(), np.cumsum(windows.lengths.numpy())[:-1])
    assert [(int(part[0]), int(part[-1])) for part in parts] == [
        (0, WINDOW + MARGIN - 1),
        (WINDOW - MARGIN, WINDOW + 49),
        (WINDOW + 50, WINDOW + 51),
        (WINDOW + 52, WINDOW + 52),
    ]


@pytest.fixture(scope="module")
def predictor(trained: Trained) -> Predictor:
    return load(trained.export)


@pytest.mark.parametrize("filler", range(WINDOW - 8, WINDOW + 2))
def test_a_span_is_found_wherever_the_cut_of_a_long_line_falls(predictor: Predictor, filler: int) -> None:
    text = "Please " * filler + "We met Anna Berg in New York again ."

    found = predictor([text])[0]["spans"]

    assert [text[span["start"] : span["end"]] for span in found] == ["Anna Berg", "New York"]


def test_an_answer_does_not_depend_on_the_other_texts(predictor: Predictor) -> None:
    texts = ["We met Anna Berg in Quito again .", "Please " * 300 + "pay Otto", "Quito flew to Otto ."]

    together = predictor(texts)

    for text, answer in zip(texts, together, strict=True):
        alone = predictor([text])[0]
        assert [span["start"] for span in answer["spans"]] == [span["start"] for span in alone["spans"]]
        assert [span["score"] for span in answer["spans"]] == pytest.approx(
            [span["score"] for span in alone["spans"]], abs=1e-4
        )
