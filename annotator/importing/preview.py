"""What an uploaded file looks like before it is imported: its columns, its first rows, and what would be refused."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from annotator.errors import Detail, Invalid
from annotator.importing import csv, encodings, load
from annotator.importing.jsonl import ANSWER
from annotator.importing.lines import decode, lines
from annotator.importing.options import ADDED, Options
from annotator.importing.rows import Refused
from annotator.importing.store import refusals
from annotator.models import Project, User

READ_BYTES = 1024 * 1024
READ_ROWS = 1_000
SHOWN_ROWS = 6
CELL = 300
_TEXTS = ("text", "content", "body", "message", "sentence", "document", "review", "comment", "description")
_IDS = ("id", "external_id", "doc_id", "document_id", "uuid", "key")


@dataclass(frozen=True)
class Preview:
    """``names`` are columns or fields; ``rows`` their first values; ``problems`` what would be refused of the first
    ``read`` rows. ``whole``: these are all. ``fault``: why the file cannot be read so at all."""

    options: Options
    names: list[str] = field(default_factory=list)
    delimiter: str = ""
    rows: list[list[str]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    read: int = 0
    problems: list[Detail] = field(default_factory=list)
    whole: bool = True
    fault: str = ""

    @property
    def good(self) -> int:
        return self.read - len(self.problems)


def preview(project: Project, path: Path, options: Options, *, user: User) -> Preview:
    """Read the file's beginning with these options. A file that is none of its format has a ``fault``."""
    with path.open("rb") as file:
        data = file.read(READ_BYTES + 1)
    whole = len(data) <= READ_BYTES
    if not whole:
        data = data[: data.rfind(b"\n", 0, READ_BYTES) + 1] or data[:READ_BYTES]
    try:
        names, delimiter, rows = _sample(data, options)
        found = list(islice(load.read(io.BytesIO(data), options), READ_ROWS))
    except Invalid as error:
        names, delimiter, rows = _sample_of_faulty(data, options)
        return Preview(options, names, delimiter, rows, whole=whole, fault=error.message)
    if not whole and found and isinstance(found[-1], Refused):
        found.pop()  # cut where reading ended
    labels = sorted({part for row in found if not isinstance(row, Refused) and row.answer for part in row.answer})
    problems = refusals(project, found, user=user)
    return Preview(options, names, delimiter, rows, labels, len(found), problems, whole and len(found) < READ_ROWS)


def guess(path: Path, options: Options, given: Mapping[str, Any]) -> Options:
    """Options for a file that nobody has looked at yet: its encoding, and the columns for text and id, most likely."""
    with path.open("rb") as file:
        data = file.read(READ_BYTES)
    options = replace(options, encoding=given.get("encoding") or encodings.guess(data, whole=len(data) < READ_BYTES))
    names, _, rows = _sample_of_faulty(data, options)
    if not names:
        return options
    columns = dict(zip(names, zip(*rows, strict=False), strict=False)) if rows else {}
    longest = max(columns, key=lambda name: sum(map(len, columns[name])), default=names[0])
    text = next((name for known in _TEXTS for name in names if name.casefold() == known), longest)
    identity = next((name for known in _IDS for name in names if name.casefold() == known), "id")
    return replace(
        options,
        text_column=given.get("text_column") or text,
        id_column=given.get("id_column") or identity,
    )


def _sample_of_faulty(data: bytes, options: Options) -> tuple[list[str], str, list[list[str]]]:
    try:
        return _sample(data, options)
    except Invalid:
        return [], "", []


def _sample(data: bytes, options: Options) -> tuple[list[str], str, list[list[str]]]:
    """Names, delimiter, and the first rows as they are in the file. Raises Invalid if it is no text."""
    if options.format == "csv":
        names, delimiter, records = csv.sample(io.BytesIO(data), SHOWN_ROWS, options.encoding)
        return names, delimiter, [[value[:CELL] for value in record] for record in records]
    texts = []
    for line in islice(lines(io.BytesIO(data), options.encoding), SHOWN_ROWS):
        text = line if isinstance(line, Refused) else decode(line)
        texts.append("" if isinstance(text, Refused) else text.rstrip("\r\n"))
    if options.format == "txt":
        return [], "", [[text[:CELL]] for text in texts if text.strip()]
    objects = [found for found in map(_object, texts) if found]
    names = list(dict.fromkeys(name for found in objects for name in found))
    return names, "", [[_cell(found.get(name)) for name in names] for found in objects]


def _object(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return (value or "")[:CELL]
    try:
        return orjson.dumps(value).decode()[:CELL]
    except TypeError:  # nested deeper than it writes; the row is refused for that
        return "…"


def mappable(found: Preview) -> list[str]:
    """The columns or fields whose place somebody may choose: not those that hold labels by their names."""
    labels = {*ANSWER, "complete", "meta"} if found.options.format == "jsonl" else set()
    return [name for name in found.names if name not in labels and name not in ADDED]
