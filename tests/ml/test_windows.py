"""Long sequences read in windows."""

import numpy as np
import pytest
import tensorflow as tf

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
