"""Cut a file of bytes into lines, with never more than one of them in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import SEEK_CUR
from typing import BinaryIO

from annotator.importing import encodings
from annotator.importing.encodings import CODECS, UTF_8
from annotator.importing.rows import Refused

# Room for the longest text there may be, with each character escaped in JSON.
MAX_LINE = 16 * 1024 * 1024
_PIECE = 64 * 1024
_JUDGED = 1024 * 1024
_RETURN = re.compile(rb"\r(?!\n)")
_RETURNS = {"utf-16-le": re.compile(rb"\r\0(?!\n\0)"), "utf-16-be": re.compile(rb"\0\r(?!\0\n)")}


@dataclass(slots=True)
class Line:
    """A line as it is in the file, with its line end: its bytes from ``begin`` to ``end``, and what decodes them."""

    number: int
    data: bytes
    end: int
    begin: int = 0
    codec: str = UTF_8
    item: int = 0

    def refused(self, field: str, reason: str) -> Refused:
        return Refused(self.number, field, reason, self.end, self.begin, self.item)


def lines(file: BinaryIO, encoding: str = UTF_8, *, cr: bool = True) -> Iterator[Line | Refused]:
    """The file's lines. A line feed ends one and, unless not ``cr``, so does a carriage return alone, as on an old
    Macintosh. Raises Invalid if the file can be no text in this encoding.
    """
    codec, mark = encodings.begin(file.read(encodings.LOOKED_AT), encoding)
    file.seek(len(mark))
    end, carriage_return = len(mark), "\r".encode(codec)
    found = _parted(file, codec) if cr else iter(partial(_read_line, file, MAX_LINE + 2, codec), b"")
    for number, data in enumerate(found, 1):
        begin, end = end, end + len(data)
        if len(data) <= MAX_LINE or (cr and data.endswith(carriage_return)):
            yield Line(number, data, end, begin, codec)
        else:
            end += _skip_line(file, data, codec, cr)
            yield Refused(number, "row", f"is longer than {MAX_LINE:,} bytes", end, begin)


def whole(file: BinaryIO, most: int, encoding: str = UTF_8) -> Line | None:
    """The file as one line; None if it has more than so many bytes."""
    data = file.read(most + encodings.LOOKED_AT)
    codec, mark = encodings.begin(data, encoding)
    return Line(1, data.removeprefix(mark), len(data), len(mark), codec) if len(data) <= most else None


def decode(line: Line) -> str | Refused:
    """The line as text, or the refusal that names the first byte which cannot be decoded."""
    try:
        return encodings.decoded(line.data, line.codec)
    except UnicodeDecodeError as error:
        name = next((name for name, codec in CODECS.items() if codec == line.codec), line.codec)
        byte = f"byte {line.data[error.start]:#04x} at byte {error.start + 1} of the line ({error.reason})"
        return line.refused("row", f"is not {name.upper()}: {byte}; the option `encoding` names another")


def has_line_feed(file: BinaryIO, encoding: str) -> bool:
    """Whether a line feed stands in the beginning of a file: where none does, lines may end with a carriage return."""
    data = file.read(_JUDGED)
    codec, mark = encodings.begin(data, encoding)
    file.seek(0)
    return "\n" in data.removeprefix(mark).decode(codec, errors="replace")


def _parted(file: BinaryIO, codec: str) -> Iterator[bytes]:
    """Lines, also where a carriage return alone ends one; of what is longer than any line may be, the first bytes."""
    line_end, rest = "\n".encode(codec), b""
    while True:
        data = _read_line(file, MAX_LINE + 2 - len(rest), codec)
        last = not data
        data, rest = rest + data, b""
        for piece in _at_returns(data, codec):
            if rest:
                yield rest
            rest = piece
        # A line feed may follow a carriage return at once, unless this is all.
        if rest and (last or rest.endswith(line_end) or len(rest) > MAX_LINE):
            yield rest
            rest = b""
        if last:
            return


def _at_returns(data: bytes, codec: str) -> Iterator[bytes]:
    """Cut behind each carriage return that no line feed follows; in UTF-16 it takes two bytes that belong together.

    One piece at a time: a file may be nothing but line ends.
    """
    start = 0
    for found in _RETURNS.get(codec, _RETURN).finditer(data) if b"\r" in data else ():
        if codec not in _RETURNS or found.end() % 2 == 0:
            yield data[start : found.end()]
            start = found.end()
    if start < len(data):
        yield data[start:]


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


def _skip_line(file: BinaryIO, begun: bytes, codec: str, cr: bool) -> int:
    """Read on to the end of a line; how many bytes that were."""
    skipped, piece = 0, begun
    while piece and not piece.endswith("\n".encode(codec)):
        piece = _read_line(file, _PIECE, codec)
        first = next(_at_returns(piece, codec), b"") if cr else piece
        skipped += len(first)
        if cr and first.endswith("\r".encode(codec)):
            file.seek(len(first) - len(piece), SEEK_CUR)
            break
    return skipped
