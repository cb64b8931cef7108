"""Runs as people watch them: what is under way, whether a worker answers, the history; start and cancel."""

from __future__ import annotations

from collections.abc import Callable
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
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from annotator.accounts import Role
from annotator.models import Project
from trainer import pulse, runs
from trainer.model_state import ModelState, Stage, model_state
from trainer.models import TrainingRun
from web import access
from web.refused import told
from web.requests import TenantRequest

AHEAD_NAMED = 3
PHASES = {
    "snapshot": gettext_lazy("collecting answers"),
    "prepare": gettext_lazy("reading texts"),
    "train": gettext_lazy("learning"),
    "export": gettext_lazy("packing"),
    "evaluate": gettext_lazy("judging"),
    "suggest": gettext_lazy("reading what is open"),
    "promote": gettext_lazy("putting in place"),
}


@dataclass(frozen=True)
class Training:
    """The state of a project's model as pages tell it. ``silent``: why nothing seems to happen, if nothing does."""

    state: ModelState
    silent: str = ""

    @property
    def run(self) -> TrainingRun | None:
        return self.state.run

    @property
    def phase(self) -> str:
        return str(PHASES.get(self.run.phase, self.run.phase)) if self.run else ""

    @property
    def since(self) -> str:
        return lasted(self.run.started_at or self.run.created_at, timezone.now()) if self.run else ""

    @property
    def sentence(self) -> str:
        """The state in a few words: the same on the overview, the model's page and the desk."""
        return self.silent or _SENTENCES[self.state.stage](self.state)

    @property
    def percent(self) -> int | None:
        """How far it is to the next version, where that is known."""
        share = self.state.share
        return None if share is None else round(100 * share)

    def as_json(self) -> dict[str, Any]:
        """What the desk is told of it."""
        state = self.state
        return {
            "stage": state.stage,
            "version": state.version,
            "moving": state.moving,
            "missing": state.missing,
            "seconds_left": state.seconds_left,
            "sentence": self.sentence,
            "percent": self.percent,
        }


def training(project: Project) -> Training:
    state = model_state(project)
    return Training(state, _silent(state.run) if state.run else "")


def _collecting(state: ModelState) -> str:
    if state.version is None:
        return ngettext(
            "%(count)d more labelled document until the first model",
            "%(count)d more labelled documents until the first model",
            state.missing,
        ) % {"count": state.missing}
    return _("Version %(version)d is suggesting") % {"version": state.version}


def _due(state: ModelState) -> str:
    return _("The next training begins in a moment") if state.version else _("The first training begins in a moment")


def _queued(state: ModelState) -> str:
    if not state.ahead:
        return _("Waiting for a training worker")
    waits = ngettext(
        "Waiting: %(count)d run ahead (%(names)s)", "Waiting: %(count)d runs ahead (%(names)s)", len(state.ahead)
    )
    named = [*state.ahead[:AHEAD_NAMED], *(["…"] if len(state.ahead) > AHEAD_NAMED else [])]
    return waits % {"count": len(state.ahead), "names": ", ".join(named)}


def _learning(state: ModelState) -> str:
    if state.seconds_left is not None:
        return _("Training: about %(left)s left") % {"left": roughly(state.seconds_left)}
    return _("Training the next version") if state.version else _("Training the first model")


def _failed(state: ModelState) -> str:
    return ngettext(
        "The last training failed; the next begins after %(count)d more labelled document",
        "The last training failed; the next begins after %(count)d more labelled documents",
        state.missing,
    ) % {"count": state.missing}


_SENTENCES: dict[Stage, Callable[[ModelState], str]] = {
    Stage.COLLECTING: _collecting,
    Stage.DUE: _due,
    Stage.QUEUED: _queued,
    Stage.TRAINING: _learning,
    Stage.FAILED: _failed,
}


def roughly(seconds: int) -> str:
    """An estimate, no more exactly than it is: in steps of five seconds, from a minute and a half on in minutes."""
    if seconds < 90:
        return _("%(seconds)d s") % {"seconds": max(5, 5 * round(seconds / 5))}
    minutes = round(seconds / 60)
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


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


@require_safe
def state(request: TenantRequest, project_id: int) -> HttpResponse:
    """The model's state for the desk, which asks for as long as somebody labels: nothing is rendered for it."""
    return JsonResponse({"model": training(access.project_for(request, project_id)).as_json()})


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
