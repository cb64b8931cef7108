"""Start a training run by hand, and follow it if asked to."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotator.accounts import Tenant
from annotator.management.base import TenantCommand
from annotator.management.projects import project_named
from annotator.tenancy import tenant_scope
from trainer import pulse, runs
from trainer.models import TrainingRun

LOOK_SECONDS = 0.3


class Command(TenantCommand):
    help = "Train a project's model now. With --wait its log is shown until it is over; exit code 1 if it fails."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project", help="the project's name or number")
        parser.add_argument("--wait", action="store_true", help="follow the run until it is over")

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        # Outside the scope that queued it: a run is not to be seen by workers before that is committed.
        if options["wait"]:
            self.follow(Tenant.objects.get(slug=options["tenant"]))

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        self.run = runs.start(project_named(options["project"]), actor=None)
        self.stdout.write(f"Run {self.run.pk} of {tenant.slug} is queued.")

    def follow(self, tenant: Tenant) -> None:
        """Show the run's log as it grows. Raises CommandError with the reason if the run does not succeed."""
        if not pulse.workers()["train"]:
            raise CommandError("No train worker is running; the run waits for one.")
        shown = 0
        while True:
            with tenant_scope(tenant):
                run = TrainingRun.objects.get(pk=self.run.pk)
            self.stdout.write(run.log[shown:], ending="")
            self.stdout.flush()
            shown = len(run.log)
            if run.state not in TrainingRun.ACTIVE:
                break
            time.sleep(LOOK_SECONDS)
        if run.state != TrainingRun.State.SUCCEEDED:
            raise CommandError(f"Run {run.pk} {run.state}: {run.reason}")
