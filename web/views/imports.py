"""Bring documents in: hand over a file, watch it being read, see which rows were refused and why."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from annotator import jobs
from annotator.accounts import Role
from annotator.errors import Invalid, Refusal
from annotator.importing.options import FORMATS
from annotator.models import Job
from trainer.celery import send
from web import access
from web.requests import TenantRequest

LAST = 5


@require_http_methods(["GET", "POST"])
def upload(request: TenantRequest, project_id: int) -> HttpResponse:
    project = access.project_for(request, project_id, Role.MANAGER)
    context: dict[str, Any] = {"project": project, "sent": request.POST, "formats": FORMATS}
    if request.method == "POST":
        try:
            job = _start(request, project_id)
        except Refusal as refusal:
            return render(request, "web/import.html", context | {"refusal": refusal}, status=refusal.status)
        return redirect("job", tenant=request.tenant.slug, job_id=job.pk)
    context["jobs"] = Job.objects.filter(project=project, kind=Job.Kind.IMPORT).order_by("-pk")[:LAST]
    return render(request, "web/import.html", context)


def _start(request: TenantRequest, project_id: int) -> Job:
    """The upload is kept and queued; a worker reads it. If the message is lost, the sweep sends it again."""
    file = request.FILES.get("file")
    if file is None or not file.name:
        raise Invalid("no_file", "Choose a file first.")
    options = {
        "format": request.POST.get("format", ""),
        "strict": "strict" in request.POST,
        "whole": "whole" in request.POST,
    }
    project = access.project_for(request, project_id, Role.MANAGER)
    job = jobs.start_import(project, request.user, cast(BinaryIO, file.file), file.name, options)
    tenant_id = request.tenant.pk
    transaction.on_commit(lambda: send("run_import", tenant_id, job.pk), robust=True)
    return job


@require_safe
def show(request: TenantRequest, job_id: int) -> HttpResponse:
    job = access.job_for(request, job_id)
    active = job.state in (Job.State.QUEUED, Job.State.RUNNING)
    return render(request, "web/job.html", {"job": job, "project": job.project, "active": active})
