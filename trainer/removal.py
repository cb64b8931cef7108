"""What runs and models hold of texts that are deleted, and a deletion from its beginning to its end.

A model's export holds numbers and names of labels, no text. Its run's snapshot holds texts and answers, and beside the
model lie ids of held-out documents: of what the project has no more, the lines are taken out, and the run says so. The
project's word vectors and states of an encoder go, and so does whatever an unfinished run left. Each step looks at what
is there, so a deletion that was killed begins again and finds less to do.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction

from annotator import jobs, removal
from annotator.errors import Conflict, Invalid, Refusal
from annotator.models import Document, Job, Project, Tenant, User
from annotator.removal import Report, Target
from annotator.said import Said
from annotator.tenancy import tenant_scope
from trainer import runs, store
from trainer.celery import send_once_committed
from trainer.models import ModelVersion, TrainingRun

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 300.0  # until a run, an import or an export has ended that was asked to
LINES = 500  # whose documents are looked for at a time
NOTE = "a document of the snapshot was deleted later; its line is taken out, and the sha256 is that of before"


class StillBusy(Refusal):
    """Something that would write the texts down anew does not end."""

    status = 409


@dataclass(frozen=True, slots=True)
class Models:
    """What of models goes with a target, or holds what it learnt there."""

    runs: int
    versions: int


def foreseen(target: Target) -> Models:
    """The project's runs and versions. Needs the tenant's scope."""
    mine = {"project": target.project_id}
    return Models(TrainingRun.objects.filter(**mine).count(), ModelVersion.objects.filter(**mine).count())


def start(target: Target, *, actor: User) -> Job:
    """Queue the deletion, and wake a worker for it once that is committed."""
    return _sent(removal.start(target, actor=actor))


def again(job: Job) -> None:
    """Queue a deletion that failed once more, and wake a worker. Raises Conflict for any other job."""
    jobs.again(job)
    _sent(job)


def _sent(job: Job) -> Job:
    send_once_committed("run_delete", job.tenant_id, job.pk)
    return job


def run(tenant: Tenant, job_id: int) -> None:
    """Do a queued deletion."""
    removal.run(tenant, job_id, lambda job, report: delete(tenant, removal.target_of(job), report, job))


def delete(tenant: Tenant, target: Target, report: Report = lambda _: None, job: Job | None = None) -> None:
    """Delete the target with all that is known of it; ``report`` hears of each batch. Enters scopes itself.

    Raises StillBusy if a run, an import or an export of the project does not end.
    """
    if target.what == "project":
        with tenant_scope(tenant):
            removal.close(target.project_id)
    while not _round(tenant, target, report, job):
        pass


def delete_tenant(tenant: Tenant) -> None:
    """Everything of a tenant. Accounts of its people stay: they may belong elsewhere, too."""
    with tenant_scope(tenant):
        projects = [Target.of(project) for project in Project.objects.all()]
    for target in projects:
        delete(tenant, target)
    for folder in (settings.UPLOADS_DIR, settings.EXPORTS_DIR, settings.MODELS_DIR):
        shutil.rmtree(Path(folder) / str(tenant.pk), ignore_errors=True)
    with tenant_scope(tenant):
        removal.delete_tenant(tenant)


def _round(tenant: Tenant, target: Target, report: Report, job: Job | None) -> bool:
    """All of it once; whether nothing came in meanwhile."""
    _wait(tenant, target, report, removal.stop_jobs)
    while _batch(tenant, target, report):
        pass
    _wait(tenant, target, report, _stop_runs)
    _wait(tenant, target, report, removal.stop_jobs)  # an export may have begun to read before the last batch
    with tenant_scope(tenant):
        removal.forget_files(target)
    if target.what == "project":
        return _end_project(tenant, target.project_id, job)
    if _redact(tenant, target.project_id):
        _train_anew(tenant, target.project_id)
    with tenant_scope(tenant):
        removal.mark_undone(target)
    return True


def _batch(tenant: Tenant, target: Target, report: Report) -> int:
    with tenant_scope(tenant):
        gone = removal.delete_batch(target)
        report(gone)
    return gone


def _wait(tenant: Tenant, target: Target, report: Report, stopped: Callable[[Target], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with tenant_scope(tenant):
            if stopped(target):
                return
        if time.monotonic() > deadline:
            told = Said("A run, an import or an export of the project does not end. Try again when it has.")
            raise StillBusy("still_busy", told)
        time.sleep(LOOK_SECONDS)
        report(0)


def _stop_runs(target: Target) -> bool:
    """Have the project's run end, for it reads a snapshot of before; whether there is none any more."""
    active = TrainingRun.objects.filter(project=target.project_id, state__in=TrainingRun.ACTIVE)
    for run in active.filter(cancel_asked=False):
        with suppress(Conflict):  # it has ended by itself
            runs.cancel(run, actor=None)
    return not active.exists()


def _redact(tenant: Tenant, project_id: int) -> bool:
    """Take what the project has no more out of its snapshots; whether some model learnt from it."""
    for kept in (store.vectors_file, store.states_file):
        kept(tenant.pk, project_id).unlink(missing_ok=True)
    shutil.rmtree(store.rehearsal_dir(tenant.pk, project_id), ignore_errors=True)
    with tenant_scope(tenant):
        finished = list(TrainingRun.objects.filter(project=project_id).exclude(state__in=TrainingRun.ACTIVE))
        versions = list(ModelVersion.objects.filter(project=project_id))
    learnt = False
    for run in finished:
        if _redact_run(tenant, run):
            learnt = True
            with tenant_scope(tenant):
                runs.note(run, NOTE)
    for version in versions:
        _redact_version(tenant, version)
    return learnt


def _redact_run(tenant: Tenant, run: TrainingRun) -> bool:
    folder = store.run_dir(tenant.pk, run.project_id, run.pk)
    shutil.rmtree(folder / "model", ignore_errors=True)
    for left in ("pool.jsonl", "pool.part", "snapshot.part"):
        (folder / left).unlink(missing_ok=True)
    snapshot = folder / "snapshot.jsonl"
    if not snapshot.exists():
        return False
    part, gone = folder / "snapshot.kept", 0
    with snapshot.open("rb") as lines, part.open("wb") as file:
        for line in _still_there(tenant, run.project_id, lines):
            gone += line is None
            file.write(line or b"")
    if gone:
        part.replace(snapshot)
    part.unlink(missing_ok=True)
    return gone > 0


def _still_there(tenant: Tenant, project_id: int, lines: Iterable[bytes]) -> Iterator[bytes | None]:
    """Each line of JSON with an ``id``, or None where the project has no such document, or another text."""
    rest = iter(lines)
    while page := [(line, orjson.loads(line)) for line in islice(rest, LINES)]:
        with tenant_scope(tenant):
            there = dict(
                Document.objects.filter(project=project_id, external_id__in=[told["id"] for _, told in page])
                .values_list("external_id", "sha256")
            )  # fmt: skip
        for line, told in page:
            known = there.get(told["id"])
            same = "text" not in told or known == hashlib.sha256(told["text"].encode()).hexdigest()
            yield line if known is not None and same else None


def _redact_version(tenant: Tenant, version: ModelVersion) -> None:
    """The answers beside a model name its held-out documents: lines of those that are gone go; the manifest follows.

    The new files lie aside until the database names the new manifest, so that one can always tell which are meant.
    """
    path = store.version_dir(tenant.pk, version.project_id, version.number)
    store.settle(path, version.manifest_sha256)
    held_out = store.held_out(path, version.manifest_sha256)
    if held_out is None:
        # Not as published, so that no manifest vouches for it: such a version is never loaded.
        (path / store.HELD_OUT).unlink(missing_ok=True)
        return
    kept = [line for line in _still_there(tenant, version.project_id, held_out.splitlines(keepends=True)) if line]
    if len(kept) == held_out.count(b"\n"):
        return
    manifest_sha256 = store.prepare(path, b"".join(kept))
    with tenant_scope(tenant):
        ModelVersion.objects.filter(pk=version.pk).update(manifest_sha256=manifest_sha256)
    store.settle(path, manifest_sha256)


def _train_anew(tenant: Tenant, project_id: int) -> None:
    """A model that never saw what was deleted, if there is anything else to learn from."""
    with tenant_scope(tenant):
        project = Project.objects.filter(pk=project_id, archived_at=None).first()
        if project is None or runs.live_version(project) is None:
            return
        try:
            with transaction.atomic():
                runs.start(project, actor=None, trigger="news")
        except (Conflict, Invalid):
            return  # one that was started meanwhile knows nothing of it either


def _end_project(tenant: Tenant, project_id: int, job: Job | None) -> bool:
    """The rest, while nobody can add anything; False where something had come in before."""
    shutil.rmtree(store.project_dir(tenant.pk, project_id), ignore_errors=True)
    with tenant_scope(tenant):
        Project.objects.select_for_update().filter(pk=project_id).first()
        mine: dict[str, Any] = {"project": project_id}
        busy = Job.objects.filter(**mine, state__in=removal.WAITING).exclude(kind=Job.Kind.DELETE)
        active = TrainingRun.objects.filter(**mine, state__in=TrainingRun.ACTIVE)
        if Document.objects.filter(**mine).exists() or busy.exists() or active.exists():
            return False
        removal.drop(ModelVersion.objects.filter(**mine))
        removal.drop(TrainingRun.objects.filter(**mine))
        removal.delete_project(project_id, job)
    return True
