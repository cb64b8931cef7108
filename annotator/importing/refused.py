"""The file of all refused rows that lies beside an import's upload: CSV for people, written as batches are stored."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from annotator.errors import Detail

MOST_BYTES = 20 * 1024 * 1024
_HEAD = "\ufeffline,field,reason\r\n"  # with the mark by which spreadsheets know UTF-8


def path_of(upload: str) -> Path:
    return Path(upload + ".refused.csv")


def text(errors: Sequence[Detail], at: int) -> bytes:
    """What these refusals add to a file of ``at`` bytes; nothing where it is full."""
    if not errors or at >= MOST_BYTES:
        return b""
    lines = io.StringIO()
    lines.write("" if at else _HEAD)
    csv.writer(lines).writerows([error.get("line", ""), error.get("field", ""), error["reason"]] for error in errors)
    return lines.getvalue().encode()


def write(path: Path, at: int, data: bytes) -> None:
    """Put this behind the first ``at`` bytes, which are those that count: what a killed worker left there goes."""
    if not data:
        return
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(at)
        file.seek(at)
        file.write(data)
