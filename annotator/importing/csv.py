"""CSV with a header row. The column ``text`` is the document, ``id`` its name; all other columns go to meta."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from annotator.errors import Invalid
from annotator.importing.encodings import UTF_8
from annotator.importing.lines import Line, decode, lines
from annotator.importing.options import UNLABELLED, Options
from annotator.importing.rows import Refused, Row
from annotator.said import counted

DELIMITERS = ",;\t"

# The longest text and some more. The reader holds four bytes for each character of a field.
MAX_RECORD = 6 * 1024 * 1024
MAX_COLUMNS = 1000
_LINE_ENDS = re.compile(r"[\r\n]+")
# What a column says of whether an answer is complete. Whatever else stands there is no yes.
_YES = ("true", "yes", "y", "1", "1.0", "complete")

# This limit of Python's is one for the whole process, and lower than our texts are long.
csv.field_size_limit(MAX_RECORD)


class _Records:
    """Feeds csv.reader line by line, and knows where the record began that it is reading.

    A quoted field may hold line breaks, so a record that never closes its quote would grow to the end of the
    file. One that is at fault is therefore read on to the line on which its quotes are even again, and ended
    there, so that the next record is read in step.
    """

    def __init__(self, file: BinaryIO, encoding: str = UTF_8) -> None:
        self._lines = lines(file, encoding)
        self.end = 0
        self.last_line = 0
        self.begin()

    def begin(self) -> None:
        """The next line is the first of a record."""
        self.first_line = self.last_line + 1
        self.first_byte = self.end
        self.fault = ""
        self._bytes = 0
        self._open = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        within_quotes = self.last_line >= self.first_line  # or the reader would not ask for another line
        text = self._next()
        if self._bytes > MAX_RECORD:
            self.fault = self.fault or f"is longer than {MAX_RECORD:,} bytes; a quote may not be closed"
        if not self.fault:
            return text
        self.skip()
        return '"\n' if within_quotes else "\n"

    def refused(self, reason: str) -> Refused:
        return Refused(self.first_line, "row", reason, self.end, self.first_byte)

    @property
    def within_quotes(self) -> bool:
        """Whether the lines of the record so far have a quote that is not closed."""
        return self._open

    def skip(self) -> None:
        """Read on to the end of the record."""
        while self._open:
            try:
                self._next()
            except StopIteration:
                return

    def _next(self) -> str:
        line = next(self._lines, None)
        if line is None:
            if self._open:
                self.fault = self.fault or "opens a quote that is never closed"
            raise StopIteration
        self.last_line += 1
        self._bytes += line.end - self.end
        self.end = line.end
        text = line if isinstance(line, Refused) else decode(line)
        if isinstance(text, Refused):
            where = "" if text.line == self.first_line else f"has a line, {text.line}, that "
            self.fault = self.fault or where + text.reason
            # For the sake of its quotes and commas.
            text = line.data.decode(line.codec, errors="replace") if isinstance(line, Line) else ""
        self._open ^= text.count('"') % 2 == 1
        return text


def read(file: BinaryIO, options: Options) -> Iterator[Row | Refused]:
    """A row or a refusal for each record below the header. Raises Invalid when the header is of no use."""
    records = _Records(file, options.encoding)
    header, delimiter = _header(records, options)
    reader = csv.reader(records, delimiter=delimiter, strict=True)
    while True:
        records.begin()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            records.skip()
            records.fault = records.fault or f"its quotes do not match: {error}"
            fields = []
        if records.fault:
            yield records.refused(records.fault)
        elif fields:
            yield _row(fields, header, records, options)


@dataclass(frozen=True, slots=True)
class _Names:
    """The header row as one delimiter parts it, and how many lines it takes."""

    names: list[str]
    lines: int


def _header(records: _Records, options: Options) -> tuple[list[str], str]:
    headers = _headers(records)
    if not any(any(found.names) for found in headers.values()):
        raise Invalid("invalid_header", "The file is empty, or its first line is: a header row must stand there.")
    for delimiter, found in headers.items():
        if options.text_column in found.names:
            names = found.names
            _count(names)
            named = list(filter(None, names))
            twice = next((name for i, name in enumerate(named) if name in named[:i]), None)
            if twice is not None:
                raise Invalid("invalid_header", f"The header row has the column {twice!r} twice.")
            if found.lines < records.last_line:
                raise Invalid("invalid_header", "The quotes in the header row do not match.")
            return names, delimiter
    start = DELIMITERS[0].join(headers[DELIMITERS[0]].names)[:200]
    raise Invalid("invalid_header", f"The header row has no column {options.text_column!r}: {start!r}.")


def _headers(records: _Records) -> dict[str, _Names]:
    """The names in the header row, as each delimiter parts it. A quoted one may go over several lines."""
    lines: list[str] = []
    return {mark: _names(lines, records, mark) for mark in DELIMITERS}


def _names(lines: list[str], records: _Records, delimiter: str) -> _Names:
    """``lines`` have been read for another delimiter; what this one needs beyond them is added."""
    asked = 0

    def each() -> Iterator[str]:
        nonlocal asked
        # A quote that this delimiter alone would open is none: it is closed in these lines.
        while asked < len(lines) or not lines or records.within_quotes:
            if asked == len(lines):
                line = next(records, None)
                if records.fault:
                    raise Invalid("invalid_header", f"The header row {records.fault}.")
                if line is None:
                    return
                lines.append(line)
            asked += 1
            yield lines[asked - 1]

    try:
        names = next(csv.reader(each(), delimiter=delimiter), [])
    except csv.Error as error:
        raise Invalid("invalid_header", f"The header row cannot be read: {error}.") from error
    return _Names(list(map(_called, names)), asked)


def _count(names: list[str]) -> None:
    """Columns without a name are none: a spreadsheet may write as many of them as it has."""
    named = len(names) - names.count("")
    if named > MAX_COLUMNS:
        raise Invalid("invalid_header", f"The header row has {named:,} columns; the most is {MAX_COLUMNS:,}.")


def header(file: BinaryIO, options: Options) -> tuple[list[str], str]:
    """The names in the header row, and the delimiter. Raises Invalid when it is of no use."""
    return _header(_Records(file, options.encoding), options)


def sample(file: BinaryIO, rows: int, encoding: str) -> tuple[list[str], str, list[list[str]]]:
    """The header's names, the delimiter that parts it into most, and the first records, right or wrong."""
    records = _Records(file, encoding)
    headers = {mark: one.names for mark, one in _headers(records).items()}
    delimiter = max(DELIMITERS, key=lambda mark: len(headers[mark]))
    _count(headers[delimiter])
    found: list[list[str]] = []
    reader = csv.reader(records, delimiter=delimiter)
    while len(found) < rows:
        records.begin()
        try:
            fields = next(reader, None)
        except csv.Error:
            break  # the reading itself says which row and why
        if fields is None:
            break
        found += [fields[:MAX_COLUMNS]] if fields else []
    return headers[delimiter][:MAX_COLUMNS], delimiter, found


def _unnamed(place: int, taken: set[str]) -> str:
    """What a column without a name is called where something stands in it."""
    name = f"column {place + 1}"
    while name in taken:
        name += "_"
    return name


def _is_header(fields: list[str], header: list[str]) -> bool:
    """Whether files with the same columns were put one behind the other. Of one column, it may be a text."""
    pairs = zip(fields, header, strict=True)
    return len(header) > 1 and all(_called(field.removeprefix("\ufeff")) == name for field, name in pairs)


def _called(name: str) -> str:
    """A column's name, in one line."""
    return " ".join(line.strip(" \t") for line in _LINE_ENDS.split(name)).strip()


def _row(fields: list[str], header: list[str], records: _Records, options: Options) -> Row | Refused:
    # Spreadsheets write blank cells at the end, or leave them out, as far as any row of theirs goes.
    while len(fields) > len(header) and not fields[-1]:
        fields.pop()
    while len(fields) < len(header) and not header[len(fields)]:
        fields.append("")
    if len(fields) != len(header):
        return records.refused(f"has {counted(len(fields), 'field')}; the header has {len(header)}")
    if _is_header(fields, header):
        return records.refused("is the header row again")
    taken = set(header)
    values = {name or _unnamed(i, taken): value for i, (name, value) in enumerate(zip(header, fields, strict=True))
              if name or value}  # fmt: skip
    unkept = options.unkept(values)
    classes = options.chosen(values)
    return Row(
        line=records.first_line,
        text=values[options.text_column],
        external_id=values.get(options.id_column) or None,
        meta={name: value for name, value in values.items() if name not in unkept},
        answer={"classes": classes} if classes else None,
        complete=None if values.get("complete", "").strip().casefold() in (*_YES, "") else False,
        end=records.end,
        begin=records.first_byte,
        source=options.beside(values),
        may_lose=options.unread_labels == UNLABELLED,
    )
