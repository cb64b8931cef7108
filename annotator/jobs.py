"""Imports, exports and deletions that run beside the request. The one writer of Job rows.

A job is queued → running → succeeded, failed or cancelled; an import may wait as uploaded until somebody has looked at
its preview. An import commits each batch of rows together with the place it has reached in the file, so one that was
killed goes on from there and counts nothing twice, even if two workers hold it at once; one that is cancelled keeps the
batches that were committed, and nothing half. A strict import is one transaction. A running job is asked to stop by a
file beside its own, because the row of a strict one is locked. Verbs that run a job enter the tenant's scopes
themselves. A deletion (removal.py says what it does) has no file, and is not stopped once it has begun.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import structlog
from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from annotator import disk
from annotator.errors import Conflict, Invalid, Refusal
from annotator.exporting import jsonl
from annotator.importing import load, refused
from annotator.importing import preview as previewing
from annotator.importing.options import Options
from annotator.importing.rows import Refused, Row
from annotator.importing.store import Stored, store_rows
from annotator.importing.told import Tally
from annotator.models import Job, Project, Tenant, User
from annotator.said import Said
from annotator.tenancy import current_tenant, tenant_scope

log = structlog.get_logger(__name__)

# A batch takes a second or so; a worker that has said nothing for this long is taken for dead. If it was slow only, and
# nobody else has begun meanwhile, the job is its own again with its next batch.
SILENCE = timedelta(seconds=20)
MAX_ATTEMPTS = 5
KEPT = timedelta(days=7)  # what an export made, and what an import refused
UNCONFIRMED = timedelta(days=1)
_PIECE = 1024 * 1024
_ACTIVE = (Job.State.RUNNING, Job.State.QUEUED)


class _Cancelled(Exception):
    """Somebody asked the job to stop."""


class _TakenOver(Exception):
    """The job is no longer this worker's: what was done since its last step is taken back."""


def start_import(
    project: Project,
    user: User,
    source: BinaryIO | Path,
    filename: str,
    options: Mapping[str, Any],
    *,
    promised: int | None = None,
    state: str = Job.State.QUEUED,
) -> Job:
    """Keep the file and queue its import. ``promised`` is the length that a sender announced, if any.

    Left in the state uploaded, it waits for confirm(), with columns guessed. Raises Invalid for unknown options, and
    for a file that is too large or ends before what was promised, Conflict where the project is being deleted.
    """
    _refuse_if_deleted(project)
    parsed = Options.parse(options, filename)
    path = _new_file(settings.UPLOADS_DIR, parsed.format)
    size = _keep(source, path, promised)
    try:
        if state == Job.State.UPLOADED:
            parsed = previewing.guess(path, parsed, options)
        with transaction.atomic():
            return Job.objects.create(
                project=project,
                kind=Job.Kind.IMPORT,
                state=state,
                options={"filename": filename[-200:], "attempts": 0, "import": parsed.as_json()},
                path=str(path),
                total_bytes=size,
                created_by=user,
                heartbeat_at=timezone.now(),
            )
    except IntegrityError as error:
        path.unlink(missing_ok=True)
        raise _being_deleted() from error  # the project went while the file came
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _refuse_if_deleted(project: Project) -> None:
    """Nothing begins in a project that somebody has asked to delete: the deletion waits until all has ended."""
    asked = Job.objects.filter(project=project, kind=Job.Kind.DELETE, options__delete__what="project")
    if asked.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING]).exists():
        raise _being_deleted()


def _being_deleted() -> Conflict:
    return Conflict("being_deleted", Said("This project is being deleted."))


def preview(job: Job, options: Mapping[str, Any] | None = None) -> previewing.Preview:
    """What the upload looks like, with these options or those that it has; the job keeps the ones given."""
    if job.kind != Job.Kind.IMPORT or job.state != Job.State.UPLOADED:
        raise Conflict("job_over", Said("The import waits no longer: it is %(state)s.", state=Said(job.state)))
    if options is not None:
        parsed = Options.parse(options, job.options["filename"])
        _change(job, [Job.State.UPLOADED], options=job.options | {"import": parsed.as_json()})
    try:
        return previewing.preview(
            job.of_project, Path(job.path), Options.of_job(job.options["import"]), user=job.created_by
        )
    except OSError as error:
        raise Conflict("upload_gone", Said("The uploaded file is gone: upload it again.")) from error


def confirm(job: Job) -> None:
    """Queue an import that waited. Raises Conflict if it does not wait."""
    if not _change(job, [Job.State.UPLOADED], state=Job.State.QUEUED, heartbeat_at=timezone.now()):
        raise Conflict("job_over", Said("The import waits no longer: it is %(state)s.", state=Said(job.state)))


def cancel(job: Job) -> None:
    """Stop a job: at once if no worker has it, else at its next batch. Raises Conflict if it is over."""
    waiting = [Job.State.UPLOADED, Job.State.QUEUED]
    if not _deletes(job) and _change(
        job, waiting, state=Job.State.CANCELLED, finished_at=timezone.now(), reason="Cancelled before it began."
    ):
        transaction.on_commit(partial(drop_upload, job))
    elif _deletes(job):
        raise Conflict("cannot_stop", Said("A deletion that has begun is not stopped: what is half gone helps nobody."))
    elif job.state == Job.State.RUNNING:
        _stop_file(job).touch()
    else:
        raise Conflict("job_over", Said("The job is over: it is %(state)s.", state=Said(job.state)))


def _deletes(job: Job) -> bool:
    """Whether it is a deletion that has begun, also one that waits since its worker was killed."""
    active = job.state in (Job.State.QUEUED, Job.State.RUNNING)
    return job.kind == Job.Kind.DELETE and active and job.started_at is not None


def again(job: Job) -> None:
    """Queue a deletion that failed once more: of what is half gone something is left. Conflict for any other job."""
    values = {"reason": "", "finished_at": None, "options": job.options | {"attempts": 0}}
    failed = [Job.State.FAILED] if job.kind == Job.Kind.DELETE else []
    if not _change(job, failed, state=Job.State.QUEUED, heartbeat_at=timezone.now(), **values):
        raise Conflict("job_over", Said("The job is over: it is %(state)s.", state=Said(job.state)))


def stopping(job: Job) -> bool:
    """Whether a running job has been asked to stop."""
    return job.state == Job.State.RUNNING and bool(job.path) and _stop_file(job).exists()


def _change(job: Job, states: Sequence[str], **values: Any) -> bool:
    """Change the job if it is in one of these states; the job at hand then is as the row."""
    done = bool(Job.objects.filter(pk=job.pk, state__in=states).update(**values))
    job.refresh_from_db()
    return done


def _stop_file(job: Job) -> Path:
    return Path(job.path + ".stop")


def drop_upload(job: Job) -> None:
    """The file that came in goes; that of what was refused of it stays."""
    if job.path:
        Path(job.path).unlink(missing_ok=True)


def tidy() -> None:
    """Remove what the tenant's jobs left: uploads that nobody confirmed, files of those that ended long ago."""
    now = timezone.now()
    for job in Job.objects.filter(state=Job.State.UPLOADED, created_at__lt=now - UNCONFIRMED):
        cancel(job)
    for job in Job.objects.filter(finished_at__lt=now - KEPT).exclude(path="").order_by("pk"):
        drop_files(job)


def drop_files(job: Job, **changes: Any) -> None:
    """Whatever lies beside a job goes."""
    if job.path:
        whole = Path(job.path)
        for path in (whole, whole.with_suffix(".part"), refused.path_of(job.path), _stop_file(job)):
            path.unlink(missing_ok=True)
    Job.objects.filter(pk=job.pk).update(path="", **changes)


def start_export(project: Project, user: User, options: Mapping[str, Any]) -> Job:
    """Queue an export to a file. Raises Invalid for unknown options, Conflict where the project is being deleted."""
    _refuse_if_deleted(project)
    parsed = jsonl.Options.parse(options)
    return Job.objects.create(
        project=project,
        kind=Job.Kind.EXPORT,
        options={
            "attempts": 0,
            "export": parsed.as_json(),
            "filename": parsed.filename(project),
            "expected": parsed.expected(project),
        },
        path=str(_new_file(settings.EXPORTS_DIR, parsed.format)),
        created_by=user,
        heartbeat_at=timezone.now(),
    )


def run_import(tenant: Tenant, job_id: int) -> None:
    """Import the job's file, from where an earlier worker came to. Does nothing if it is not queued."""
    job = begin(tenant, job_id, Job.Kind.IMPORT)
    if job is None:
        return
    options = Options.of_job(job.options["import"])
    try:
        (_import_at_once if options.strict else _import_in_batches)(tenant, job, options)
    except load.RowsRefused as error:
        report = error.report
        _end(tenant, job, Job.State.FAILED, error.message, rows_read=report.rows, rows_refused=report.refused,
             row_errors=report.errors, errors_bytes=job.errors_bytes, told=report.told.as_json())  # fmt: skip
    except Refusal as error:
        _end(tenant, job, Job.State.FAILED, error.message)
    except (DataError, IntegrityError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        # Another worker would meet the same: it is not tried again.
        log.exception("import_failed", job=job.pk)
        what = (
            f"Something in the file was not foreseen ({type(error).__name__}). The log has more; that is our mistake."
        )
        _end(tenant, job, Job.State.FAILED, what)
    except (OSError, OperationalError) as error:
        if waits_for_room(tenant, job, error):
            return
        if not isinstance(error, OSError):
            raise
        _end(tenant, job, Job.State.FAILED, f"The uploaded file cannot be read: {error.strerror or error}.")
    except _Cancelled:
        none = "Nothing was imported." if options.strict else "What had been imported stays."
        _end(tenant, job, Job.State.CANCELLED, f"Cancelled. {none}")
    except _TakenOver:
        log.info("job_taken_over", job=job.pk)
        return
    with tenant_scope(tenant):
        if Job.objects.filter(pk=job.pk, state__in=_ACTIVE).exists():
            return  # another worker has it, and needs the file
    _stop_file(job).unlink(missing_ok=True)
    Path(job.path).unlink(missing_ok=True)


def run_export(tenant: Tenant, job_id: int) -> None:
    """Write the job's export to its file, which appears when it is whole. Does nothing if it is not queued."""
    job = begin(tenant, job_id, Job.Kind.EXPORT)
    if job is None:
        return
    export = jsonl.Export(tenant, job.of_project.pk, jsonl.Options(**job.options["export"]))
    path = Path(job.path)
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            for data in export:
                file.write(data)
                _report_export(tenant, job, file.tell(), export.count)
        part.rename(path)
    except _Cancelled:
        part.unlink(missing_ok=True)
        _stop_file(job).unlink(missing_ok=True)
        _end(tenant, job, Job.State.CANCELLED, "Cancelled.")
        return
    except (OSError, OperationalError) as error:
        part.unlink(missing_ok=True)
        if waits_for_room(tenant, job, error):
            return
        if not isinstance(error, OSError):
            raise
        _end(tenant, job, Job.State.FAILED, f"The export cannot be written: {error.strerror or error}.")
        return
    except _TakenOver:
        log.info("job_taken_over", job=job.pk)
        return
    _end(tenant, job, Job.State.SUCCEEDED, sha256=export.sha256, total_bytes=path.stat().st_size,
         report=export.report.as_json())  # fmt: skip


def abandoned() -> list[Job]:
    """Jobs of the tenant in scope that nobody works on, queued anew: send them to a worker again.

    One whose worker died time and again is failed instead.
    """
    silent = Job.objects.filter(
        state__in=[Job.State.QUEUED, Job.State.RUNNING], heartbeat_at__lt=timezone.now() - SILENCE
    )
    found: list[Job] = []
    if disk.is_full():
        return found
    # A strict import holds its row locked while it lives; skipping locked rows passes over it.
    for job in silent.select_for_update(skip_locked=True, of=("self",)).order_by("pk"):
        if job.options["attempts"] >= MAX_ATTEMPTS:
            job.state = Job.State.FAILED
            job.reason = f"Given up: {MAX_ATTEMPTS} workers stopped while they were at it."
            job.finished_at = timezone.now()
            transaction.on_commit(partial(drop_upload, job))
        elif job.path and _stop_file(job).exists():
            job.state = Job.State.CANCELLED
            job.reason = "Cancelled. What had been imported stays." if job.rows_new else "Cancelled."
            job.finished_at = timezone.now()
            transaction.on_commit(partial(drop_upload, job))
        else:
            job.state = Job.State.QUEUED
            found.append(job)
        job.heartbeat_at = timezone.now()
        job.save(update_fields=["state", "reason", "finished_at", "heartbeat_at"])
    return found


def _new_file(folder: Path, suffix: str) -> Path:
    home = folder / str(current_tenant().pk)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return home / f"{uuid.uuid4()}.{suffix}"


def _keep(source: BinaryIO | Path, path: Path, promised: int | None) -> int:
    """Copy the upload piece by piece; its size. Nothing is left of one that is refused or breaks off."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return _keep(file, path, promised)
    size, most = 0, settings.MAX_UPLOAD_BYTES
    try:
        with path.open("wb") as file:
            while piece := source.read(_PIECE):
                size += len(piece)
                if size > most:
                    raise Invalid("too_large", Said("The file has more than %(most)s bytes.", most=f"{most:,}"))
                file.write(piece)
            os.fsync(file.fileno())
        if promised is not None and size < promised:
            told = Said(
                "The upload broke off: %(size)s of %(promised)s bytes came.", size=f"{size:,}", promised=f"{promised:,}"
            )
            raise Invalid("cut_short", told)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size


def begin(tenant: Tenant, job_id: int, kind: str) -> Job | None:
    """The job, running from now on; None if there is no such, or another worker has it."""
    with tenant_scope(tenant):
        waiting = Job.objects.filter(pk=job_id, kind=kind, state=Job.State.QUEUED)
        job = waiting.select_for_update(skip_locked=True, of=("self",)).select_related("project", "created_by").first()
        if job is None:
            return None
        job.state = Job.State.RUNNING
        job.options["attempts"] += 1
        job.heartbeat_at = timezone.now()
        job.started_at = job.started_at or job.heartbeat_at
        job.reason = ""
        job.save(update_fields=["state", "options", "heartbeat_at", "started_at", "reason"])
        return job


def _held(job: Job) -> QuerySet[Job]:
    """The job's row, as long as no other worker has begun with it."""
    return Job.objects.filter(pk=job.pk, state__in=_ACTIVE, options__attempts=job.options["attempts"])


def put_back(job_id: int) -> None:
    """Queue a job again whose worker lost the database; that is no fault of the job's, and not counted."""
    job = Job.objects.select_for_update(of=("self",)).filter(pk=job_id, state=Job.State.RUNNING).first()
    if job is not None:
        options = job.options | {"attempts": job.options["attempts"] - 1}
        _change(job, [Job.State.RUNNING], state=Job.State.QUEUED, options=options, heartbeat_at=timezone.now())


def _import_in_batches(tenant: Tenant, job: Job, options: Options) -> None:
    with Path(job.path).open("rb") as file:
        start = job.done_bytes
        rows = (row for row in load.read(file, options) if row.end > start)
        for batch in load.batches(rows, start):
            _look_for_stop(job)
            with tenant_scope(tenant):
                _advance(job, options, batch, store_rows(job.of_project, batch, user=job.created_by, job=job))
    _end(tenant, job, Job.State.SUCCEEDED, done_bytes=job.total_bytes)


def waits_for_room(tenant: Tenant, job: Job, error: Exception) -> bool:
    """Queue the job again if it failed for want of room: what looks for abandoned ones takes it up later."""
    if not disk.says_full(error):
        return False
    log.error("disk_full", job=job.pk, free_bytes=disk.free(), error=str(error))
    options = job.options | {"attempts": job.options["attempts"] - 1}
    with tenant_scope(tenant):
        Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(
            state=Job.State.QUEUED, reason=disk.WAITS, options=options, heartbeat_at=timezone.now()
        )
    return True


def _look_for_stop(job: Job) -> None:
    if _stop_file(job).exists():
        raise _Cancelled


def _advance(job: Job, options: Options, batch: list[Row | Refused], stored: Stored) -> None:
    """Record the batch in the transaction that stores it, if nobody else has recorded it meanwhile."""
    kept = [row.detail() for row in stored.refused[: max(load.KEPT_ERRORS - len(job.row_errors), 0)]]
    changes: dict[str, Any] = {"row_errors": [*job.row_errors, *kept]} if kept else {}
    tally = Tally(job.told)
    tally.add(stored.told)
    done_bytes = batch[-1].end
    told = refused.rows(Path(job.path), options, stored.refused, job.errors_bytes)
    moved = (
        _held(job)
        .filter(done_bytes=job.done_bytes)
        .update(
            state=Job.State.RUNNING,
            done_bytes=done_bytes,
            rows_read=F("rows_read") + len(batch),
            rows_new=F("rows_new") + stored.new,
            rows_known=F("rows_known") + stored.known,
            rows_refused=F("rows_refused") + len(stored.refused),
            errors_bytes=job.errors_bytes + len(told),
            told=tally.as_json(),
            heartbeat_at=timezone.now(),
            **changes,
        )
    )
    if not moved:
        raise _TakenOver
    # The row is locked from here to the commit: nobody else writes, and what is not committed does not count.
    refused.write(refused.path_of(job.path), job.errors_bytes, told)
    job.errors_bytes += len(told)
    job.done_bytes = done_bytes
    job.row_errors = [*job.row_errors, *kept]
    job.told = tally.as_json()


def _import_at_once(tenant: Tenant, job: Job, options: Options) -> None:
    with Path(job.path).open("rb") as file, tenant_scope(tenant):
        held = Job.objects.select_for_update(of=("self",)).filter(pk=job.pk, state=Job.State.RUNNING, done_bytes=0)
        if held.first() is None:
            raise _TakenOver
        watch = partial(_watch_strict, job, options)
        report = load.load(job.of_project, file, options, user=job.created_by, job=job, watch=watch)
        _end(tenant, job, Job.State.SUCCEEDED, done_bytes=job.total_bytes, rows_read=report.rows,
             rows_new=report.new, rows_known=report.known, told=report.told.as_json())  # fmt: skip


def _watch_strict(job: Job, options: Options, stored: Stored) -> None:
    _look_for_stop(job)
    told = refused.rows(Path(job.path), options, stored.refused, job.errors_bytes)
    refused.write(refused.path_of(job.path), job.errors_bytes, told)
    job.errors_bytes += len(told)


def _report_export(tenant: Tenant, job: Job, done_bytes: int, rows: int) -> None:
    _look_for_stop(job)
    with tenant_scope(tenant):
        told = {"done_bytes": done_bytes, "rows_read": rows, "heartbeat_at": timezone.now()}
        if not _held(job).update(state=Job.State.RUNNING, **told):
            raise _TakenOver


def _end(tenant: Tenant, job: Job, state: str, reason: str = "", **changes: Any) -> None:
    now = timezone.now()
    with tenant_scope(tenant):
        # Also if it was taken for abandoned meanwhile: there may have been much to read that made no row.
        _held(job).update(state=state, reason=reason, finished_at=now, heartbeat_at=now, **changes)
