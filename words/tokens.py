"""The tokens of a text, without a graph: what `trainer.ml.tokens` finds inside one, and exports write.

A token is a run of letters, a run of digits, one character of a script that writes no spaces, or one symbol;
combining marks and joiners stay with the character before them; initials such as `U.N.` are one token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from words.characters import DIGIT, LETTER, MARK, NEWLINE, SINGLE, SPACE, SYMBOL, kind_of

# The rule is written over a text of kinds, which is as long as the text itself.
_LETTERS = {SPACE: " ", NEWLINE: " ", LETTER: "L", DIGIT: "D", SINGLE: "C", MARK: "m", SYMBOL: "S"}
_TOKEN = re.compile(
    r"""
    Lm*(?![Lm]) (?: \.m* Lm*(?![Lm]) )+ (?: \.m* )?  # initials, each with a full stop
    | (?: Lm* )+
    | (?: Dm* )+
    | [CS.m] m*                                      # a mark begins a token where it has nothing to sit on
    """,
    re.VERBOSE,
)


class _Kinds(dict[int, str]):
    def __missing__(self, code: int) -> str:
        self[code] = _LETTERS[kind_of(code)]
        return self[code]


_KINDS = _Kinds({ord("."): "."})


def tokens(text: str) -> Iterator[tuple[int, int]]:
    """Where each token begins and ends, in code points."""
    for found in _TOKEN.finditer(text.translate(_KINDS)):
        yield found.span()
