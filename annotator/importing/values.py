"""Cut JSON that is no JSON lines into its objects: an array of them, or objects that go over several lines.

Only quotes, brackets and braces are looked at, so an object that is broken inside costs no other one, and there is
never more than one of them in memory. In UTF-8 each of these is one byte, and part of no other character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from annotator.importing.lines import MAX_LINE, Line
from annotator.importing.rows import Refused

_PIECE = 64 * 1024
# A string that is whole, or what opens or closes something.
_TELLING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}"]', re.DOTALL)
_IN_STRING = re.compile(rb'["\\]')
_BETWEEN = b" \t\r\n,"


def is_array(start: bytes) -> bool:
    """Whether a file that begins so is an array, rather than a line that is one among lines of JSON."""
    first, _, rest = start.lstrip(b" \t\r\n").partition(b"\n")
    if not first.startswith(b"["):
        return False
    # An array on one line, with another line behind it, is a line of something else.
    return not (first.rstrip().endswith(b"]") and first.count(b"[") == first.count(b"]") and rest.strip())


def is_pretty(start: bytes) -> bool:
    """Whether the first object of a file that begins so has several lines: one ends in it, outside of any string."""
    first, line_end, rest = start.lstrip(b" \t\r\n").replace(b"\r", b"\n").partition(b"\n")
    if not first.startswith(b"{") or not line_end or not rest.lstrip().startswith((b'"', b"}", b"]", b"{", b"[")):
        return False
    depth = 0
    for found in _TELLING.finditer(first):
        if found[0] == b'"':
            return False  # cut within a string, which has no line end in it
        depth += _step(found[0])
    second = rest.lstrip()[:1]
    return depth > 0 and not (second in (b"{", b"[") and first.rstrip()[-1:] not in (b":", b"[", b","))


def objects(file: BinaryIO, begin: int) -> Iterator[Line | Refused]:
    """The objects (or whatever else is an item) of a file from this byte on; their numbers are those of their lines."""
    return iter(_Cutter(file, begin).items())


def _step(mark: bytes) -> int:
    return 1 if mark in (b"{", b"[") else -1 if mark in (b"}", b"]") else 0


class _Cutter:
    """Where the cutting is: ``data`` has been read but not given out, and begins at the byte ``at``."""

    def __init__(self, file: BinaryIO, begin: int) -> None:
        file.seek(begin)
        self.file, self.at, self.line = file, begin, 1
        self.data = bytearray()
        self.place = 0  # in data, up to which all is looked at
        self.dropped = 0  # of an object that is too long
        self.item = 0
        self.after_cr = False

    def items(self) -> Iterator[Line | Refused]:
        in_array = self._next() == b"["
        if in_array:
            self._forget(1)
        while mark := self._next():
            if mark == b"]" and in_array:
                in_array = False
                self._forget(1)
                continue
            self.item += 1
            yield self._item()

    def _next(self) -> bytes:
        """The first byte of the next item; nothing at the end."""
        while True:
            plain = len(self.data) - len(self.data.lstrip(_BETWEEN))
            self._forget(plain)
            if self.data:
                return bytes(self.data[:1])
            if not self._more():
                return b""

    def _item(self) -> Line | Refused:
        begin, number = self.at, self.line
        whole = self._object() if self.data.startswith((b"{", b"[", b'"')) else self._word()
        length, data = self.dropped + self.place, bytes(self.data[: self.place])
        too_long = self.dropped > 0
        self._forget(self.place)
        self.dropped = 0
        if too_long:
            return Refused(number, "row", f"is longer than {MAX_LINE:,} bytes", begin + length, begin, self.item)
        if not whole:
            return Refused(number, "row", "is not JSON: it is never closed", begin + length, begin, self.item)
        return Line(number, data, begin + length, begin, item=self.item)

    def _object(self) -> bool:
        """Look on to the end of what begins here; whether it ends."""
        depth, in_string = 0, False
        while True:
            found = (_IN_STRING if in_string else _TELLING).search(self.data, self.place)
            if found is None:
                self.place = len(self.data)
                if not self._more():
                    return False
            elif in_string and found[0] == b"\\":
                if found.end() == len(self.data) and not self._more():
                    self.place = len(self.data)
                    return False
                self.place = found.end() + 1
            else:
                self.place = found.end()
                in_string = not in_string if found[0] == b'"' else in_string
                depth += 0 if in_string else _step(found[0])
                if depth <= 0 and not in_string:
                    return True

    def _word(self) -> bool:
        """A number, a name, or what is no JSON: up to the next comma, bracket or line."""
        self.place = 1
        while True:
            ends = [place for mark in b",]}\n\r" if (place := self.data.find(mark, self.place)) >= 0]
            self.place = min(ends, default=len(self.data))
            if ends or not self._more():
                return True

    def _more(self) -> bool:
        piece = self.file.read(_PIECE)
        if len(self.data) > MAX_LINE:
            self.dropped += self.place
            self._forget(self.place)
        self.data += piece
        return bool(piece)

    def _forget(self, length: int) -> None:
        """Leave bytes behind, and count their lines: a line ends with LF, CR or both."""
        gone = bytes(self.data[:length])
        if gone:
            self.line += gone.count(b"\n") + gone.count(b"\r") - gone.count(b"\r\n")
            self.line -= self.after_cr and gone.startswith(b"\n")
            self.after_cr = gone.endswith(b"\r")
        self.at += length
        del self.data[:length]
        self.place -= min(self.place, length)
