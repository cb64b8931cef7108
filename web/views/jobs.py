"""An import, an export or a deletion on its way: what it waits for, how far it is, how to stop it, and what it left."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from redis import RedisError

from annotator import jobs
from annotator.errors import Refusal
from annotator.exporting.formats import Report
from annotator.importing import refused
from annotator.importing.options import Options
from annotator.importing.told import Tally
from annotator.models import Document, Job
from annotator.said import here
from trainer import pulse, removal
from web import access
from web.requests import TenantRequest
from web.views import imports

# How long a queued job may wait before the page looks whether there is a worker at all.
PATIENCE = timedelta(seconds=6)
SHOWN_ERRORS = 100
KINDS = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8", "conll": "text/plain; charset=utf-8"}


@require_http_methods(["GET", "POST"])
def show(request: TenantRequest, job_id: int) -> HttpResponse:
    """The page of a job; its forms look again at a preview, begin the import, cancel, and try a deletion again."""
    job = access.job_for(request, job_id)
    if request.method == "POST":
        act = request.POST.get("act")
        try:
            if act == "cancel":
                jobs.cancel(job)
            elif act == "again":
                removal.again(job)
            else:
                found = jobs.preview(job, imports.options_of(request.POST, job))
                if act == "start":
                    imports.check(found)
                    imports.confirm(request, job)
        except Refusal as refusal:
            messages.error(request, imports.on_page(refusal.said))
        return redirect("job", tenant=request.tenant.slug, job_id=job.pk)
    return render(request, "web/deletion.html" if job.kind == Job.Kind.DELETE else "web/job.html", _context(job))


@require_safe
def download(request: TenantRequest, job_id: int) -> HttpResponseBase:
    """The file that an export made, as long as it is kept."""
    job = access.job_for(request, job_id)
    return made(job) or _no_longer(request, job)


@require_safe
def refusals(request: TenantRequest, job_id: int) -> HttpResponseBase:
    """The rows that an import refused, to be mended and imported again."""
    job = access.job_for(request, job_id)
    return refused_rows(job) or _no_longer(request, job)


def made(job: Job) -> FileResponse | None:
    """What an export made; None if it made none, or it is no longer kept."""
    if job.kind != Job.Kind.EXPORT or job.state != Job.State.SUCCEEDED:
        return None
    return _sent(Path(job.path or "gone"), job.options["filename"], KINDS[job.options["export"].get("format", "jsonl")])


def refused_rows(job: Job) -> FileResponse | None:
    """The rows that an import refused; None if there were none, or they are no longer kept."""
    if job.kind != Job.Kind.IMPORT or not job.errors_bytes:
        return None
    kind = refused.suffix(Options.of_job(job.options["import"]))
    name = f"refused-{Path(job.options['filename']).stem}.{kind}"
    return _sent(refused.path_of(job.path or "gone"), name, KINDS[kind])


def _sent(path: Path, name: str, kind: str) -> FileResponse | None:
    try:
        return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type=kind)
    except FileNotFoundError:
        return None


def _no_longer(request: TenantRequest, job: Job) -> HttpResponse:
    messages.error(request, _("There is no such file, or it is no longer kept."))
    return redirect("job", tenant=request.tenant.slug, job_id=job.pk)


def _context(job: Job) -> dict[str, Any]:
    context: dict[str, Any] = {"job": job, "project": job.project}
    if job.state == Job.State.UPLOADED:
        try:
            return context | imports.shown(job)
        except Refusal as refusal:
            return context | {"gone": refusal.said}
    now, tally = timezone.now(), Tally(job.told)
    active = job.state in (Job.State.QUEUED, Job.State.RUNNING)
    return context | {
        "written": job.report.get("written", job.rows_read),
        "lacks": [here(sentence) for sentence in Report.of_job(job.report).told()],
        "active": active,
        "stopping": jobs.stopping(job),
        "alone": active and _waits(job, now) and not _somebody_works(),
        "kept_until": job.finished_at + jobs.KEPT if job.finished_at and job.path else None,
        "reasons": imports.reasons(tally),
        "row_errors": [one | {"reason": imports.on_page(one["reason"])} for one in job.row_errors[:SHOWN_ERRORS]],
        "reason": imports.on_page(job.reason),
        "notes": imports.notes(tally),
        "by_item": tally.by_item,
        "refused_kept": bool(job.errors_bytes and job.path),
        "what": job.options.get("delete", {}).get("what", ""),
        "can_undo": job.kind == Job.Kind.IMPORT and not active and Document.objects.filter(job=job).exists(),
        "refused_cut": job.errors_bytes >= refused.MOST_BYTES,
        **_pace(job, now),
    }


def _waits(job: Job, now: datetime) -> bool:
    return job.heartbeat_at is None or now - job.heartbeat_at > PATIENCE


def _somebody_works() -> bool:
    try:
        return pulse.workers()["io"]
    except RedisError:
        return False


def _pace(job: Job, now: datetime) -> dict[str, Any]:
    """Part done, rows a second, and seconds left; of a strict import, which shows nothing on its way, none."""
    done, total = job.done_bytes, job.total_bytes
    if job.kind != Job.Kind.IMPORT:
        done, total = job.rows_read, job.options.get("expected", 0)
    seconds = ((job.finished_at or now) - job.started_at).total_seconds() if job.started_at else 0
    if not seconds or not job.rows_read:
        return {"done": 0, "total": 0}
    left = seconds * (total - done) / done if done and total > done else 0
    pace = round(job.rows_read / seconds)
    return {"done": min(done, total), "total": total, "rows_a_second": pace, "left": round(left)}
