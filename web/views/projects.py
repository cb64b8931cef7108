"""The projects of a tenant, and making a new one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from annotator import stats
from annotator.accounts import Role
from annotator.errors import Refusal
from annotator.models import Project
from annotator.projects import create_project
from trainer.models import ModelVersion
from web import access
from web.requests import TenantRequest
from web.views.project_form import ProjectForm


@require_safe
def index(request: TenantRequest) -> HttpResponse:
    """Each project with its progress and its live model; those that are archived lie below, folded."""
    counts = stats.overview()
    live = dict(ModelVersion.objects.filter(live=True).values_list("project", "number"))
    open_ones: list[dict[str, Any]] = []
    archived: list[dict[str, Any]] = []
    for project in Project.objects.order_by("-created_at", "-pk"):
        work = counts.get(project.pk, {"documents": 0, "wanted": 0, "given": 0})
        into = open_ones if project.archived_at is None else archived
        into.append({"project": project, "live": live.get(project.pk), **work})
    context = {"cards": open_ones, "archived": archived, "may_manage": access.may(request, Role.MANAGER)}
    return render(request, "web/projects.html", context)


@require_http_methods(["GET", "POST"])
def new(request: TenantRequest) -> HttpResponse:
    """The form and what it makes. Every fault is shown at its field, and nothing typed is lost."""
    access.require(request, Role.MANAGER)
    form = ProjectForm.of(request.POST) if request.method == "POST" else ProjectForm.blank()
    status = 200
    if request.method == "POST" and not form.wants_rows:
        try:
            form.check()
            project = create_project(form.spec(), actor=request.user)
        except Refusal as refusal:
            form.take(refusal)
            status = refusal.status
        else:
            messages.success(request, _("%(name)s is ready. Bring in the first documents.") % {"name": project.name})
            return redirect("import", tenant=request.tenant.slug, project_id=project.pk)
    return render(request, "web/project_new.html", {"form": form}, status=status)
