"""Import a file into a project, at once, row errors told as they are met."""

# ruff: noqa: N999 (the command is called import)

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotator.errors import Detail
from annotator.importing import load
from annotator.importing.options import FORMATS, Options
from annotator.management.base import TenantCommand
from annotator.management.projects import project_named
from annotator.models import Membership, Tenant, User

SHOWN_ERRORS = 50


class Command(TenantCommand):
    help = "Import a JSONL, CSV or TXT file. Good rows go in and the others are told; with --strict all or none."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project", help="the project's name or number")
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=FORMATS, help="told by the file's name otherwise")
        parser.add_argument("--strict", action="store_true", help="import nothing if any row is refused")
        parser.add_argument("--whole", action="store_true", help="a TXT file is one document, not one a line")
        parser.add_argument("--text-column", help="where the text is (text)")
        parser.add_argument("--id-column", help="where the external id is (id)")
        parser.add_argument("--user", help="whose annotations the labels in the file become")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        project = project_named(options["project"])
        names = ("format", "strict", "whole", "text_column", "id_column")
        how = Options.parse({name: options[name] for name in names}, options["file"].name)
        user = _member(tenant, options["user"])
        try:
            with options["file"].open("rb") as file:
                report = load.load(project, file, how, user=user)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror or error}.") from error
        except load.RowsRefused as error:
            self._tell(error.report.errors, error.report.refused)
            raise CommandError(error.message) from error
        self._tell(report.errors, report.refused)
        self.stdout.write(f"{report.new:,} new, {report.known:,} known, {report.refused:,} refused.")

    def _tell(self, errors: list[Detail], refused: int) -> None:
        for error in errors[:SHOWN_ERRORS]:
            self.stderr.write(f"line {error['line']}, {error['field']}: {error['reason']}")
        if refused > SHOWN_ERRORS:
            self.stderr.write(f"… and {refused - SHOWN_ERRORS:,} more")


def _member(tenant: Tenant, username: str | None) -> User | None:
    if username is None:
        return None
    member = Membership.objects.filter(tenant=tenant, user__username=username).select_related("user").first()
    if member is None:
        raise CommandError(f"{username} is no member of {tenant.slug}.")
    return member.user
