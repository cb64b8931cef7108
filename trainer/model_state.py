"""What the model of a project is doing just now: one account, which every page, the desk and the API tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils import timezone

from annotator.models import Project
from trainer import phases, runs
from trainer.models import ModelVersion, TrainingRun

MOST_SILENT = runs.STALE.total_seconds()


class Stage(StrEnum):
    COLLECTING = "collecting"  # `missing` more labelled documents, and a run begins
    DUE = "due"  # enough is labelled: a worker begins a run within seconds
    QUEUED = "queued"  # behind the runs in `ahead`, or until a worker is free
    TRAINING = "training"
    FAILED = "failed"  # the last run; the next one begins with `missing` more documents


@dataclass(frozen=True)
class ModelState:
    """``version``: the one that suggests, or None before the first. ``missing``: documents still to be labelled until
    the next run is due. ``ahead``: projects of the tenant whose runs come first. ``seconds_left``: an estimate; None
    while there is nothing to judge by. ``share``: of the run that is behind it, by the same estimate. ``run``: the one
    that is queued or running. ``latest``: the id of the last one, over or not; 0 before the first."""

    stage: Stage
    version: int | None
    missing: int = 0
    ahead: tuple[str, ...] = ()
    seconds_left: int | None = None
    share: float | None = None
    run: TrainingRun | None = None
    latest: int = 0

    @property
    def key(self) -> str:
        """Changes when a run begins or ends, or another version goes live."""
        return f"{self.latest}-{self.stage}-{self.version or 0}"

    @property
    def moving(self) -> bool:
        """Whether it will be another one within seconds or minutes, without anybody's work."""
        return self.stage in (Stage.DUE, Stage.QUEUED, Stage.TRAINING)


def model_state(project: Project) -> ModelState:
    """The state of the project's model, in the scope of its tenant."""
    last = TrainingRun.objects.filter(project=project).select_related("started_by").order_by("-pk").first()
    version = ModelVersion.objects.filter(project=project, live=True).values_list("number", flat=True).first()
    latest = last.pk if last else 0
    if last and last.state == TrainingRun.State.QUEUED:
        return ModelState(Stage.QUEUED, version, ahead=_ahead(last), run=last, latest=latest)
    if last and last.state == TrainingRun.State.RUNNING:
        return _training(last, version)
    missing = runs.missing(project)
    if not missing:
        return ModelState(Stage.DUE, version, latest=latest)
    stage = Stage.FAILED if last and last.state == TrainingRun.State.FAILED else Stage.COLLECTING
    return ModelState(stage, version, missing=missing, latest=latest)


def _ahead(run: TrainingRun) -> tuple[str, ...]:
    """The projects whose runs a worker does before this one: it takes the tenant's oldest."""
    active = TrainingRun.objects.filter(state__in=TrainingRun.ACTIVE, created_at__lt=run.created_at)
    return tuple(active.exclude(pk=run.pk).order_by("created_at").values_list("project__name", flat=True))


def _training(run: TrainingRun, version: int | None) -> ModelState:
    """By how long each phase took in the project's last run, and by how fast this one is beside it."""
    spent = _spent(run)
    usual, known = _usual(run)
    under = phases.Underway(spent, run.phase, run.step / run.steps if run.steps else None)
    found = under.estimate(usual, known=known)
    left = None if found.seconds is None else max(1, round(found.seconds))
    return ModelState(Stage.TRAINING, version, seconds_left=left, share=found.share, run=run, latest=run.pk)


def _spent(run: TrainingRun) -> phases.Seconds:
    """The seconds of each phase of a run that is under way, up to this moment."""
    now = timezone.now()
    kept = phases.read(run.metrics.get(phases.KEPT, ()))
    if not kept:
        return {run.phase: _seconds(run.started_at, now)}
    return kept | {run.phase: kept.get(run.phase, 0.0) + min(_seconds(run.heartbeat_at, now), MOST_SILENT)}


def _usual(run: TrainingRun) -> tuple[phases.Seconds, bool]:
    """What the phases take, by the last run that came to its end, and whether there is one."""
    done = TrainingRun.objects.filter(project=run.project_id, state=TrainingRun.State.SUCCEEDED, pk__lt=run.pk)
    last = done.only("started_at", "finished_at", "metrics").order_by("-pk").first()
    kept = phases.read(last.metrics.get(phases.KEPT, ())) if last else {}
    if any(kept.values()):
        return kept, True
    took = _seconds(last.started_at, last.finished_at) if last else 0.0  # all that older runs have on record
    return (phases.scaled(phases.USUAL, took), True) if took else (phases.USUAL, False)


def _seconds(begun: datetime | None, ended: datetime | None) -> float:
    return max(0.0, (ended - begun).total_seconds()) if begun and ended else 0.0
