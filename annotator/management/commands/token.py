"""Make a bearer token for the API."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotator import tokens
from annotator.accounts import Role, Tenant, User
from annotator.management.base import TenantCommand


class Command(TenantCommand):
    help = "Make an API token of somebody and print its secret, which cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values, help="at most the person's own role, the default")
        parser.add_argument("--name", default="command line", help="what it is for")
        parser.add_argument("--days", type=int, default=90, help="until it expires (default: 90)")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> str:
        user = User.objects.filter(username=options["username"], memberships__tenant=tenant).first()
        if user is None:
            raise CommandError(f"{options['username']} is no member of {tenant.slug}.")
        token, secret = tokens.issue(user, role=options["role"], name=options["name"], days=options["days"])
        self.stderr.write(
            f"Token {token.name!r} of {user.username}: {token.role} until {token.expires_at:%Y-%m-%d}. "
            "Keep it now; it is not shown again."
        )
        return secret
