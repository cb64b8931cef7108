"""Make a model version live, be it newer or older than the one that is."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotator.accounts import Tenant
from annotator.management.base import TenantCommand
from annotator.management.projects import project_named
from trainer import runs
from trainer.models import ModelVersion


class Command(TenantCommand):
    help = "Make a model version of a project live: people see its suggestions from now on."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project", help="the project's name or number")
        parser.add_argument("number", type=int, help="the version's number")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> str:
        project = project_named(options["project"])
        versions = ModelVersion.objects.filter(project=project)
        version = versions.filter(number=options["number"]).first()
        if version is None:
            known = ", ".join(map(str, versions.order_by("number").values_list("number", flat=True)))
            raise CommandError(
                f"{project} of {tenant.slug} has no version {options['number']}; it has {known or 'none'}."
            )
        if version.live:
            return f"Version {version.number} of {project} is live already."
        runs.promote(version, actor=None)
        return f"Version {version.number} of {project} is live."
