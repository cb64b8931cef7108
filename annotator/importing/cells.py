"""Choices in one cell of a table: several are parted by semicolons, and one that holds such a mark stands in quotes.

``late; "lost; found"; "5"" pipe"`` is three choices. What is no such list is parted at its semicolons as it is.
"""

from __future__ import annotations

import csv
from collections.abc import Collection

MARK = ";"


def parted(cell: str, known: Collection[str]) -> list[str]:
    """The choices in a cell. The whole cell is one, if a choice of that name is known."""
    whole = cell if cell in known else cell.strip()
    if whole in known:
        return [whole]
    try:
        records = list(csv.reader([whole], delimiter=MARK, skipinitialspace=True, strict=True))
    except csv.Error:  # quotes that mean something else
        records = []
    choices = records[0] if len(records) == 1 else whole.split(MARK)
    return [choice if choice in known else choice.strip() for choice in choices if choice.strip()]
