"""The demo tenant: one person, one project and its mails, still without a single label."""

from __future__ import annotations

from itertools import islice

from django.db import transaction

from annotator import people
from annotator.accounts import Role, Tenant
from annotator.demo.mails import mails
from annotator.demo.project import PROJECT
from annotator.importing.store import Row, store_rows
from annotator.projects import create_project
from annotator.tenancy import tenant_scope

TENANT = "demo"
PERSON = "demo"
MAILS = 3_000
BATCH = 1_000


def set_up() -> bool:
    """Make the demo tenant with all that is in it; False, changing nothing, if there is one already."""
    if Tenant.objects.filter(slug=TENANT).exists():
        return False
    with transaction.atomic():
        tenant, _ = people.add_tenant(TENANT, "Demo")
        with tenant_scope(tenant):
            member, _ = people.add_member(PERSON, Role.ADMIN)
            project = create_project(PROJECT, actor=member.user)
            rows = (
                Row(line=i, external_id=mail["id"], text=mail["text"], meta=mail["meta"], answer=None, complete=True)
                for i, mail in enumerate(mails(MAILS), start=1)
            )
            while batch := list(islice(rows, BATCH)):
                store_rows(project, batch)
    return True
