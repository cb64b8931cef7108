"""What workers do: each task names its tenant first, and calls one verb."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

import structlog
from celery import Task
from django.db import InterfaceError, OperationalError

from annotator import database, jobs, queue, strays
from annotator.models import Project, Tenant
from annotator.tenancy import tenant_scope
from trainer import encoding, rehearsal, removal, retrain, runs, serving
from trainer import predict as hot
from trainer.celery import app, begun, client, send_once
from trainer.queues import RANK, overtaken
from trainer.store import Tampered

log = structlog.get_logger(__name__)

TURN_SECONDS = 1.0
PATIENCE = 300.0  # seconds that a job waits for a database that is away


class TenantTask(Task):  # type: ignore[misc,type-arg]
    """A task for one tenant: called with ``tenant_id``, it runs with the Tenant. Verbs open their own scopes."""

    abstract = True

    def __init__(self) -> None:
        if next(iter(inspect.signature(self.run).parameters)) != "tenant_id":
            raise TypeError(f"The first argument of {self.name} must be tenant_id.")

    def __call__(self, tenant_id: int, *args: Any, **options: Any) -> Any:
        with structlog.contextvars.bound_contextvars(tenant=tenant_id, task=self.name):
            begun(self.name.rpartition(".")[2], tenant_id, *args)
            return super().__call__(tenant_id, *args, **options)


def tenant_task(run: Callable[..., None]) -> Task[..., None]:
    """Register a function of (tenant_id, …) as a task."""
    task: Task[..., None] = app.task(base=TenantTask, name=f"trainer.tasks.{run.__name__}")(run)
    return task


def _tenant(tenant_id: int) -> Tenant:
    return Tenant.objects.get(pk=tenant_id)


@tenant_task
def consider(tenant_id: int, project_id: int) -> None:
    """Somebody annotated: start a run if one is due, and keep suggestions ahead of the annotators."""
    with tenant_scope(_tenant(tenant_id)):
        project = Project.objects.get(pk=project_id)
        started = runs.consider(project)
        soon = started is None and runs.soon_due(project)
        live = runs.live_version(project)
    if soon:
        send_once("rehearse", tenant_id, project_id)
    if live is not None:
        send_once("refresh", tenant_id, project_id)


@tenant_task
def train(tenant_id: int) -> None:
    """Work on the tenant's oldest queued run; what was labelled meanwhile may call for another."""
    project_id = retrain.round_for(_tenant(tenant_id))
    if project_id is not None:
        send_once("consider", tenant_id, project_id)
    retrain.give_memory_back()


@tenant_task
def rehearse(tenant_id: int, project_id: int) -> None:
    """Have what the project's next run needs traced before it is due."""
    rehearsal.rehearse(_tenant(tenant_id), project_id)


@tenant_task
def refresh(tenant_id: int, project_id: int) -> None:
    """Suggestions for some documents at the head of the queue, then for the next, so that other work comes between."""
    if hot.refresh(_tenant(tenant_id), project_id):
        send_once("refresh", tenant_id, project_id)


@tenant_task
def rank(tenant_id: int, project_id: int, *_before: Any) -> None:
    """New priorities for some of the pool, then for the next, and in the end suggestions for its new head.

    It goes on for a second, unless something more urgent waits, before another project has its turn: if turns were
    shorter, more projects than there is room for would have their models loaded again and again. How far it has come
    stands in the database. Messages of before 0.4 carry that, too, and are not asked.
    """
    tenant, began = _tenant(tenant_id), time.monotonic()
    while (more := hot.rank(tenant, project_id)) and time.monotonic() - began < TURN_SECONDS:
        if overtaken(client(), RANK):
            break
    send_once("rank" if more else "refresh", tenant_id, project_id)


@tenant_task
def suggest(tenant_id: int, project_id: int, document_ids: list[int]) -> None:
    """Suggestions for documents that somebody has open."""
    hot.suggest(_tenant(tenant_id), project_id, document_ids)


@tenant_task
def predict(tenant_id: int, version_id: int, texts: list[str], reply_to: str) -> None:
    """Answers for texts from outside, handed to the web process that waits for them."""
    try:
        serving.reply(reply_to, {"answers": hot.predict(_tenant(tenant_id), version_id, texts)})
    except (Tampered, encoding.Problem) as error:
        serving.reply(reply_to, {"error": str(error)})
        raise
    except (InterfaceError, OperationalError) as error:
        if database.lost(error):
            serving.reply(reply_to, {"error": "The database does not answer."})
        raise


@tenant_task
def run_import(tenant_id: int, job_id: int) -> None:
    """Read an uploaded file into documents."""
    _run_job("run_import", jobs.run_import, tenant_id, job_id)


@tenant_task
def run_export(tenant_id: int, job_id: int) -> None:
    """Write an export to a file."""
    _run_job("run_export", jobs.run_export, tenant_id, job_id)


def _run_job(task: str, run: Callable[[Tenant, int], None], tenant_id: int, job_id: int) -> None:
    """Run a job; one that loses the database waits for it, and goes on from where it came to."""
    try:
        run(_tenant(tenant_id), job_id)
    except (InterfaceError, OperationalError) as error:
        if not database.lost(error) or not database.back_within(PATIENCE):
            raise  # the sweep finds it
        log.warning("database_lost", job=job_id, error=str(error))
        with tenant_scope(_tenant(tenant_id)):
            jobs.put_back(job_id)
        send_once(task, tenant_id, job_id)


@tenant_task
def run_delete(tenant_id: int, job_id: int) -> None:
    """Delete a document, an import's documents, or a project."""
    _run_job("run_delete", removal.run, tenant_id, job_id)


@tenant_task
def look_after(tenant_id: int) -> None:
    """Find whatever a lost message or a killed worker left behind."""
    tenant = _tenant(tenant_id)
    with tenant_scope(tenant):
        runs.recover()
        for project in Project.objects.all():
            queue.release_expired(project)
            runs.consider(project)
        unranked = runs.unranked()
        abandoned = jobs.abandoned()
        jobs.tidy()
        strays.tidy()
    for project_id in unranked:
        send_once("rank", tenant_id, project_id)
    for job in abandoned:
        send_once(f"run_{job.kind}", tenant_id, job.pk)


@app.task(name="trainer.tasks.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """For the whole install: have every tenant looked after, each by a task of its own."""
    begun("sweep")
    for tenant in Tenant.objects.all():
        send_once("look_after", tenant.pk)
