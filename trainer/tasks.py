"""What workers do: each task names its tenant first, and calls one verb."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import structlog
from celery import Task

from annotator import jobs, queue
from annotator.models import Project, Tenant
from annotator.tenancy import tenant_scope
from trainer import predict as hot
from trainer import removal, retrain, runs, serving
from trainer.celery import app, send
from trainer.store import Tampered


class TenantTask(Task):  # type: ignore[misc,type-arg]
    """A task for one tenant: called with ``tenant_id``, it runs with the Tenant. Verbs open their own scopes."""

    abstract = True

    def __init__(self) -> None:
        if next(iter(inspect.signature(self.run).parameters)) != "tenant_id":
            raise TypeError(f"The first argument of {self.name} must be tenant_id.")

    def __call__(self, tenant_id: int, *args: Any, **options: Any) -> Any:
        with structlog.contextvars.bound_contextvars(tenant=tenant_id, task=self.name):
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
        runs.consider(project)
        live = runs.live_version(project)
    if live is not None:
        send("refresh", tenant_id, project_id)


@tenant_task
def train(tenant_id: int) -> None:
    """Work on the tenant's oldest queued run; what was labelled meanwhile may call for another."""
    runs.woken(tenant_id)
    project_id = retrain.round_for(_tenant(tenant_id))
    if project_id is not None:
        send("consider", tenant_id, project_id)


@tenant_task
def refresh(tenant_id: int, project_id: int) -> None:
    """Suggestions for the head of the queue; after a promotion also new priorities for the pool."""
    tenant = _tenant(tenant_id)
    hot.refresh(tenant, project_id)
    with tenant_scope(tenant):
        live = runs.live_version(Project.objects.get(pk=project_id))
        if live is not None and runs.begin_ranking(live):
            send("rank", tenant_id, project_id, live.number, -1.0)


@tenant_task
def rank(tenant_id: int, project_id: int, number: int, after: float) -> None:
    """One batch of the pool's new priorities, then the next, so that other work comes in between."""
    reached = hot.rank(_tenant(tenant_id), project_id, number, after)
    if reached is None:
        send("refresh", tenant_id, project_id)
    else:
        send("rank", tenant_id, project_id, number, reached)


@tenant_task
def suggest(tenant_id: int, project_id: int, document_ids: list[int]) -> None:
    """Suggestions for documents that somebody has open."""
    hot.suggest(_tenant(tenant_id), project_id, document_ids)


@tenant_task
def predict(tenant_id: int, version_id: int, texts: list[str], reply_to: str) -> None:
    """Answers for texts from outside, handed to the web process that waits for them."""
    try:
        serving.reply(reply_to, {"answers": hot.predict(_tenant(tenant_id), version_id, texts)})
    except Tampered as error:
        serving.reply(reply_to, {"error": str(error)})
        raise


@tenant_task
def run_import(tenant_id: int, job_id: int) -> None:
    """Read an uploaded file into documents."""
    jobs.run_import(_tenant(tenant_id), job_id)


@tenant_task
def run_export(tenant_id: int, job_id: int) -> None:
    """Write an export to a file."""
    jobs.run_export(_tenant(tenant_id), job_id)


@tenant_task
def run_delete(tenant_id: int, job_id: int) -> None:
    """Delete a document, an import's documents, or a project."""
    removal.run(_tenant(tenant_id), job_id)


@tenant_task
def look_after(tenant_id: int) -> None:
    """Find whatever a lost message or a killed worker left behind."""
    tenant = _tenant(tenant_id)
    with tenant_scope(tenant):
        runs.recover()
        for project in Project.objects.all():
            queue.release_expired(project)
            runs.consider(project)
        abandoned = jobs.abandoned()
        jobs.tidy()
    for job in abandoned:
        send(f"run_{job.kind}", tenant_id, job.pk)


@app.task(name="trainer.tasks.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """For the whole install: have every tenant looked after, each by a task of its own."""
    for tenant in Tenant.objects.all():
        send("look_after", tenant.pk, expires=10)
