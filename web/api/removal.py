"""Delete a document, what an import brought, or a project: said first, then done by a job."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from annotator import removal
from annotator.accounts import Role
from annotator.errors import Invalid
from annotator.removal import Target
from trainer import removal as whole
from web import access
from web.api import answers, documents, projects, shapes
from web.api import schemas as s
from web.api.refusals import errors
from web.requests import TenantRequest

router = Router(tags=["deletion"])  # the other two share an address with what reads, and so its router


class Asked(s.Given):
    dry_run: bool = Field(False, description="Only say what would go.")


class ProjectAsked(Asked):
    name: s.Text = Field("", description="The project's name, so that nobody deletes another one by a wrong number.")


class Foreseen(Schema):
    documents: int
    answers: int = Field(description="Submitted or skipped.")
    drafts: int
    people: int = Field(description="Who answered.")
    revisions: int
    suggestions: int
    open: int = Field(description="People who have one of the documents open just now.")
    files: int = Field(description="Of exports, and of refused rows.")
    labels: int = Field(description="That go with a project.")
    runs: int = Field(description="Of the project.")
    versions: int = Field(description="Of the project's model. They go with a project, and stay otherwise.")


@documents.router.delete("/documents/{int:document_id}", response={200: Foreseen, 202: s.Job} | errors(403))
def delete_document(request: TenantRequest, document_id: int, asked: Query[Asked]) -> HttpResponse:
    """Delete a document with its answers, their history and suggestions, for good. For managers."""
    return _delete(request, Target.of(access.document_for(request, document_id, Role.MANAGER)), asked)


@router.delete("/jobs/{int:job_id}/documents", response={200: Foreseen, 202: s.Job} | errors(403, 409))
def undo_import(request: TenantRequest, job_id: int, asked: Query[Asked]) -> HttpResponse:
    """Undo an import: delete the documents that it brought, with all that was said about them. For managers."""
    return _delete(request, Target.of(access.job_for(request, job_id)), asked)


@projects.router.delete("/projects/{int:project_id}", response={200: Foreseen, 202: s.Job} | errors(403))
def delete_project(request: TenantRequest, project_id: int, asked: Query[ProjectAsked]) -> HttpResponse:
    """Delete a project with everything in it, for good; its `name` must be sent along. For managers."""
    project = access.project_for(request, project_id, Role.MANAGER)
    if not asked.dry_run and asked.name != project.name:
        reason = "must be the project's name"
        raise Invalid("wrong_name", f"name: {reason}", [{"field": "name", "reason": reason}])
    return _delete(request, Target.of(project), asked)


def _delete(request: TenantRequest, target: Target, asked: Asked) -> HttpResponse:
    if asked.dry_run:
        told: dict[str, Any] = asdict(removal.foreseen(target)) | asdict(whole.foreseen(target))
        return answers.json(told)
    return answers.json(shapes.job(whole.start(target, actor=request.user)), status=202)
