"""What each Unicode code point is, as constant tables that a graph can carry."""

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np

# The kinds of character that decide where a token ends.
SPACE, NEWLINE, LETTER, DIGIT, SINGLE, MARK, SYMBOL = range(7)

# Tables cover planes 0 and 1 one by one. Beyond them lie ideographs, and from plane 14 on selectors and tags.
TABLE_SIZE = 0x20000
FAR_IDEOGRAPH, FAR_MARK = TABLE_SIZE, TABLE_SIZE + 1
FIRST_SELECTOR = 0xE0000

# Scripts that put no spaces between words, or (Hangul) whose entities end inside them: a character is a token.
_SINGLE_RANGES = (
    (0x0E00, 0x0EFF, "T"),  # Thai, Lao
    (0x1000, 0x109F, "T"),  # Myanmar
    (0x1780, 0x17FF, "T"),  # Khmer
    (0x1100, 0x11FF, "G"),
    (0x3005, 0x3007, "C"),
    (0x3041, 0x309F, "H"),
    (0x30A0, 0x30FF, "K"),
    (0x31F0, 0x31FF, "K"),
    (0x3400, 0x4DBF, "C"),
    (0x4E00, 0x9FFF, "C"),
    (0xAC00, 0xD7AF, "G"),
    (0xF900, 0xFAFF, "C"),
    (0xFF66, 0xFF9F, "K"),
)
_JOINERS = {0x200C, 0x200D, *range(0x1F3FB, 0x1F400)}
_NEWLINES = {"\n", "\r", "\u2028", "\u2029", "\x0b", "\x0c", "\x85"}


class Tables(NamedTuple):
    """Three arrays indexed by `min(code point, …)`: kind, lower case and the symbol used in word shapes."""

    kind: np.ndarray
    lower: np.ndarray
    shape: np.ndarray


@lru_cache(maxsize=1)
def tables() -> Tables:
    """Build the tables from Python's Unicode database; an export carries them, so versions cannot disagree."""
    kind = np.full(TABLE_SIZE + 2, SYMBOL, np.int32)
    lower = np.arange(TABLE_SIZE + 2, dtype=np.int32)
    shape = np.full(TABLE_SIZE + 2, ord("?"), np.int32)
    for code in range(TABLE_SIZE):
        character = chr(code)
        kind[code], shape[code] = _describe(character, code)
        if kind[code] == LETTER and len(small := character.lower()) == 1:
            lower[code] = ord(small)
    for first, last, symbol in _SINGLE_RANGES:
        block = slice(first, last + 1)
        single = kind[block] == LETTER
        shape[block][single] = ord(symbol)
        kind[block][single] = SINGLE
    kind[FAR_IDEOGRAPH], shape[FAR_IDEOGRAPH] = SINGLE, ord("C")
    kind[FAR_MARK] = MARK
    return Tables(kind, lower, shape)


def _describe(character: str, code: int) -> tuple[int, int]:
    category = unicodedata.category(character)
    if character in _NEWLINES:
        return NEWLINE, 0
    if code in _JOINERS or category[0] == "M" or category == "Cf":
        return MARK, 0
    if category[0] == "Z" or character == "\t":
        return SPACE, 0
    if category in ("Lu", "Lt"):
        return LETTER, ord("X")
    if category[0] == "L":
        return LETTER, ord("x") if category == "Ll" else ord("a")
    if category == "Nd":
        return DIGIT, ord("d")
    # Punctuation that matters stays itself in a word's shape; the long tail of symbols is one class.
    return SYMBOL, code if code < 0x80 or category[0] == "P" else ord("?")
