"""Plain text: one document a line (blank lines are left out), or the whole file as one document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from annotator.importing import foreign, lines
from annotator.importing.lines import Line
from annotator.importing.options import Options
from annotator.importing.rows import Refused, Row
from annotator.spans import MAX_TEXT

MAX_BYTES = 4 * MAX_TEXT


def read(file: BinaryIO, options: Options) -> Iterator[Row | Refused]:
    """A row or a refusal for each line that is not blank, or the one of a whole file."""
    if options.whole:
        yield _whole(file, options)
        return
    # Where there are line feeds, a carriage return alone is a part of the text.
    cr = not lines.has_line_feed(file, options.encoding)
    for line in lines.lines(file, options.encoding, cr=cr):
        text = line if isinstance(line, Refused) else lines.decode(line)
        if isinstance(text, Refused):
            yield text
        elif isinstance(line, Line) and text.strip():
            yield _row(line, text.removesuffix("\n").removesuffix("\r"), foreign.of_line(text))


def _whole(file: BinaryIO, options: Options) -> Row | Refused:
    line = lines.whole(file, MAX_BYTES, options.encoding)
    if line is None:
        return Refused(1, "text", f"has more than {MAX_TEXT:,} characters", file.tell())
    text = lines.decode(line)
    return text if isinstance(text, Refused) else _row(line, text)


def _row(line: Line, text: str, like: str = "") -> Row:
    return Row(line.number, external_id=None, text=text, meta={}, answer=None, complete=True, end=line.end,
               begin=line.begin, like=like)  # fmt: skip
