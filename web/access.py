"""The one way a view gets an object: what is absent or another tenant's is 404; a role too low is 403.

A document of one's own tenant that was deleted is 410, so that who had it open is told.
"""

from __future__ import annotations

from typing import TypeVar

from django.core.exceptions import PermissionDenied
from django.http import Http404

from annotator import removal
from annotator.accounts import Membership, Role
from annotator.errors import Deleted
from annotator.models import ApiToken, Document, Invitation, Job, Label, Project, Question
from annotator.tenancy import TenantOwned
from trainer.models import ModelVersion, TrainingRun
from web.requests import TenantRequest

M = TypeVar("M", bound=TenantOwned)


def require(request: TenantRequest, role: str) -> None:
    """Raise PermissionDenied (403) unless the sender's role covers this one."""
    if not Role.covers(request.role, role):
        raise PermissionDenied(f"This needs the role {role}; yours is {request.role}.")


def may(request: TenantRequest, role: str) -> bool:
    """Whether the sender's role covers this one: for what a page offers."""
    return Role.covers(request.role, role)


def sees_all(request: TenantRequest) -> bool:
    """Whether the sender may know what others answered, and what is held out: reviewers, and who may do more."""
    return may(request, Role.REVIEWER)


def project_for(request: TenantRequest, project_id: int, role: str = Role.ANNOTATOR) -> Project:
    return _get(request, Project, project_id, role)


def label_for(request: TenantRequest, project_id: int, label_id: int, role: str = Role.MANAGER) -> Label:
    """A label of this very project."""
    label = _get(request, Label, label_id, role, "project", "question")
    if label.project_id != project_id:
        raise Http404(f"There is no label {label_id} in project {project_id}.")
    return label


def question_for(request: TenantRequest, project_id: int, question_id: int, role: str = Role.MANAGER) -> Question:
    """A question of this very project."""
    question = _get(request, Question, question_id, role, "project")
    if question.project_id != project_id:
        raise Http404(f"There is no question {question_id} in project {project_id}.")
    return question


def document_for(request: TenantRequest, document_id: int, role: str = Role.ANNOTATOR) -> Document:
    try:
        return _get(request, Document, document_id, role)
    except Http404:
        if removal.was_deleted(document_id):
            raise Deleted from None
        raise


def job_for(request: TenantRequest, job_id: int, role: str = Role.MANAGER) -> Job:
    return _get(request, Job, job_id, role, "project")


def run_for(request: TenantRequest, run_id: int, role: str = Role.ANNOTATOR) -> TrainingRun:
    return _get(request, TrainingRun, run_id, role, "project")


def version_for(request: TenantRequest, version_id: int, role: str = Role.ANNOTATOR) -> ModelVersion:
    return _get(request, ModelVersion, version_id, role, "project")


def invitation_for(request: TenantRequest, invitation_id: int, role: str = Role.MANAGER) -> Invitation:
    return _get(request, Invitation, invitation_id, role)


def token_for(request: TenantRequest, token_id: int) -> ApiToken:
    """One's own, or for managers anybody's; others' are not there for anybody else."""
    found = _get(request, ApiToken, token_id, Role.ANNOTATOR, "user")
    if found.user_id != request.user.pk and not may(request, Role.MANAGER):
        raise Http404(f"There is no token {token_id}.")
    return found


def member_for(request: TenantRequest, member_id: int, role: str = Role.MANAGER) -> Membership:
    """Memberships are global rows: that it is this tenant's is asked here."""
    found = Membership.objects.select_related("user").filter(pk=member_id, tenant=request.tenant).first()
    if found is None:
        raise Http404(f"There is no member {member_id}.")
    require(request, role)
    return found


def _get(request: TenantRequest, model: type[M], pk: int, role: str, *related: str) -> M:
    # First whether it is there, so that a 403 is only ever about something of one's own tenant.
    rows = model.objects.select_related(*related) if related else model.objects.all()
    found: M | None = next(iter(rows.filter(pk=pk)[:1]), None)
    if found is None:
        raise Http404(f"There is no {model._meta.verbose_name} {pk}.")
    require(request, role)
    return found
