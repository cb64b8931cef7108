"""What a reader makes of a file: rows to store, and refusals that say where and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotator.errors import Detail


@dataclass(frozen=True, slots=True)
class Row:
    """One document of a file. ``answer`` holds the labels it came with, unchecked; None when it has none.

    ``external_id`` None means that the text identifies itself; the row is in the file from ``begin`` to ``end``.
    """

    line: int
    external_id: str | None
    text: str
    meta: Mapping[str, Any]
    answer: Mapping[str, Any] | None
    complete: bool
    end: int = 0
    begin: int = 0

    def refused(self, field: str, reason: str) -> Refused:
        return Refused(self.line, field, reason, self.end, self.begin)


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot go in: the line it begins on, the field at fault and the reason; where it is, in bytes."""

    line: int
    field: str
    reason: str
    end: int = 0
    begin: int = 0

    def detail(self) -> Detail:
        return {"line": self.line, "field": self.field, "reason": self.reason}
