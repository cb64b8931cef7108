"""The file of an import's refused rows that lies beside its upload: as they came, to be mended and imported again.

Each says its line and why it was refused, in two columns or fields that an import leaves out. JSON lines stay that,
CSV keeps its columns, and lines of text become CSV. It is in UTF-8, whatever the upload was in.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from annotator.importing import csv as tables
from annotator.importing import encodings
from annotator.importing.lines import MAX_LINE
from annotator.importing.options import ADDED, ERROR, LINE, ROW, Options
from annotator.importing.rows import Refused

MOST_BYTES = 100 * 1024 * 1024
_BOM = "\ufeff"  # the mark by which spreadsheets know UTF-8
_ADDED_BEFORE = re.compile(r'\A\{\s*"_line":\s*\d+,\s*"_error":\s*"(?:[^"\\]|\\.)*",?\s*')


def path_of(upload: str) -> Path:
    return Path(upload + ".refused")


def suffix(options: Options) -> str:
    """What kind of file it is."""
    return "jsonl" if options.format == "jsonl" else "csv"


def rows(upload: Path, options: Options, refusals: Sequence[Refused], at: int) -> bytes:
    """What these refusals add to a file of ``at`` bytes; nothing where it is full."""
    if not refusals or at >= MOST_BYTES:
        return b""
    with upload.open("rb") as file:
        codec, _ = encodings.begin(file.read(encodings.LOOKED_AT), options.encoding)
        pairs = [(one, _row(file, one, codec)) for one in refusals]
        if options.format == "jsonl":
            return "".join(_object(one, row) for one, row in pairs).encode()
        names, delimiter = _columns(file, options)
    kept = [i for i, name in enumerate(names) if name not in ADDED]
    told = io.StringIO()
    writer = csv.writer(told, delimiter=delimiter)
    if not at:
        told.write(_BOM)
        writer.writerow([LINE, ERROR, *(names[i] for i in kept)])
    for one, row in pairs:
        fields = _fields(row, delimiter) if options.format == "csv" else [row]
        whole = [fields[i] for i in kept] + fields[len(names) :] if len(fields) >= len(names) else fields
        writer.writerow([one.line, _reason(one), *whole])
    return told.getvalue().encode(errors="replace")


def write(path: Path, at: int, data: bytes) -> None:
    """Put this behind the first ``at`` bytes, which are those that count: what a killed worker left there goes."""
    if not data:
        return
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(at)
        file.seek(at)
        file.write(data)


def _row(file: BinaryIO, one: Refused, codec: str) -> str:
    """As it is in the upload, without its line end; what is longer than any row may be is left out."""
    if one.end - one.begin > MAX_LINE:
        return ""
    file.seek(one.begin)
    data = file.read(one.end - one.begin)
    try:
        text = encodings.decoded(data, codec)
    except UnicodeDecodeError:
        text = data.decode(codec, errors="replace")
    return text.rstrip("\r\n").removeprefix(_BOM)


def _columns(file: BinaryIO, options: Options) -> tuple[list[str], str]:
    file.seek(0)
    return tables.header(file, options) if options.format == "csv" else ([options.text_column], ",")


def _fields(row: str, delimiter: str) -> list[str]:
    """The fields of a record, or it as one field, so that a quote that is not closed costs no other row."""
    try:
        records = list(csv.reader(io.StringIO(row, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return [row]
    return records[0] if len(records) == 1 else [row]


def _object(one: Refused, row: str) -> str:
    """The line with two fields more at its beginning, otherwise letter for letter what it was."""
    added: dict[str, Any] = {LINE: one.line, ERROR: _reason(one)}
    row = row.strip().replace("\r", " ").replace("\n", " ")  # no string of JSON has a line end in it
    if not row.startswith("{"):
        return orjson.dumps(added | {ROW: row}).decode() + "\n"
    rest = _ADDED_BEFORE.sub("{", row)[1:].lstrip()
    return orjson.dumps(added).decode()[:-1] + ("" if rest.startswith("}") else ",") + rest + "\n"


def _reason(one: Refused) -> str:
    told = one.detail()
    return told["reason"] if one.field == "row" else f"{told['field']}: {told['reason']}"
