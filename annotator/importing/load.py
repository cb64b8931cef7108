"""From an open file to stored rows: the readers by format, the batches, and an import in one go."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from django.db import transaction

from annotator.errors import Detail, Invalid
from annotator.importing import csv as tables
from annotator.importing import jsonl, txt
from annotator.importing.options import Options
from annotator.importing.rows import Refused, Row
from annotator.importing.store import Stored, store_rows
from annotator.importing.told import Tally
from annotator.models import Job, Project, User
from annotator.said import counted

Reader = Callable[[BinaryIO, Options], Iterator[Row | Refused]]
READERS: dict[str, Reader] = {"jsonl": jsonl.read, "csv": tables.read, "txt": txt.read}

# A batch is one statement and one commit: large enough to be fast, small enough to be held in memory.
BATCH_ROWS = 1_000
BATCH_BYTES = 4 * 1024 * 1024
KEPT_ERRORS = 1_000


@dataclass
class Report:
    """What became of a file's rows; of the refusals the first thousand are kept."""

    rows: int = 0
    new: int = 0
    known: int = 0
    refused: int = 0
    errors: list[Detail] = field(default_factory=list)
    told: Tally = field(default_factory=Tally)

    def add(self, stored: Stored) -> None:
        self.rows += stored.new + stored.known + len(stored.refused)
        self.new += stored.new
        self.known += stored.known
        self.refused += len(stored.refused)
        self.errors += [row.detail() for row in stored.refused[: KEPT_ERRORS - len(self.errors)]]
        self.told.add(stored.told)


class RowsRefused(Invalid):
    """A strict import met rows that cannot go in, so none did."""

    def __init__(self, report: Report) -> None:
        were = "was" if report.refused == 1 else "were"
        what = f"{report.refused:,} of {counted(report.rows, 'row')} {were} refused, so none went in."
        super().__init__("rows_refused", what, report.told.details())
        self.report = report


def read(file: BinaryIO, options: Options) -> Iterator[Row | Refused]:
    """The file's rows and refusals in order, one in memory at a time. Raises Invalid if it is no such file.

    A file may hold anything: what a reader stumbles over is the file's fault, too, and is told as that.
    """
    line = 0
    try:
        for row in READERS[options.format](file, options):
            yield row
            line = row.line
    except (csv.Error, ValueError, LookupError, RecursionError) as error:
        what = (
            f"The file cannot be read as {options.format.upper()} beyond line {line}: {error or type(error).__name__}."
        )
        raise Invalid("unreadable_file", what, [{"line": line, "field": "row", "reason": str(error)}]) from error


def batches(rows: Iterator[Row | Refused], start: int = 0) -> Iterator[list[Row | Refused]]:
    """The rows in lists that are short in rows and in bytes; ``start`` is the byte at which the first begins."""
    batch: list[Row | Refused] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= BATCH_ROWS or row.end - start >= BATCH_BYTES:
            yield batch
            batch, start = [], row.end
    if batch:
        yield batch


def load(
    project: Project,
    file: BinaryIO,
    options: Options,
    *,
    user: User | None = None,
    job: Job | None = None,
    watch: Callable[[Stored], None] = lambda _: None,
) -> Report:
    """Import a file in the transaction at hand. Strict: raises RowsRefused if any row is, and nothing goes in.

    ``watch`` is told of each batch; what it raises takes the import back.
    """
    report = Report()
    with transaction.atomic():
        for batch in batches(read(file, options)):
            stored = store_rows(project, batch, user=user, job=job)
            watch(stored)
            report.add(stored)
        if options.strict and report.refused:
            raise RowsRefused(report)
    return report
