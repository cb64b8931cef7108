"""The kinds of character that decide where a token ends, as Python's Unicode database has them."""

from __future__ import annotations

import unicodedata

SPACE, NEWLINE, LETTER, DIGIT, SINGLE, MARK, SYMBOL = range(7)

# Planes 0 and 1 are looked up one by one. Beyond them lie ideographs, and from plane 14 on selectors and tags.
TABLE_SIZE = 0x20000
FIRST_SELECTOR = 0xE0000

# Scripts that put no spaces between words, or (Hangul) whose entities end inside them, and what stands for their
# characters in the shape of a word: of these, each letter is a token.
SINGLE_RANGES = (
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


def kind_of(code: int) -> int:
    """What kind of character a code point is."""
    if code >= TABLE_SIZE:
        return SINGLE if code < FIRST_SELECTOR else MARK
    character = chr(code)
    category = unicodedata.category(character)
    if character in _NEWLINES:
        return NEWLINE
    if code in _JOINERS or category[0] == "M" or category == "Cf":
        return MARK
    if character.isspace():
        return SPACE
    if category[0] == "L":
        return SINGLE if any(first <= code <= last for first, last, _ in SINGLE_RANGES) else LETTER
    return DIGIT if category == "Nd" else SYMBOL
