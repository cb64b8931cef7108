"""What the model of a project is doing just now: one account, which every page, the desk and the API tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.utils import timezone

from annotator.models import Project
from trainer import runs
from trainer.models import ModelVersion, TrainingRun

# How far a run is when it begins to learn, and how much of it learning is, on small projects: there it matters.
LEARNING_FROM, LEARNING = 0.12, 0.65
BEGUN = 0.2  # before this share of a run is done, its pace says nothing yet


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
    while there is nothing to judge by. ``run``: the one that is queued or running. ``latest``: the id of the last one,
    over or not; 0 before the first."""

    stage: Stage
    version: int | None
    missing: int = 0
    ahead: tuple[str, ...] = ()
    seconds_left: int | None = None
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
        return ModelState(Stage.TRAINING, version, seconds_left=_seconds_left(last), run=last, latest=latest)
    missing = runs.missing(project)
    if not missing:
        return ModelState(Stage.DUE, version, latest=latest)
    stage = Stage.FAILED if last and last.state == TrainingRun.State.FAILED else Stage.COLLECTING
    return ModelState(stage, version, missing=missing, latest=latest)


def _ahead(run: TrainingRun) -> tuple[str, ...]:
    """The projects whose runs a worker does before this one: it takes the tenant's oldest."""
    active = TrainingRun.objects.filter(state__in=TrainingRun.ACTIVE, created_at__lt=run.created_at)
    return tuple(active.exclude(pk=run.pk).order_by("created_at").values_list("project__name", flat=True))


def _seconds_left(run: TrainingRun) -> int | None:
    """By how far this run is in the time that it took; before that can be told, by how long the last one took."""
    if run.started_at is None:
        return None
    spent = (timezone.now() - run.started_at).total_seconds()
    done = _done(run)
    if done >= BEGUN:
        return max(1, round(spent * (1 - done) / done))
    before = _took_last(run)
    left = before.total_seconds() - spent if before else 0
    return round(left) if left >= 1 else None


def _done(run: TrainingRun) -> float:
    """The share of the run that is behind it."""
    if run.phase in ("export", "promote"):
        return LEARNING_FROM + LEARNING
    return LEARNING_FROM + LEARNING * run.step / run.steps if run.step and run.steps else 0.0


def _took_last(run: TrainingRun) -> timedelta | None:
    succeeded = TrainingRun.objects.filter(project=run.project_id, state=TrainingRun.State.SUCCEEDED, pk__lt=run.pk)
    last = succeeded.only("started_at", "finished_at").order_by("-pk").first()
    return last.finished_at - last.started_at if last and last.started_at and last.finished_at else None
