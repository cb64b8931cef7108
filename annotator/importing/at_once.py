"""An import in the transaction at hand, on record as a job that is over: it can be undone like one that ran beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from django.utils import timezone

from annotator.importing.load import Report, load
from annotator.importing.options import Options
from annotator.importing.store import Stored
from annotator.models import Document, Job, Project, User

SEVERAL = 2  # documents; one alone is deleted as such, and a program that sends one at a time makes no thousand jobs


def import_at_once(
    project: Project,
    file: BinaryIO,
    options: Options,
    *,
    user: User,
    filename: str = "",
    watch: Callable[[Stored], None] = lambda _: None,
) -> tuple[Report, Job | None]:
    """The report of an import, and its job where it brought several documents. Raises as ``load`` does."""
    job = Job.objects.create(
        project=project,
        kind=Job.Kind.IMPORT,
        state=Job.State.RUNNING,
        options={"filename": filename[-200:], "attempts": 1, "import": options.as_json()},
        created_by=user,
        started_at=timezone.now(),
    )
    report = load(project, file, options, user=user, job=job, watch=watch)
    if report.new < SEVERAL:
        Document.objects.filter(job=job).update(job=None)
        job.delete()
        return report, None
    job.state = Job.State.SUCCEEDED
    job.finished_at = job.heartbeat_at = timezone.now()
    job.rows_read, job.rows_new = report.rows, report.new
    job.rows_known, job.rows_refused = report.known, report.refused
    job.row_errors, job.told = report.errors, report.told.as_json()
    job.save()
    return report, job
