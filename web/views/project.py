"""A project's page: how far the work is, what the model has learned, and the runs that taught it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from annotator import stats
from annotator.accounts import Role
from annotator.errors import Refusal
from annotator.models import Label, Project
from trainer import runs
from trainer.models import ModelVersion, TrainingRun
from web import access
from web.requests import TenantRequest
from web.views.charts import Chart, Point, charts

RUNS_SHOWN = 10


@require_safe
def show(request: TenantRequest, project_id: int) -> HttpResponse:
    project = access.project_for(request, project_id)
    context = _work(project) | _model(project) | {"may_manage": access.may(request, Role.MANAGER)}
    return render(request, "web/project.html", {"project": project, **context})


def _work(project: Project) -> dict[str, Any]:
    progress = stats.progress(project)
    most = max((label["count"] for label in progress["labels"]), default=0) or 1
    colors = {(label.kind, label.name): label.color for label in Label.objects.filter(project=project)}
    for label in progress["labels"]:
        label |= {"share": label["count"] / most, "color": colors[label["kind"], label["name"]]}
    return {"progress": progress}


def _model(project: Project) -> dict[str, Any]:
    versions = list(ModelVersion.objects.filter(project=project).order_by("number"))
    found = list(
        TrainingRun.objects.filter(project=project).select_related("started_by").order_by("-created_at", "-pk")
    )[:RUNS_SHOWN]
    drawn = charts(versions)
    live = next((version for version in versions if version.live), None)
    return {
        "versions": [(version, [_point(chart, version) for chart in drawn]) for version in versions[::-1]],
        "live": live,
        "runs": found,
        "active": next((run for run in found if run.state in TrainingRun.ACTIVE), None),
        "charts": drawn,
        "scores": [(chart, point) for chart in drawn for point in chart.points if point.version == live],
        "first_run": runs.FIRST_RUN,
    }


def _point(chart: Chart, version: ModelVersion) -> Point | None:
    return next((point for point in chart.points if point.version == version), None)


@require_POST
def train(request: TenantRequest, project_id: int) -> HttpResponse:
    """Start a run by hand."""
    project = access.project_for(request, project_id, Role.MANAGER)
    try:
        runs.start(project, actor=request.user)
    except Refusal as refusal:
        messages.warning(request, refusal.message)
    return _back(project)


@require_POST
def cancel(request: TenantRequest, run_id: int) -> HttpResponse:
    run = access.run_for(request, run_id, Role.MANAGER)
    try:
        runs.cancel(run, actor=request.user)
    except Refusal as refusal:
        messages.warning(request, refusal.message)
    return _back(run.project)


@require_POST
def promote(request: TenantRequest, version_id: int) -> HttpResponse:
    """Make a version live: forward, or back to one that was better."""
    version = access.version_for(request, version_id, Role.MANAGER)
    try:
        runs.promote(version, actor=request.user)
    except Refusal as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, f"Version {version.number} is live. Its suggestions follow within moments.")
    return _back(version.project)


def _back(project: Project) -> HttpResponse:
    return redirect("project", tenant=project.tenant.slug, project_id=project.pk)
