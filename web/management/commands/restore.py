"""``manage.py restore FILE``: an install from a backup, whole or not at all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import psycopg2
from django.core.management.base import CommandError, CommandParser
from django.db import Error

from annotator.management.base import PlainCommand
from web import restore
from web.archive import BackupProblem
from web.roles import RoleProblem


class Command(PlainCommand):
    help = "Make an install from a backup: into an empty database, or with --replace in place of all that is there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="the backup, or - for a pipe")
        parser.add_argument("--replace", action="store_true", help="everything in the database now is deleted")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            report = self._read(options["source"], replace=options["replace"])
        except (BackupProblem, RoleProblem) as problem:
            raise CommandError(f"{problem} Nothing was changed.") from problem
        except (Error, psycopg2.Error) as error:
            raise CommandError(f"Nothing was changed. {str(error).strip().splitlines()[0]}") from error
        except OSError as error:
            raise CommandError(f"Nothing was changed. {error.strerror or error}: {error.filename or ''}") from error
        self.stdout.write(
            f"Restored what was there at {report.made_at}: {report.rows} rows, {report.files} files"
            f"{f'; {report.migrations} migrations run' if report.migrations else ''}."
        )
        self.stdout.write("Everybody signs in anew.")
        if not report.same_key:
            self.stdout.write("SECRET_KEY is not the one of before: links that were sent out no longer work.")
        if report.set_aside:
            self.stdout.write(f"The models that were here lie in {report.set_aside}; delete them when all is well.")

    def _read(self, source: str, *, replace: bool) -> restore.Report:
        if source == "-":
            return restore.read(sys.stdin.buffer, replace=replace)
        with Path(source).open("rb") as file:
            return restore.read(file, replace=replace)
