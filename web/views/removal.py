"""Delete: first a page that says what goes with it, then a job that does it, and its page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator import removal
from annotator.accounts import Role
from annotator.errors import Refusal
from annotator.models import Job, Project
from annotator.removal import Target
from trainer import removal as whole
from web import access
from web.refused import told
from web.requests import TenantRequest


@require_http_methods(["GET", "POST"])
def document(request: TenantRequest, document_id: int) -> HttpResponse:
    """One document with all that was said about it."""
    found = access.document_for(request, document_id, Role.MANAGER)
    return _confirm(request, found.project, Target.of(found), name=found.title)


@require_http_methods(["GET", "POST"])
def undo(request: TenantRequest, job_id: int) -> HttpResponse:
    """The documents that an import brought."""
    job = access.job_for(request, job_id)
    try:
        target = Target.of(job)
    except Refusal as refusal:
        messages.error(request, refusal.said)
        return redirect("job", tenant=request.tenant.slug, job_id=job.pk)
    return _confirm(request, job.of_project, target, name=job.options.get("filename", ""), job=job)


@require_http_methods(["GET", "POST"])
def project(request: TenantRequest, project_id: int) -> HttpResponse:
    """A whole project; who wants that types its name."""
    found = access.project_for(request, project_id, Role.MANAGER)
    return _confirm(request, found, Target.of(found), name=found.name)


def _confirm(
    request: TenantRequest, project: Project, target: Target, *, name: str, job: Job | None = None
) -> HttpResponse:
    fault = ""
    if request.method == "POST":
        if target.what != "project" or request.POST.get("name", "").strip() == project.name:
            with told(request):
                job = whole.start(target, actor=request.user)
            assert job is not None, "only an import is refused, which has one"
            return redirect("job", tenant=request.tenant.slug, job_id=job.pk)
        fault = _("That is not the project's name.")
    context: dict[str, Any] = {
        "project": project,
        "what": target.what,
        "which": target.id,
        "name": name,
        "job": job,
        "told": removal.foreseen(target),
        "models": whole.foreseen(target),
        "fault": fault,
    }
    return render(request, "web/delete.html", context, status=422 if fault else 200)
