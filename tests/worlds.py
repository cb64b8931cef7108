"""A tenant with a row in every table, for tests that ask whether another tenant can get at one."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from django.apps import apps
from django.db import connection

from annotator import invitations, queue, review, suggestions, tokens
from annotator.accounts import Tenant, User
from annotator.models import (
    ApiToken,
    Claim,
    DeletedDocument,
    Document,
    Invitation,
    Job,
    Label,
    Project,
    Question,
    Suggestion,
)
from annotator.tenancy import TenantOwned, tenant_scope
from tests.cast import add_documents, make_project
from trainer.models import ModelVersion, TrainingRun

TENANT_MODELS = [model for model in apps.get_models(include_auto_created=True) if issubclass(model, TenantOwned)]
FOUND = {
    "spans": [{"start": 0, "end": 3, "label": "PERSON", "score": 0.9}],
    "choices": {"topic": [{"label": "praise", "score": 0.6}]},
    "relations": [],
    "uncertainty": 0.3,
}


@dataclass
class World:
    tenant: Tenant
    manager: User
    secret: str
    project: Project
    label: Label
    question: Question
    document: Document
    claim: Claim
    suggestion: Suggestion
    job: Job
    run: TrainingRun
    version: ModelVersion
    invitation: Invitation
    join_path: str

    @property
    def token_id(self) -> int:
        with tenant_scope(self.tenant):
            return ApiToken.objects.get().pk

    @classmethod
    def make(cls, tenant: Tenant, manager: User) -> World:
        project = make_project(tenant, check_share=0)
        document, other = add_documents(tenant, project, "Ann lives in Oslo.", "Bob lives in Rome.")
        with tenant_scope(tenant):
            run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
            version = ModelVersion.objects.create(project=project, run=run, number=1, examples=1, live=True)
            suggestions.record(project, 1, [(document.pk, FOUND), (other.pk, FOUND)])
            suggestion = Suggestion.objects.get(document=document)
            verdict = {"suggestion": suggestion.pk, "item": "s0", "verdict": "accept"}
            invitation, join_path = invitations.invite("Dora", "annotator", actor=manager)
            DeletedDocument.objects.create(document=document.pk * 1000 + 7)
            answer = {"spans": [{"start": 0, "end": 3, "label": "PERSON"}]}
            review.annotate(document, manager, review.Submission(uuid4(), 0, answer, decisions=[verdict]))
            return cls(
                tenant=tenant,
                manager=manager,
                secret=tokens.issue(manager)[1],
                project=project,
                label=Label.objects.order_by("pk")[0],
                question=Question.objects.order_by("pk")[0],
                document=document,
                claim=queue.claim_next(project, manager),
                suggestion=suggestion,
                job=Job.objects.create(
                    project=project,
                    kind="import",
                    created_by=manager,
                    options={"filename": "mails.jsonl", "attempts": 0},
                ),
                run=run,
                version=version,
                invitation=invitation,
                join_path=join_path,
            )

    def fingerprint(self) -> dict[str, str]:
        """A hash of all that the tenant has, by table; every table must have something."""
        found = {}
        with tenant_scope(self.tenant), connection.cursor() as cursor:
            for model in TENANT_MODELS:
                table = model._meta.db_table
                cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY id)) FROM {table} t")
                count, found[table] = cursor.fetchone()
                assert count, f"World.make() makes no row of {model.__name__}: give it one"
        return found
