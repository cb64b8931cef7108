"""A project's overview: what needs somebody now, how far the work is, and what happened last."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator import attention, stats
from annotator.accounts import Role
from annotator.models import Job, Project
from trainer import runs
from trainer.models import TrainingRun
from web import access
from web.requests import TenantRequest
from web.views.charts import curves
from web.views.model import scores_of
from web.views.training import training


@require_safe
def show(request: TenantRequest, project_id: int) -> HttpResponse:
    project = access.project_for(request, project_id)
    may_manage = access.may(request, Role.MANAGER)
    context = {"project": project, "may_manage": may_manage, "work": stats.work(project), **_model(project)}
    context |= {"sees_all": access.sees_all(request), "own": stats.own(project, request.user)}
    context["imported"] = stats.imported(project)
    if may_manage:
        context |= _needs(project) | {"recent": attention.recent(project)}
    return render(request, "web/project.html", context)


def _model(project: Project) -> dict[str, Any]:
    live = runs.live_version(project)
    return {
        "training": training(project),
        "live": live,
        "scores": scores_of(curves([live]) if live else [], live),
    }


def _needs(project: Project) -> dict[str, Any]:
    """What waits for a manager: people's flags and questions, differing answers, and what failed last."""
    last_run = TrainingRun.objects.filter(project=project).order_by("-pk").only("state", "reason").first()
    last_job = Job.objects.filter(project=project).order_by("-created_at").first()
    needs = attention.attention(project)
    return {
        "attention": needs,
        "failed_run": last_run if last_run and last_run.state == TrainingRun.State.FAILED else None,
        "failed_job": last_job if last_job and last_job.state == Job.State.FAILED else None,
    }
