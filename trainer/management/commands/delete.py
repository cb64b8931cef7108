"""Delete a document, what an import brought, a project, or the whole tenant, for good."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotator import removal
from annotator.accounts import Tenant
from annotator.management.base import TenantCommand
from annotator.management.projects import project_named
from annotator.models import Document, Job, Project
from annotator.removal import Target
from annotator.said import counted
from trainer import removal as whole


class Command(TenantCommand):
    help = (
        "Delete for good: `document` by its number, the documents that an `import` brought by the job's number, a "
        "`project` by its name or number, or the whole `tenant` by its slug. Says what goes, and does it with --yes; "
        "begin it again if it was interrupted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=("document", "import", "project", "tenant"))
        parser.add_argument("which", help="a number; of a project its name, too")
        parser.add_argument("--yes", action="store_true", help="do it; otherwise it is only said what goes")

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        # Outside the scope: a deletion is many transactions, and what is gone stays gone if it is interrupted.
        if options["yes"]:
            tenant = Tenant.objects.get(slug=options["tenant"])
            os.umask(0o077)  # what is written anew is the install's user's alone
            if self.target is None:
                whole.delete_tenant(tenant)
            else:
                whole.delete(tenant, self.target)
            self.stdout.write("Deleted.")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        self.target: Target | None = None
        if options["what"] == "tenant":
            self._tell_tenant(tenant, options["which"])
        else:
            self._tell(options)
        if not options["yes"]:
            self.stdout.write("Nothing is deleted yet: say --yes.")

    def _tell_tenant(self, tenant: Tenant, slug: str) -> None:
        if slug != tenant.slug:
            raise CommandError(
                f"To delete the tenant {tenant.slug}, say its name twice: {tenant.slug} tenant {tenant.slug}."
            )
        self.stdout.write(
            f"{counted(Project.objects.count(), 'project')} with {counted(Document.objects.count(), 'document')}"
            f" and all their answers, {counted(tenant.memberships.count(), 'membership')}, tokens, invitations and the"
            " record. Accounts of people stay."
        )

    def _tell(self, options: dict[str, Any]) -> None:
        self.target = _target(options["what"], options["which"])
        told = removal.foreseen(self.target)
        models = whole.foreseen(self.target)
        self.stdout.write(
            f"{counted(told.documents, 'document')}, {counted(told.answers, 'answer')}"
            f" by {counted(told.people, 'person', 'people')}, {counted(told.drafts, 'draft')},"
            f" {counted(told.revisions, 'revision')}, {counted(told.suggestions, 'suggestion')},"
            f" {counted(told.files, 'file')} of exports and refused rows."
        )
        if self.target.what == "project":
            self.stdout.write(
                f"{counted(told.labels, 'label')}, {counted(models.runs, 'run')},"
                f" {counted(models.versions, 'version')} of the model."
            )
        elif models.versions:
            self.stdout.write(
                "Versions of the model stay: they hold numbers, no text. The next is trained without these."
            )
        if options["yes"]:
            removal.require_known(self.target)
            removal.record(self.target, actor=None)


def _target(what: str, which: str) -> Target:
    if what == "project":
        return Target.of(project_named(which))
    if not which.isdecimal():
        raise CommandError(f"{which!r} is not the number of a {what}.")
    found = (Document if what == "document" else Job).objects.filter(pk=int(which)).first()
    target = Target.of(found) if found else removal.interrupted(int(which)) if what == "document" else None
    if target is None:
        raise CommandError(f"There is no {what} {which}.")
    return target
