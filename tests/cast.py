"""The people that the tests speak of, and how their projects and documents come to be."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.test import Client

from annotator.importing.store import Row, store_rows
from annotator.models import Document, Membership, Project, Role, Tenant, User
from annotator.projects import create_project
from annotator.tenancy import tenant_scope

SPEC = {
    "name": "Mails",
    "spans": ["PERSON", "PLACE"],
    "questions": [
        {"name": "topic", "choices": ["billing", "delivery", "praise"]},
        {"name": "tone", "multiple": True, "choices": ["angry", "friendly", "urgent"]},
    ],
    "relations": ["lives_in"],
}


@dataclass
class Cast:
    acme: Tenant
    globex: Tenant
    alice: User
    bob: User
    charlie: User

    @classmethod
    def make(cls, suffix: str | None = None) -> Cast:
        """``suffix`` keeps names apart where rows are committed; None draws one."""
        suffix = secrets.token_hex(4) if suffix is None else suffix
        acme = Tenant.objects.create(slug=f"acme{suffix}", name="Acme")
        globex = Tenant.objects.create(slug=f"globex{suffix}", name="Globex")
        alice, bob, charlie = (User.objects.create_user(f"{name}{suffix}") for name in ("alice", "bob", "charlie"))
        for tenant, user, role in (
            (acme, alice, Role.MANAGER),
            (acme, bob, Role.ANNOTATOR),
            (globex, charlie, Role.MANAGER),
        ):
            Membership.objects.create(tenant=tenant, user=user, role=role)
        return cls(acme, globex, alice, bob, charlie)


def make_project(tenant: Tenant, **changes) -> Project:
    with tenant_scope(tenant):
        return create_project({**SPEC, **changes}, actor=None)


def add_documents(tenant: Tenant, project: Project, *texts: str) -> list[Document]:
    """The documents in order; their external ids are d0, d1, …"""
    with tenant_scope(tenant):
        start = Document.objects.filter(project=project).count()
        store_rows(
            project,
            [
                Row(line=i + 1, external_id=f"d{start + i}", text=text, meta={}, answer=None, complete=True)
                for i, text in enumerate(texts)
            ],
        )
        return list(Document.objects.filter(project=project).order_by("pk")[start:])


def signed_in(user: User) -> Client:
    """A browser without scripts in which this person is signed in."""
    client = Client()
    client.force_login(user)
    return client
