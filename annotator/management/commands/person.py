"""Make somebody a member of a tenant."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotator import people
from annotator.accounts import Role, Tenant, User
from annotator.management.base import TenantCommand


class Command(TenantCommand):
    help = "Give somebody a role in a tenant; the person is made if need be. Asks for a new person's password."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--email", default="", help="of a new person")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--no-password", action="store_true", help="a new person signs in by `loginlink` alone")
        how.add_argument("--password-stdin", action="store_true", help="read a new person's password from stdin")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> str:
        username = options["username"]
        known = User.objects.filter(username=username).exists()
        _, changed = people.add_member(
            username, options["role"], email=options["email"], password=None if known else _password(options)
        )
        if not changed:
            return f"{username} is already there: {options['role']} of {tenant.slug}."
        return f"{username} is {options['role']} of {tenant.slug} now{'' if known else ' (a new person)'}."


def _password(options: dict[str, Any]) -> str | None:
    if options["no_password"]:
        return None
    if options["password_stdin"]:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandError("No terminal to ask for a password: give --password-stdin or --no-password.")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        raise CommandError("The two passwords differ.")
    return first
