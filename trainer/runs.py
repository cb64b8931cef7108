"""Training runs as a state machine: queued → running → succeeded, failed or cancelled; and which version is live.

Every change of state is a conditional UPDATE, so two processes never both make it. The database is the truth:
messages to workers only say "look", and the sweep looks anyway.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import redis
import structlog
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Value
from django.db.models.functions import Concat
from django.utils import timezone

from annotator import audit, disk, snapshot
from annotator.errors import Conflict, Invalid
from annotator.models import Annotation, Project, User
from annotator.said import Said
from annotator.tenancy import current_tenant, tenant_scope
from trainer.celery import send_once_committed
from trainer.models import BEFORE_ALL, ModelVersion, TrainingRun

log = structlog.get_logger(__name__)

State = TrainingRun.State

FIRST_RUN = 10  # labelled documents before the first model
MORE = 0.2  # afterwards: this share of what the last run learned from, and at least …
AT_LEAST = 10  # … this many documents with news
SOON = 5  # … and so few before, what it needs is made ready
ATTEMPTS = 3
STALE = timedelta(seconds=20)
WAITS_FOR_RUN = timedelta(seconds=20)
NEWS_SECONDS = 0.25


def announce(tenant_id: int, project_id: int) -> None:
    """Somebody annotated: have a worker see at once whether a run is due. What follows within a moment makes one more
    message after it."""
    send_once_committed("consider", tenant_id, project_id, pause=NEWS_SECONDS)


def consider(project: Project) -> TrainingRun | None:
    """Start a run if enough is new and none is active."""
    if not due(project) or TrainingRun.objects.filter(project=project, state__in=TrainingRun.ACTIVE).exists():
        return None
    try:
        with transaction.atomic():
            return start(project, actor=None, trigger="news")
    except (Conflict, Invalid):
        return None


def learn_anew(version: ModelVersion) -> None:
    """Start a run because a version cannot answer any more, with what was labelled when it was made or since.

    Only if it is live, and the last run came to something: one that failed waits for news or for somebody, else one
    would fail after the other.
    """
    with tenant_scope(version.tenant), suppress(Conflict, Invalid):
        last = TrainingRun.objects.filter(project=version.project_id).order_by("-pk").first()
        if last is not None and last.state == State.SUCCEEDED and live_version(version.project) == version:
            with transaction.atomic():
                start(version.project, actor=None, trigger="news")


def due(project: Project) -> bool:
    """Whether enough documents have news since the last run began. A failed run waits for news, too."""
    return missing(project) == 0


def soon_due(project: Project) -> bool:
    """Whether a run needs only a few more documents."""
    return 0 < missing(project) <= SOON


def missing(project: Project) -> int:
    """How many more documents must have news until a run is due."""
    last = TrainingRun.objects.filter(project=project).exclude(state=State.CANCELLED).order_by("-pk").first()
    wanted = max(AT_LEAST, int(MORE * last.examples)) if last else FIRST_RUN
    return max(0, wanted - snapshot.news(project, last.watermark if last else 0))


def start(project: Project, *, actor: User | None, trigger: str = "hand") -> TrainingRun:
    """Queue a run and wake a worker once this is committed. Conflict if one is active already."""
    if not Annotation.objects.filter(
        project=project, state=Annotation.State.SUBMITTED, document__split="pool"
    ).exists():
        raise Invalid("nothing_to_learn", Said("No document that training may use has been labelled yet."))
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(
                project=project,
                trigger=trigger,
                started_by=actor,
                watermark=snapshot.watermark(project),
            )
    except IntegrityError as error:
        raise Conflict("run_active", Said("A run of this project is queued or running already.")) from error
    dispatch()
    return run


def dispatch() -> None:
    """Wake a train worker for this tenant when the transaction commits.

    One message a tenant at a time, sent again after each run: tenants take turns, however many projects each has.
    """
    tenant = current_tenant()

    if not _waits_for_room(tenant.pk) and not TrainingRun.objects.filter(state=State.RUNNING).exists():
        # A second message would find nothing to do.
        send_once_committed("train", tenant.pk)


def _waits_for_room(tenant_id: int) -> bool:
    if disk.is_full():
        return True
    with suppress(redis.RedisError):
        return cache.get(_room_key(tenant_id)) is not None
    return False


def _room_key(tenant_id: int) -> str:
    return f"train:waits-for-room:{tenant_id}"


def claim() -> TrainingRun | None:
    """Take the tenant's oldest queued run for this worker."""
    run = (
        TrainingRun.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(state=State.QUEUED)
        .order_by("created_at")
        .first()
    )
    if run is None:
        return None
    now = timezone.now()
    run.state, run.attempt, run.heartbeat_at, run.started_at = State.RUNNING, run.attempt + 1, now, now
    run.phase, run.step, run.steps, run.metrics = "", 0, 0, {}
    run.save(update_fields=["state", "attempt", "heartbeat_at", "started_at", "phase", "step", "steps", "metrics"])
    note(run, f"attempt {run.attempt} begins")
    return run


def beat(run: TrainingRun, **progress: Any) -> bool:
    """Say that the run lives, with its phase, its steps and the seconds so far.

    False if it should stop (cancelled or taken over). Where it was given up for silent meanwhile and no other worker
    has taken it, it is this worker's again.
    """
    mine = TrainingRun.objects.filter(pk=run.pk, state__in=TrainingRun.ACTIVE, attempt=run.attempt, cancel_asked=False)
    return bool(mine.update(state=State.RUNNING, heartbeat_at=timezone.now(), **progress))


def note(run: TrainingRun, line: str) -> None:
    """Append a line, with the time, to what people read as the run's log."""
    stamped = f"{timezone.now():%H:%M:%S} {line}\n"
    TrainingRun.objects.filter(pk=run.pk).update(log=Concat(F("log"), Value(stamped)))


def finish(run: TrainingRun, state: str, reason: str = "", **fields: Any) -> bool:
    """End a run that is under way; False if somebody else ended it first, or has it by now."""
    ended = TrainingRun.objects.filter(pk=run.pk, state=State.RUNNING, attempt=run.attempt).update(
        state=state, reason=reason, finished_at=timezone.now(), phase="", **fields
    )
    if ended:
        note(run, f"{state}{': ' + reason if reason else ''}")
        dispatch_next()
    return bool(ended)


def wait_for_room(run: TrainingRun) -> None:
    """Queue a run again that failed for want of room on the disk; it has not used up an attempt."""
    if TrainingRun.objects.filter(pk=run.pk, state=State.RUNNING, attempt=run.attempt).update(
        state=State.QUEUED, attempt=F("attempt") - 1, phase=""
    ):
        note(run, disk.WAITS)
        # Until then the sweep wakes nobody for it.
        with suppress(redis.RedisError):
            cache.set(_room_key(current_tenant().pk), 1, timeout=60)


def dispatch_next() -> None:
    if TrainingRun.objects.filter(state=State.QUEUED).exists():
        dispatch()


def cancel(run: TrainingRun, *, actor: User | None) -> TrainingRun:
    """Stop a run: at once if it is queued, at its next step if it is running. Conflict if it is over.

    ``actor`` is None where a deletion stops it.
    """
    audit.record(actor, "run.cancel", run, run=run.pk)
    who = actor or "a deletion"
    if TrainingRun.objects.filter(pk=run.pk, state=State.QUEUED).update(
        state=State.CANCELLED, reason=f"cancelled by {who}", finished_at=timezone.now()
    ):
        run.refresh_from_db()
        return run
    if not TrainingRun.objects.filter(pk=run.pk, state=State.RUNNING).update(cancel_asked=True):
        raise Conflict("run_over", Said("The run is over already: %(state)s.", state=Said(run.state)))
    note(run, f"{who} asked to cancel")
    run.refresh_from_db()
    return run


def recover() -> None:
    """Put runs whose worker fell silent back into the queue, or fail them after too many attempts."""
    if disk.is_full():
        return  # they fell silent for that, and must not use up their attempts
    for run in TrainingRun.objects.filter(state=State.RUNNING, heartbeat_at__lt=timezone.now() - STALE):
        put_back(run, "its worker fell silent")
    dispatch_next()


def put_back(run: TrainingRun, why: str) -> None:
    """Queue a run again that could not be worked on to its end; after too many attempts it has failed."""
    run.refresh_from_db(fields=["cancel_asked"])
    if run.cancel_asked:
        finish(run, State.CANCELLED, f"cancelled; {why}")
    elif run.attempt >= ATTEMPTS:
        finish(run, State.FAILED, f"given up after {run.attempt} attempts: {why}")
    elif TrainingRun.objects.filter(pk=run.pk, state=State.RUNNING, attempt=run.attempt).update(state=State.QUEUED):
        note(run, f"{why}; queued again")
        dispatch_next()


def live_version(project: Project) -> ModelVersion | None:
    """The version whose suggestions people see."""
    return ModelVersion.objects.filter(project=project, live=True).first()


def next_number(project: Project) -> int:
    last: int | None = ModelVersion.objects.filter(project=project).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def promote(version: ModelVersion, *, actor: User | None) -> ModelVersion:
    """Make a version live, be it newer or older than the one that is; its suggestions follow on commit."""
    Project.objects.select_for_update(no_key=True).get(pk=version.project_id)
    was = live_version(version.project)
    if was is not None and was.pk == version.pk:
        return version
    ModelVersion.objects.filter(project=version.project_id, live=True).update(live=False)
    ModelVersion.objects.filter(pk=version.pk).update(
        live=True, promoted_at=timezone.now(), ranked=False, ranked_to=BEFORE_ALL
    )
    audit.record(
        actor,
        "version.promote",
        version,
        project=version.project_id,
        number=version.number,
        instead_of=was.number if was else None,
    )
    tenant = current_tenant()
    for task in ("refresh", "rank"):
        send_once_committed(task, tenant.pk, version.project_id)
    version.refresh_from_db()
    return version


def ranking(project: Project) -> ModelVersion | None:
    """The live version, if it has yet to give all of the pool new priorities.

    A run that is under way already may replace it within seconds, and can do with all processors: a version of late
    waits for that. Not for long, or where run follows run nothing would ever be ranked; the sweep has it go on.
    """
    version = ModelVersion.objects.filter(project=project, live=True, ranked=False).first()
    if version is None or version.promoted_at is None or version.promoted_at < timezone.now() - WAITS_FOR_RUN:
        return version
    return None if TrainingRun.objects.filter(project=project, state=State.RUNNING).exists() else version


def unranked() -> list[int]:
    """Projects whose live version has yet to do so: where the last message was lost, nothing else would go on."""
    return list(ModelVersion.objects.filter(live=True, ranked=False).values_list("project_id", flat=True))


def ranked(version: ModelVersion, reached: float | None) -> bool:
    """The pool is ranked so far, or (None) all of it; False if another version is live, or another worker was here."""
    mine = ModelVersion.objects.filter(pk=version.pk, live=True, ranked=False, ranked_to=version.ranked_to)
    return bool(mine.update(ranked=True) if reached is None else mine.update(ranked_to=reached))
