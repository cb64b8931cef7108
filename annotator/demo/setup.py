"""The demo tenant: one person, one project and its mails, still without a single label."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.db import transaction

from annotator import people
from annotator.accounts import Role, Tenant
from annotator.demo.mails import TONES, TOPICS, mails
from annotator.importing.store import Row, store_rows
from annotator.projects import create_project
from annotator.tenancy import tenant_scope

TENANT = "demo"
PERSON = "demo"
MAILS = 3_000
BATCH = 1_000

GUIDELINES = """\
What customers write to a shop for household devices, in English and German.

PERSON: a name as it stands there, first name, surname or both, without Mr, Frau or Dr.
PRODUCT: a device by its name (Nimbus 300, or Nimbus alone); not "the lamp" or "it".
PLACE: a town. A surname that could be a town is a PERSON.
AMOUNT: a sum of money with its currency. Percentages, days and order numbers are none.

topic: what the mail is mainly about; what is mentioned in passing does not count.
tone: whatever you hear, or nothing.
ordered_by: from the product to the person who ordered it. lives_in: from a person to the town.

Beware of words that are sometimes a name and sometimes not: Hope, Frank, Summer, Breeze, Ernst, Anker.
"""

PROJECT: dict[str, Any] = {
    "name": "Customer mails",
    "guidelines": GUIDELINES,
    "spans": ["PERSON", "PRODUCT", "PLACE", "AMOUNT"],
    "relations": ["ordered_by", "lives_in"],
    "questions": [
        {"name": "topic", "choices": list(TOPICS)},
        {"name": "tone", "multiple": True, "choices": list(TONES)},
    ],
}


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
