"""Cut a file of bytes into lines, with never more than one of them in memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from annotator.errors import Invalid
from annotator.importing.rows import Refused

# Room for the longest text there may be, with each character escaped in JSON.
MAX_LINE = 16 * 1024 * 1024
_PIECE = 64 * 1024

_FOREIGN_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"\x1f\x8b": "compressed by gzip",
}


@dataclass(slots=True)
class Line:
    """A line as it is in the file, with its line end; ``end`` is the byte after it."""

    number: int
    data: bytes
    end: int


def lines(file: BinaryIO) -> Iterator[Line | Refused]:
    """The file's lines; only a line feed ends one. Raises Invalid if the file cannot be UTF-8 text at all."""
    number = end = 0
    while data := file.readline(MAX_LINE + 1):
        number += 1
        end += len(data)
        if number == 1:
            data = _unmarked(data)
        if len(data) <= MAX_LINE:
            yield Line(number, data, end)
        else:
            end += _skip_line(file, data)
            yield Refused(number, "row", f"is longer than {MAX_LINE:,} bytes", end)


def decode(line: Line) -> str | Refused:
    """The line as text, or the refusal that names the first byte which is not UTF-8."""
    try:
        return line.data.decode()
    except UnicodeDecodeError as error:
        byte = line.data[error.start]
        reason = f"is not UTF-8: byte {byte:#04x} at byte {error.start + 1} of the line ({error.reason})"
        return Refused(line.number, "row", reason, line.end)


def _unmarked(data: bytes) -> bytes:
    """The first line without the byte order mark that some programs write before UTF-8."""
    for mark, what in _FOREIGN_MARKS.items():
        if data.startswith(mark):
            raise Invalid("unreadable_file", f"The file is {what}; it must be plain text in UTF-8.")
    return data.removeprefix(codecs.BOM_UTF8)


def _skip_line(file: BinaryIO, begun: bytes) -> int:
    skipped, piece = 0, begun
    while piece and not piece.endswith(b"\n"):
        piece = file.readline(_PIECE)
        skipped += len(piece)
    return skipped
