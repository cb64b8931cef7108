"""Which words are the same: those that differ in case, in width, in how accents are written, or in white space alone.

Words begin and end where tokens do (``words``), in any script; ``web/static/web/desk/terms.js`` is the same rule for
the text that is open.
"""

from __future__ import annotations

import unicodedata

from words.edges import trimmed
from words.tokens import tokens

LONGEST = 200  # characters of a term
LONGEST_HEAD = 80  # and of its first two words, by which it is looked up
READ_CHARACTERS = 100_000  # of each text; what comes later teaches nothing, and is not found


class Folded:
    """A text as a chain of folded tokens, with one blank wherever there was white space."""

    def __init__(self, text: str) -> None:
        self.text = text[:READ_CHARACTERS]
        self.places = list(tokens(self.text))
        pieces: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        at = last = 0
        for start, end in self.places:
            gap = " " if pieces and start > last else ""
            piece = unicodedata.normalize("NFKC", text[start:end]).casefold()
            pieces += [gap, piece]
            self._starts.append(at + len(gap))
            at += len(gap) + len(piece)
            self._ends.append(at)
            last = end
        self.chain = "".join(pieces)
        self._begins = {start: i for i, (start, _) in enumerate(self.places)}
        self._closes = {end: i for i, (_, end) in enumerate(self.places)}
        self._last = {end: i for i, end in enumerate(self._ends)}

    def heads(self, token: int) -> tuple[str, str]:
        """What a term that begins with this token is looked up by: its first two words, or the one that it has."""
        start, after = self._starts[token], min(token + 1, len(self.places) - 1)
        return self.chain[start : self._ends[after]][:LONGEST_HEAD], self.chain[start : self._ends[token]][
            :LONGEST_HEAD
        ]

    def term(self, start: int, end: int) -> tuple[str, str] | None:
        """The first words of a span, and all of them as a term; None where it cuts through a word, says nothing, or is
        longer than terms are."""
        first, last = trimmed(self.text, start, end)
        if first not in self._begins or last not in self._closes:
            return None
        token, until = self._begins[first], self._closes[last]
        words = self.chain[self._starts[token] : self._ends[until]]
        head = self.heads(token)[token == until]
        return (head, words) if len(words) <= LONGEST and any(map(str.isalnum, words)) else None

    def reaches(self, words: str, token: int) -> int | None:
        """The token with which these words end where they begin with this one; None where they don't stand there."""
        start = self._starts[token]
        return self._last.get(start + len(words)) if self.chain.startswith(words, start) else None

    def all_heads(self) -> set[str]:
        """What terms that stand in the text may begin with."""
        return {head for token in range(len(self.places)) for head in self.heads(token)}
