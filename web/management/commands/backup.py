"""``manage.py backup FILE``: database and models as they are at this moment, while people go on."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psycopg2
from django.core.management.base import CommandError, CommandParser

from annotator.management.base import PlainCommand
from web import backup
from web.archive import BackupProblem


class Command(PlainCommand):
    help = "Write a backup: database, models and open uploads at one moment. Everything may go on meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", help="the file to write, a directory to put a dated one into, or - for a pipe")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["target"] == "-":
                self._tell(backup.write(sys.stdout.buffer), "")
            else:
                self._to_file(_file(Path(options["target"])))
        except BackupProblem as problem:
            raise CommandError(str(problem)) from problem
        except psycopg2.Error as error:
            raise CommandError(f"The database cannot be read: {str(error).strip().splitlines()[0]}") from error
        except OSError as error:
            raise CommandError(f"The backup cannot be written: {error.strerror or error}.") from error

    def _to_file(self, path: Path) -> None:
        """The file has its name when all of it is on the disk."""
        if path.exists():
            raise CommandError(f"{path} is there already, and stays as it is.")
        part = path.with_name(path.name + ".part")
        try:
            with _private(part) as file:
                report = backup.write(file)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
        self._tell(report, str(path))

    def _tell(self, report: backup.Report, where: str) -> None:
        """On standard error, as the backup itself may go through standard output."""
        if where:
            self.stdout.write(where)
        self.stderr.write(f"{sum(report.rows.values())} rows and {len(report.files)} files.", self.style.SUCCESS)
        self.stderr.write("Keep .env or DATA_DIR/secret_key as well: no secret is in it.", self.style.SUCCESS)
        for name in report.missing:
            self.stderr.write(f"Not there, and so not in it: {name}")


def _file(target: Path) -> Path:
    if target.is_dir():
        return target / f"marginalia-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"
    return target


def _private(path: Path) -> IO[bytes]:
    """It holds everybody's texts: only its owner may read it."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
