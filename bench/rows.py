"""Results as lines of JSON that are only ever added to: the last line of a cell counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
NOTHING = "Nothing measured yet."  # what stands for a table without rows


def read(path: Path, cell: Callable[[Row], Hashable]) -> list[Row]:
    """The rows of a file, the last of each cell; none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    return list({cell(row): row for row in rows}.values())


def add(path: Path, row: Row) -> None:
    """Write one more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
