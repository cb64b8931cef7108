"""What an uploaded file looks like before it is imported: its columns, its first rows, and what would be refused."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from annotator.errors import Detail, Invalid
from annotator.importing import csv, encodings, foreign, jsonl, load
from annotator.importing.labelled import UNREAD
from annotator.importing.lines import decode, has_line_feed, lines
from annotator.importing.options import ADDED, Options
from annotator.importing.rows import Refused
from annotator.importing.store import judged
from annotator.importing.told import Tally
from annotator.models import Project, User
from annotator.spans import storable_fault

READ_BYTES = 1024 * 1024
READ_ROWS = 1_000
SHOWN_ROWS = 6
CELL = 300
_TEXTS = ("text", "content", "body", "message", "sentence", "document", "review", "comment", "description")
_NO_TEXT = re.compile(r"[\d\s.:,+TZ-]*")
_IDS = ("id", "external_id", "doc_id", "document_id", "uuid", "key")


@dataclass(frozen=True)
class Preview:
    """``names`` are columns or fields; ``rows`` their first values; ``problems`` what would be refused of the first
    ``read`` rows, and ``told`` counts them by reason. ``whole``: these are all. ``fault``: why the file cannot be read
    so at all. ``asks``: how many rows seem to have labels that are not read, and wait for somebody to say what becomes
    of them. ``grounds``: what the guess of the encoding is made from, where that is not Unicode's."""

    options: Options
    names: list[str] = field(default_factory=list)
    delimiter: str = ""
    rows: list[list[str]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    read: int = 0
    problems: list[Detail] = field(default_factory=list)
    whole: bool = True
    fault: str = ""
    told: Tally = field(default_factory=Tally)
    asks: int = 0
    grounds: encodings.Guess | None = None

    @property
    def good(self) -> int:
        return self.read - len(self.problems)


def preview(project: Project, path: Path, options: Options, *, user: User) -> Preview:
    """Read the file's beginning with these options. A file that is none of its format has a ``fault``."""
    with path.open("rb") as file:
        data = file.read(READ_BYTES + 1)
    whole = len(data) <= READ_BYTES
    if not whole:
        end = max(data.rfind(b"\n", 0, READ_BYTES), data.rfind(b"\r", 0, READ_BYTES)) + 1
        data = data[: end or READ_BYTES]
    unsure = options.encoding not in (encodings.UTF_8, encodings.UTF_16)
    grounds = encodings.grounds(data, options.encoding) if unsure else None
    try:
        names, delimiter, rows = _sample(data, options)
        found = list(islice(load.read(io.BytesIO(data), options), READ_ROWS))
    except Invalid as error:
        names, delimiter, rows = _sample_of_faulty(data, options)
        return Preview(options, names, delimiter, rows, whole=whole, fault=error.message, grounds=grounds)
    if not whole and found and isinstance(found[-1], Refused):
        found.pop()  # cut where reading ended
    labels = sorted({part for row in found if not isinstance(row, Refused) and row.answer for part in row.answer})
    stored = judged(project, found, user=user)
    return Preview(
        options,
        names,
        delimiter,
        rows,
        labels,
        len(found),
        problems=[row.detail() for row in stored.refused],
        whole=whole and len(found) < READ_ROWS,
        told=stored.told,
        asks=sum(row.code == UNREAD for row in stored.refused),
        grounds=grounds,
    )


def guess(path: Path, options: Options, given: Mapping[str, Any]) -> Options:
    """Options for a file that nobody has looked at yet: its encoding, and the columns for text and id, most likely."""
    with path.open("rb") as file:
        data = file.read(READ_BYTES)
    if not given.get("encoding"):
        options = replace(options, encoding=encodings.guess(data, whole=len(data) < READ_BYTES))
    names, _, rows = _sample_of_faulty(data, options)
    if not names:
        return options
    columns = dict(zip(names, zip(*rows, strict=False), strict=False)) if rows else {}
    texts = [name for name in columns if _may_be_text(name, columns[name])]
    # A text that lies deeper than in the row itself is not read, which the reading says; nothing else is the text then.
    deeper = any(cell.startswith("{") and '"text":' in cell for cells in columns.values() for cell in cells)
    otherwise = "text" if options.format == "jsonl" and columns else names[0]
    longest = max([] if deeper else texts, key=lambda name: sum(map(len, columns[name])), default=otherwise)
    text = next((name for known in _TEXTS for name in names if name.casefold() == known), longest)
    identity = next((name for known in _IDS for name in names if name.casefold() == known), "id")
    return replace(
        options,
        text_column=given.get("text_column") or (options.text_column if storable_fault(text) else text),
        id_column=given.get("id_column") or identity,
    )


def _may_be_text(name: str, cells: Sequence[str]) -> bool:
    """Not what holds labels, lists, objects, numbers or times."""
    if not name or foreign.is_telling(name) or storable_fault(name):
        return False
    return not all(cell[:1] in ("[", "{") or _NO_TEXT.fullmatch(cell) for cell in cells)


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
    file = io.BytesIO(data)
    if options.format == "txt":
        found = islice(lines(file, options.encoding, cr=not has_line_feed(file, options.encoding)), SHOWN_ROWS)
        texts = [line if isinstance(line, Refused) else decode(line) for line in found]
        return [], "", [[text.rstrip("\r\n")[:CELL]] for text in texts if isinstance(text, str) and text.strip()]
    shown = islice(jsonl.records(file, options.encoding), SHOWN_ROWS)
    objects = [raw for line in shown if not isinstance(line, Refused) and isinstance(raw := jsonl.loaded(line), dict)]
    names = list(dict.fromkeys(name for one in objects for name in one))[: csv.MAX_COLUMNS]
    return names, "", [[_cell(one.get(name)) for name in names] for one in objects]


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return (value or "")[:CELL]
    try:
        return orjson.dumps(value).decode()[:CELL]
    except TypeError:  # nested deeper than it writes; the row is refused for that
        return "…"


def mappable(found: Preview) -> list[str]:
    """The columns or fields whose place somebody may choose: not those that hold labels by their names."""
    labels = {*jsonl.ANSWER, "complete", "meta"} if found.options.format == "jsonl" else set()
    return [name for name in found.names if name and name not in labels and name not in ADDED]
