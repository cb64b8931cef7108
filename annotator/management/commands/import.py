"""Import a file into a project, at once, row errors told as they are met."""

# ruff: noqa: N999 (the command is called import)

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandError, CommandParser

from annotator.importing import load, refused
from annotator.importing.at_once import import_at_once
from annotator.importing.encodings import ENCODINGS
from annotator.importing.options import FORMATS, REFUSE, UNLABELLED, Options
from annotator.importing.store import Stored
from annotator.management.base import TenantCommand
from annotator.management.projects import project_named
from annotator.models import Job, Membership, Project, Tenant, User
from annotator.said import counted

SHOWN_REASONS = 50


class Command(TenantCommand):
    help = "Import a JSONL, CSV or TXT file. Good rows go in and the others are told; with --strict all or none."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project", help="the project's name or number")
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=FORMATS, help="told by the file's name otherwise")
        parser.add_argument("--encoding", help=f"what the file is in (utf-8): one of {', '.join(ENCODINGS)}")
        parser.add_argument("--strict", action="store_true", help="import nothing if any row is refused")
        parser.add_argument("--whole", action="store_true", help="a TXT file is one document, not one a line")
        parser.add_argument("--text-column", help="where the text is (text)")
        parser.add_argument("--id-column", help="where the external id is (id)")
        parser.add_argument("--leave-out", action="append", metavar="COLUMN", help="a column that is not kept")
        parser.add_argument("--classes", action="append", metavar="COLUMN=QUESTION", help="a column that holds choices")
        parser.add_argument("--no-labels", action="store_false", dest="labels", help="leave out labels that come along")
        parser.add_argument(
            "--unread-labels",
            choices=(UNLABELLED, REFUSE),
            help="what becomes of rows that say “nothing here” though labels seem to lie in a field that is not read",
        )
        parser.add_argument("--refused", type=Path, help="a file for refused rows, to be mended and imported again")
        parser.add_argument(
            "--user", help="who imports: labels in the file become their annotations, and the import can be undone"
        )

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        project = project_named(options["project"])
        how = Options.parse({field.name: options[field.name] for field in fields(Options)}, options["file"].name)
        user = _member(tenant, options["user"])
        try:
            keep = _Keep(options["refused"], options["file"], how)
            with options["file"].open("rb") as file:
                report, job = _imported(project, file, how, user, keep)
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be used: {error.strerror or error}.") from error
        except load.RowsRefused as error:
            self._tell(error.report)
            raise CommandError(error.message) from error
        self._tell(report)
        self.stdout.write(f"{report.new:,} new, {report.known:,} known, {report.refused:,} refused.")
        if job is not None:
            self.stdout.write(f"It is job {job.pk}: `manage.py delete {tenant.slug} import {job.pk}` undoes it.")

    def _tell(self, report: load.Report) -> None:
        """Each reason once, in the order of the file; then what is to be known of the rows that went in."""
        reasons = sorted(report.told.reasons(), key=lambda told: told["lines"])
        for told in reasons[:SHOWN_REASONS]:
            self.stderr.write(
                f"{_where(told, report)}, {told['field']}: {told['reason']}{' (or similar)' * told['varied']}"
            )
        if len(reasons) > SHOWN_REASONS:
            self.stderr.write(f"… and {counted(len(reasons) - SHOWN_REASONS, 'more reason')}")
        for told in report.told.notes():
            self.stderr.write(f"{_where(told, report)}: {told['message']}")


def _imported(
    project: Project, file: BinaryIO, how: Options, user: User | None, keep: _Keep
) -> tuple[load.Report, Job | None]:
    """As a job, which is always somebody's; in nobody's name without one."""
    if user is None:
        return load.load(project, file, how, watch=keep), None
    return import_at_once(project, file, how, user=user, filename=Path(file.name).name, watch=keep)


def _where(told: dict[str, Any], report: load.Report) -> str:
    """The lines that something is told of: the first of them, and how many there are."""
    lines, rows = ", ".join(map(str, told["lines"])), told["rows"]
    what = "item" if report.told.by_item else "line"
    return f"{what} {lines}" if rows == 1 else f"{rows:,} rows ({what}s {lines}{', …' * (rows > len(told['lines']))})"


class _Keep:
    """Writes the refused rows of batch after batch to a file, if one is wanted."""

    def __init__(self, path: Path | None, source: Path, options: Options) -> None:
        self._path, self._source, self._options = path, source, options
        self._size = 0

    def __call__(self, stored: Stored) -> None:
        if self._path is not None:
            told = refused.rows(self._source, self._options, stored.refused, self._size)
            refused.write(self._path, self._size, told)
            self._size += len(told)


def _member(tenant: Tenant, username: str | None) -> User | None:
    if username is None:
        return None
    member = Membership.objects.filter(tenant=tenant, user__username=username).select_related("user").first()
    if member is None:
        raise CommandError(f"{username} is no member of {tenant.slug}.")
    return member.user
