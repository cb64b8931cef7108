"""Make a project from its JSON form."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotator import projects
from annotator.accounts import Tenant
from annotator.management.base import TenantCommand


class Command(TenantCommand):
    help = "Make a project and its label set from JSON (docs/api.md describes the form) and print its number."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", help="a JSON file, or - for standard input")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> str:
        project = projects.create_project(_read(options["file"]), actor=None)
        self.stderr.write(f"Project {project.name!r} of {tenant.slug} made.")
        return str(project.pk)


def _read(file: str) -> dict[str, Any]:
    try:
        spec = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text("utf-8"))
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8 (byte {error.start}).") from error
    except json.JSONDecodeError as error:
        raise CommandError(f"{file}, line {error.lineno}: {error.msg}.") from error
    if not isinstance(spec, dict):
        raise CommandError(f"{file} must hold one JSON object.")
    return spec
