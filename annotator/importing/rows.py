"""What a reader makes of a file: rows to store, and refusals that say where and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotator.errors import Detail


@dataclass(frozen=True, slots=True)
class Row:
    """One document of a file. ``answer`` holds the labels it came with, unchecked; None when it has none.

    ``external_id`` None means that the text identifies itself; ``end`` is the byte at which the row ends.
    """

    line: int
    external_id: str | None
    text: str
    meta: Mapping[str, Any]
    answer: Mapping[str, Any] | None
    complete: bool
    end: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot go in: the line it begins on, the field at fault and the reason."""

    line: int
    field: str
    reason: str
    end: int = 0

    def detail(self) -> Detail:
        return {"line": self.line, "field": self.field, "reason": self.reason}
