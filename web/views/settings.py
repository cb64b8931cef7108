"""A project's guidelines and settings, for managers."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator import zones
from annotator.accounts import Role
from annotator.errors import Refusal
from annotator.models import Project
from annotator.projects import change_project, locked
from web import access, seen
from web.requests import TenantRequest
from web.views.project_form import in_percent, number, share


@require_http_methods(["GET", "POST"])
def guidelines(request: TenantRequest, project_id: int) -> HttpResponse:
    """Write them in Markdown, and see how annotators read them."""
    project = access.project_for(request, project_id, Role.MANAGER)
    text, fault, status, stands = project.guidelines, "", 200, False
    previewed = request.POST.get("act") == "preview"
    if request.method == "POST":
        text = request.POST.get("guidelines", "").replace("\r\n", "\n")
        if not previewed:
            try:
                project = locked(project)
                seen.require(request, project.guidelines)
                change_project(project, {"guidelines": text}, actor=request.user)
            except Refusal as refusal:
                fault, status, stands = refusal.said, refusal.status, isinstance(refusal, seen.ChangedMeanwhile)
            else:
                messages.success(request, _("The guidelines are saved. Every desk shows them from now on."))
                return redirect("guidelines", tenant=request.tenant.slug, project_id=project_id)
    context = {
        "project": project,
        "text": text,
        "fault": fault,
        "stands": stands,
        "seen": request.POST.get("seen") if previewed else seen.digest(project.guidelines),
    }
    return render(request, "web/guidelines.html", context, status=status)


@require_http_methods(["GET", "POST"])
def show(request: TenantRequest, project_id: int) -> HttpResponse:
    """Name, how the work is shared out, and whether the project is open."""
    project = access.project_for(request, project_id, Role.MANAGER)
    faults: dict[str, str] = {}
    status = 200
    if request.method == "POST":
        try:
            project = locked(project)
            seen.require(request, *_settings(project).values())
            project = change_project(project, _changes(request, project), actor=request.user)
        except Refusal as refusal:
            faults = in_percent(refusal.faults("form" if isinstance(refusal, seen.ChangedMeanwhile) else "name"))
            status = refusal.status
        else:
            messages.success(request, _said(request, project))
            return redirect("project-settings", tenant=request.tenant.slug, project_id=project_id)
    context = {"project": project, "typed": _typed(request, project), "faults": faults}
    context["zones"] = zones.names()
    context |= {"stands": _settings(project), "seen": seen.digest(*_settings(project).values())}
    return render(request, "web/settings.html", context, status=status)


def _changes(request: TenantRequest, project: Project) -> dict[str, Any]:
    sent = request.POST
    if "archived" in sent:
        return {"archived": sent["archived"] == "yes"}
    return {
        "name": sent.get("name", ""),
        "annotators_per_document": number(sent.get("annotators_per_document", ""), int),
        "check_share": share(sent.get("check_share", "")),
        "random_share": share(sent.get("random_share", "")),
        "allow_overlap": "allow_overlap" in sent,
        "show_times": "show_times" in sent,
        **({"pending_suggestions": sent["pending_suggestions"]} if "pending_suggestions" in sent else {}),
        "time_zone": sent.get("time_zone", project.time_zone),
    }


def _said(request: TenantRequest, project: Project) -> str:
    if request.POST.get("archived") == "yes":
        return _("%(name)s is archived. Everything in it stays, and you can open it again.") % {"name": project.name}
    if "archived" in request.POST:
        return _("%(name)s is open again.") % {"name": project.name}
    return _("The settings are saved.")


def _typed(request: TenantRequest, project: Project) -> dict[str, Any]:
    """What the fields show: what was sent, or what stands."""
    if request.method == "POST" and "archived" not in request.POST:
        names = tuple(_settings(project))
        return {name: request.POST.get(name, "") for name in names}
    return _settings(project)


def _settings(project: Project) -> dict[str, Any]:
    """What stands, as the fields show it."""
    return {
        "name": project.name,
        "annotators_per_document": project.annotators_per_document,
        "check_share": f"{project.check_share * 100:g}",
        "random_share": f"{project.random_share * 100:g}",
        "allow_overlap": project.allow_overlap,
        "pending_suggestions": project.pending_suggestions,
        "show_times": project.show_times,
        "time_zone": project.time_zone,
    }
