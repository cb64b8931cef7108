"""Runs as people watch them: what is under way, whether a worker answers, the history; start and cancel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from annotator.accounts import Role
from annotator.models import Project
from trainer import pulse, runs
from trainer.models import ModelVersion, TrainingRun
from web import access
from web.refused import told
from web.requests import TenantRequest

PHASES = {
    "snapshot": gettext_lazy("collecting answers"),
    "prepare": gettext_lazy("reading texts"),
    "train": gettext_lazy("learning"),
    "export": gettext_lazy("packing"),
    "evaluate": gettext_lazy("judging"),
    "promote": gettext_lazy("putting in place"),
}


@dataclass(frozen=True)
class Training:
    """What is under way in a project. ``key`` changes when a run begins or ends, or another version goes live."""

    key: str
    run: TrainingRun | None
    silent: str = ""

    @property
    def phase(self) -> str:
        return str(PHASES.get(self.run.phase, self.run.phase)) if self.run else ""

    @property
    def since(self) -> str:
        return lasted(self.run.started_at or self.run.created_at, timezone.now()) if self.run else ""


def training(project: Project) -> Training:
    last = TrainingRun.objects.filter(project=project).select_related("started_by").order_by("-pk").first()
    live = ModelVersion.objects.filter(project=project, live=True).values_list("number", flat=True).first()
    if last is None or last.state not in TrainingRun.ACTIVE:
        return Training(f"{last.pk if last else 0}-{live or 0}", None)
    return Training(f"{last.pk}-{last.state}-{live or 0}", last, _silent(last))


def _silent(run: TrainingRun) -> str:
    """Why nothing seems to happen, if nothing does."""
    if run.state == TrainingRun.State.RUNNING:
        stale = run.heartbeat_at is not None and run.heartbeat_at < timezone.now() - runs.STALE
        return _("Its worker has fallen silent. The run goes back into the queue by itself.") if stale else ""
    try:
        works = pulse.workers()["train"]
    except redis.RedisError:
        return _("Redis does not answer, so no worker can be told of this run. Labelling goes on; the run waits.")
    return "" if works else _("No training worker answers. The run waits until one is started.")


def lasted(begun: datetime, ended: datetime) -> str:
    """How long, in words; seconds below a minute."""
    seconds = max(0, int((ended - begun).total_seconds()))
    return _("%(seconds)d s") % {"seconds": seconds} if seconds < 60 else timesince(begun, ended)


@require_safe
def live(request: TenantRequest, project_id: int) -> HttpResponse:
    """What is under way, alone: pages ask for it every second or two while there is something."""
    project = access.project_for(request, project_id)
    context: dict[str, Any] = {"project": project, "training": training(project)}
    context["may_manage"] = access.may(request, Role.MANAGER)
    return JsonResponse({"html": render_to_string("web/run_active.html", context, request)})


@require_POST
def start(request: TenantRequest, project_id: int) -> HttpResponse:
    """Start a run by hand."""
    project = access.project_for(request, project_id, Role.MANAGER)
    with told(request):
        runs.start(project, actor=request.user)
    return _back(project)


@require_POST
def cancel(request: TenantRequest, run_id: int) -> HttpResponse:
    run = access.run_for(request, run_id, Role.MANAGER)
    with told(request):
        runs.cancel(run, actor=request.user)
    return _back(run.project)


def _back(project: Project) -> HttpResponse:
    return redirect("model", tenant=project.tenant.slug, project_id=project.pk)
