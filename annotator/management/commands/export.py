"""Export a project's documents and answers."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandError, CommandParser

from annotator.exporting import jsonl
from annotator.management.base import TenantCommand
from annotator.management.projects import project_named
from annotator.models import Tenant
from annotator.offsets import UNITS
from annotator.said import counted

ANSWERS = (
    "of a document that several people answered. majority (default): what most of them say, the rest is disputed; "
    "latest: the last answer, whoever gave it; each: all, with their annotators"
)


class Command(TenantCommand):
    help = "Export a project. With --output also its sha256, in a file beside it for `sha256sum --check`."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project", help="the project's name or number")
        parser.add_argument("--output", type=Path, help="standard output otherwise")
        parser.add_argument("--format", choices=jsonl.FORMATS)
        parser.add_argument("--documents", choices=jsonl.ANSWERED + jsonl.OTHERS)
        parser.add_argument("--label", help="only documents with this one: span:PERSON, choice:topic=praise")
        parser.add_argument("--answers", choices=jsonl.ANSWERS, help=ANSWERS)
        parser.add_argument("--offsets", choices=UNITS)
        parser.add_argument("--comments", choices=jsonl.COMMENTS, help="of CoNLL: all names documents, in comments")
        parser.add_argument(
            "--incomplete", choices=jsonl.INCOMPLETE, help="of CoNLL: documents without a complete answer"
        )
        parser.add_argument("--cells", choices=jsonl.CELLS, help="of CSV: safe in spreadsheets, or as they are")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        how = jsonl.Options.parse({field.name: options[field.name] for field in fields(jsonl.Options)})
        export = jsonl.Export(tenant, project_named(options["project"]).pk, how)
        path = options["output"]
        if path is None:
            _write(export, sys.stdout.buffer)
            self._tell(export)
            return
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file:
                _write(export, file)
            part.rename(path)
            path.with_name(path.name + ".sha256").write_text(f"{export.sha256}  {path.name}\n")
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror or error}.") from error
        self.stdout.write(f"{counted(export.report.written, 'line')}, sha256 {export.sha256}")
        self._tell(export)

    def _tell(self, export: jsonl.Export) -> None:
        """What is not in the file, to standard error: the file itself may go to standard output."""
        for sentence in export.report.told():
            self.stderr.write(sentence)


def _write(export: jsonl.Export, file: BinaryIO) -> None:
    for data in export:
        file.write(data)
    file.flush()
