"""Make a tenant."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from annotator import people
from annotator.management.base import PlainCommand


class Command(PlainCommand):
    help = "Make a tenant; one that is there already is left as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="its name in addresses: lower-case letters, digits, hyphens")
        parser.add_argument("--name", default="", help="its name for people (default: the slug)")

    def handle(self, *_args: Any, **options: Any) -> str:
        tenant, made = people.add_tenant(options["slug"], options["name"])
        return f"Tenant {tenant.slug} ({tenant.name}) {'made' if made else 'is already there'}."
