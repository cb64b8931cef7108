"""Django's migrate, run by the tables' owner: the application's own role may only read and write rows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from annotator import migrated
from web.roles import APP_ROLE, ensure_app_role


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        try:
            migrated.refuse_newer(settings.DATABASE_URL, settings.INSTALLED_APPS)
        except migrated.NewerDatabase as problem:
            raise CommandError(str(problem)) from problem
        connection = connections[options["database"]]
        role = connection.settings_dict["OPTIONS"].pop("assume_role", None)
        ensure_app_role(settings.DATABASE_URL, role or APP_ROLE)
        if role is None:
            return super().handle(*args, **options)
        connection.close()  # one that is open has assumed the role already
        try:
            return super().handle(*args, **options)
        finally:
            connection.close()
            connection.settings_dict["OPTIONS"]["assume_role"] = role
