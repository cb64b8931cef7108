"""``manage.py preflight``: whether this version can run with these settings, before anything is stopped."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from web import preflight


class Command(BaseCommand):
    help = "See that settings, database, Redis and migrations fit this version. Changes nothing."
    requires_system_checks: list[str] = []  # type: ignore[assignment]  # they are among the questions

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wait", type=float, default=0, help="seconds that servers may take to start")

    def handle(self, *_args: Any, **options: Any) -> str:
        preflight.wait_for_servers(options["wait"])
        if found := list(preflight.problems()):
            raise CommandError("\n".join(["This version cannot run here:", *(f"  {one}" for one in found)]))
        return preflight.ready()
