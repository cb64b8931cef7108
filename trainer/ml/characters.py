"""What each Unicode code point is, as constant tables that a graph can carry."""

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from words.characters import (
    DIGIT,
    FIRST_SELECTOR,
    LETTER,
    MARK,
    NEWLINE,
    SINGLE,
    SINGLE_RANGES,
    SPACE,
    SYMBOL,
    TABLE_SIZE,
    kind_of,
)

__all__ = [
    "DIGIT", "FAR_IDEOGRAPH", "FAR_MARK", "FIRST_SELECTOR", "LETTER", "MARK", "NEWLINE", "SINGLE", "SPACE", "SYMBOL",
    "TABLE_SIZE", "tables",
]  # fmt: skip

FAR_IDEOGRAPH, FAR_MARK = TABLE_SIZE, TABLE_SIZE + 1


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
        kind[code] = kind_of(code)
        shape[code] = _shape(character, kind[code])
        if kind[code] == LETTER and len(small := character.lower()) == 1:
            lower[code] = ord(small)
    for first, last, symbol in SINGLE_RANGES:
        block = slice(first, last + 1)
        shape[block][kind[block] == SINGLE] = ord(symbol)
    kind[FAR_IDEOGRAPH], shape[FAR_IDEOGRAPH] = kind_of(TABLE_SIZE), ord("C")
    kind[FAR_MARK] = kind_of(FIRST_SELECTOR)
    return Tables(kind, lower, shape)


def _shape(character: str, kind: int) -> int:
    """What stands for a character in the shape of a word."""
    category = unicodedata.category(character)
    if kind in (NEWLINE, MARK, SPACE):
        return 0
    if category in ("Lu", "Lt"):
        return ord("X")
    if category[0] == "L":
        return ord("x") if category == "Ll" else ord("a")
    if kind == DIGIT:
        return ord("d")
    # Punctuation that matters stays itself in a word's shape; the long tail of symbols is one class.
    return ord(character) if ord(character) < 0x80 or category[0] == "P" else ord("?")
