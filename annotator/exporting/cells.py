"""What stands in one cell of a table: several choices, and text that no spreadsheet takes for a formula."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

# Spreadsheets run what begins so, full-width signs too; some skip white space first. A text that has apostrophes before
# it already gets one more, so that taking one away always gives back what was said.
_RUN = re.compile(r"'*(?:[\s\ufeff\u200b]*[=+\-@＝＋－＠]|[\t\r\n])")
_UNQUOTED = re.compile(r'[^;\s"](?:[^;]*[^;\s"])?')


def safe(text: str) -> str:
    """The text with an apostrophe before it, where a spreadsheet might run it."""
    return f"'{text}" if _RUN.match(text) else text


def choices(chosen: Sequence[str], names: Collection[str]) -> str:
    """Several choices in one cell: ``late; "found; damaged"``. ``names`` are all choices of the question.

    They are parted by ``; ``; one that holds a semicolon, or begins or ends with a double quote or white space, stands
    in double quotes, its own doubled. A reader takes a cell that is a choice's whole name for that choice, so no other
    cell may look like one.
    """
    told = "; ".join(name if _UNQUOTED.fullmatch(name) else _quoted(name) for name in chosen)
    if told not in names or [told] == list(chosen):
        return told
    told = "; ".join(map(_quoted, chosen))
    return chosen[0] if told in names and len(chosen) == 1 else told


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
