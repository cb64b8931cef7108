"""Cut a file of bytes into lines, with never more than one of them in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from annotator.importing import encodings
from annotator.importing.encodings import CODECS, UTF_8
from annotator.importing.rows import Refused

# Room for the longest text there may be, with each character escaped in JSON.
MAX_LINE = 16 * 1024 * 1024
_PIECE = 64 * 1024


@dataclass(slots=True)
class Line:
    """A line as it is in the file, with its line end: its bytes from ``begin`` to ``end``, and what decodes them."""

    number: int
    data: bytes
    end: int
    begin: int = 0
    codec: str = UTF_8

    def refused(self, field: str, reason: str) -> Refused:
        return Refused(self.number, field, reason, self.end, self.begin)


def lines(file: BinaryIO, encoding: str = UTF_8) -> Iterator[Line | Refused]:
    """The file's lines; only a line feed ends one. Raises Invalid if the file can be no text in this encoding."""
    codec, mark = encodings.begin(file.read(encodings.LONGEST_MARK), encoding)
    file.seek(len(mark))
    number, end = 0, len(mark)
    while data := _read_line(file, MAX_LINE + 2, codec):
        number += 1
        begin, end = end, end + len(data)
        if len(data) <= MAX_LINE:
            yield Line(number, data, end, begin, codec)
        else:
            end += _skip_line(file, data, codec)
            yield Refused(number, "row", f"is longer than {MAX_LINE:,} bytes", end, begin)


def whole(file: BinaryIO, most: int, encoding: str = UTF_8) -> Line | None:
    """The file as one line; None if it has more than so many bytes."""
    data = file.read(most + encodings.LONGEST_MARK)
    codec, mark = encodings.begin(data, encoding)
    return Line(1, data.removeprefix(mark), len(data), len(mark), codec) if len(data) <= most else None


def decode(line: Line) -> str | Refused:
    """The line as text, or the refusal that names the first byte which cannot be decoded."""
    try:
        return line.data.decode(line.codec)
    except UnicodeDecodeError as error:
        name = next((name for name, codec in CODECS.items() if codec == line.codec), line.codec)
        byte = f"byte {line.data[error.start]:#04x} at byte {error.start + 1} of the line ({error.reason})"
        return line.refused("row", f"is not {name.upper()}: {byte}; the option `encoding` names another")


def _read_line(file: BinaryIO, most: int, codec: str) -> bytes:
    """A line, or its first bytes. In UTF-16 a byte of a line feed may be half of any character."""
    if not codec.startswith("utf-16"):
        return file.readline(most)
    line_end = "\n".encode(codec)
    line = bytearray()
    while piece := file.readline(most - len(line)):
        line += piece
        if codec == "utf-16-le" and len(line) % 2:
            line += file.read(1)
        if len(line) >= most or (len(line) % 2 == 0 and line.endswith(line_end)):
            break
    return bytes(line)


def _skip_line(file: BinaryIO, begun: bytes, codec: str) -> int:
    skipped, piece = 0, begun
    while piece and not piece.endswith("\n".encode(codec)):
        piece = _read_line(file, _PIECE, codec)
        skipped += len(piece)
    return skipped
