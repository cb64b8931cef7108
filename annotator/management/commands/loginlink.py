"""Print a link that signs somebody in once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotator import people
from annotator.accounts import User
from annotator.management.base import PlainCommand


class Command(PlainCommand):
    help = "Print the path of a page that signs somebody in, once, within an hour."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--tenant", help="only if the person is a member of this tenant")

    def handle(self, *_args: Any, **options: Any) -> str:
        people_of = User.objects.filter(username=options["username"], is_active=True)
        if options["tenant"]:
            people_of = people_of.filter(memberships__tenant__slug=options["tenant"])
        user = people_of.first()
        if user is None:
            where = f" in {options['tenant']}" if options["tenant"] else ""
            raise CommandError(f"There is nobody named {options['username']!r}{where}.")
        return people.login_path(user)
