"""The commands' door into a tenant's scope, and their one way of refusing: a clear line and exit code 1."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from annotator import migrated
from annotator.accounts import Tenant
from annotator.errors import Refusal
from annotator.tenancy import tenant_scope


class PlainCommand(BaseCommand):
    """A command whose refusals become one line (and one for each detail), never a traceback."""

    requires_system_checks: list[str] = []  # type: ignore[assignment]

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            migrated.refuse_newer(settings.DATABASE_URL, settings.INSTALLED_APPS)
            return super().execute(*args, **options)
        except migrated.NewerDatabase as newer:
            raise CommandError(str(newer)) from newer
        except Refusal as refusal:
            raise CommandError(_told(refusal)) from refusal
        except ValidationError as error:
            raise CommandError(_listed(error)) from error
        except OperationalError as error:
            first_line = str(error).strip().partition("\n")[0]
            raise CommandError(f"The database does not answer: {first_line}") from error


class TenantCommand(PlainCommand):
    """A command for one tenant: its first argument is the slug, and it runs in that tenant's scope."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")

    def handle(self, *_args: Any, **options: Any) -> str | None:
        slug = options.pop("tenant")
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {slug!r}. `manage.py tenant {slug}` makes it.")
        with tenant_scope(tenant):
            return self.handle_tenant(tenant, **options)

    def handle_tenant(self, tenant: Tenant, **options: Any) -> str | None:
        """Do the work; what is returned is printed."""
        raise NotImplementedError


def _listed(error: ValidationError) -> str:
    fields = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    return " ".join(f"{name}: {message}" if name else message for name, told in fields.items() for message in told)


def _told(refusal: Refusal) -> str:
    """The sentence, and below it the details that it does not tell by itself."""
    details = [
        ": ".join(
            part
            for part in (
                f"line {detail['line']}" if "line" in detail else "",
                detail.get("field", ""),
                detail.get("reason", ""),
            )
            if part
        )
        for detail in refusal.details
    ]
    return "\n  ".join([refusal.message, *(detail for detail in details if detail not in refusal.message)])
