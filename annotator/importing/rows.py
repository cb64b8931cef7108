"""What a reader makes of a file: rows to store, and refusals that say where and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from annotator.errors import Detail

LONGEST = 500  # characters of what is told


class Cell(str):
    """Choices as a cell of a table holds them, not parted yet: that takes the names that the project's choices have."""


@dataclass(frozen=True, slots=True)
class Row:
    """One document of a file. ``answer`` holds the labels it came with, unchecked; None when it has none.

    ``external_id`` None means that the text identifies itself; the row is in the file from ``begin`` to ``end``, and is
    the one numbered ``item`` where a file is no file of lines. ``complete`` None: the row does not say. ``source`` has
    what stands beside what was read, to be looked at for labels of other tools; what has such, and says "nothing here",
    is refused unless it ``may_lose`` them. ``like`` is another format that a line of text looks to be of.
    """

    line: int
    external_id: str | None
    text: str
    meta: Mapping[str, Any]
    answer: Mapping[str, Any] | None
    complete: bool | None
    end: int = 0
    begin: int = 0
    item: int = 0
    source: Mapping[str, Any] = field(default_factory=dict, compare=False)
    may_lose: bool = field(default=False, compare=False)
    like: str = ""

    def refused(self, field: str, reason: str, code: str = "") -> Refused:
        return Refused(self.line, field, reason, self.end, self.begin, self.item, code)


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot go in: the line it begins on, the field at fault and the reason; where it is, in bytes.

    ``code`` says what can be done about it, where that is anything but to mend the row.
    """

    line: int
    field: str
    reason: str
    end: int = 0
    begin: int = 0
    item: int = 0
    code: str = ""

    def detail(self) -> Detail:
        found: Detail = {"line": self.line, "field": short(self.field), "reason": short(self.reason)}
        return {**found, "item": self.item} if self.item else found


def short(told: str) -> str:
    """As it can be kept and read. A name in it may be anything that a file can hold, as long as a whole text, but
    PostgreSQL takes no NUL and no half of a character."""
    cut = told if len(told) <= LONGEST else told[:LONGEST] + "…"
    plain = cut.replace("\0", "\\0").encode(errors="backslashreplace").decode()
    return told if plain == told else plain
