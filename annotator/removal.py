"""Deletion: a document, what an import brought, or a project, with all that anybody said about it.

What goes is told first (``foreseen``), then a job does it batch by batch: each batch is one transaction, so one that
was killed goes on with what is still there. History is append-only for the application; the database's own function
deletes documents with all that belongs to them (migration 0014). What models and their runs hold of the texts is
trainer/removal.py's part. The one place that deletes documents and projects.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

import structlog
from django.db import OperationalError, connection
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from annotator import audit, jobs
from annotator.dictionary import learning
from annotator.errors import Conflict, Invalid, Refusal
from annotator.finding import words
from annotator.importing.told import Tally
from annotator.models import (
    Annotation,
    AnnotationRevision,
    ApiToken,
    AuditEvent,
    Claim,
    DeletedDocument,
    Document,
    Invitation,
    Job,
    Label,
    Membership,
    Posting,
    Project,
    Question,
    Suggestion,
    Tenant,
    Term,
    User,
)
from annotator.said import Said
from annotator.tenancy import TenantOwned, tenant_scope

log = structlog.get_logger(__name__)

What = Literal["document", "import", "project"]
Report = Callable[[int], None]

BATCH = 100
ACTIVE = [Job.State.QUEUED, Job.State.RUNNING]
WAITING = [Job.State.UPLOADED, *ACTIVE]
UNDONE = "Undone: the documents that it brought are deleted."
FORGOTTEN = "It failed. The reason could hold words of documents that are deleted by now, and went with them."


class TakenOver(Exception):
    """The deletion is no longer this worker's."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to go: by number, for the job that does it outlives it."""

    what: What
    id: int
    project_id: int

    @classmethod
    def of(cls, thing: Document | Job | Project) -> Target:
        """Raises Invalid for a job that is no finished import, or one whose documents are not known."""
        if isinstance(thing, Project):
            return cls("project", thing.pk, thing.pk)
        if isinstance(thing, Document):
            return cls("document", thing.pk, thing.project_id)
        if thing.kind != Job.Kind.IMPORT or thing.project_id is None:
            raise Invalid("no_import", Said("Only an import can be undone."))
        if thing.state in WAITING:
            raise Conflict("job_active", Said("The import is not over: cancel it first."))
        if thing.options.get("undone"):
            raise Conflict("undone", Said("This import is undone already."))
        return cls("import", thing.pk, thing.project_id)

    def documents(self) -> QuerySet[Document]:
        """Those that go with it. Needs the tenant's scope."""
        mine = Document.objects.filter(project=self.project_id)
        if self.what == "project":
            return mine
        return mine.filter(pk=self.id) if self.what == "document" else mine.filter(job=self.id)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """How much goes. ``people``: who answered; ``open``: who has one of the documents open just now."""

    documents: int
    answers: int
    drafts: int
    people: int
    revisions: int
    suggestions: int
    open: int
    files: int
    labels: int


def foreseen(target: Target) -> Foreseen:
    """What goes with the target, counted. Needs the tenant's scope."""
    among: dict[str, Any] = {"project": target.project_id}
    if target.what != "project":
        among["document__in"] = target.documents().values("pk")
    answers = Annotation.objects.filter(**among)
    given = answers.exclude(state=Annotation.State.DRAFT)
    whole = target.what == "project"
    revisions = AnnotationRevision.objects.filter(annotation__in=answers.values("pk"))
    return Foreseen(
        documents=target.documents().count(),
        answers=given.count(),
        drafts=answers.filter(Q(state=Annotation.State.DRAFT) | Q(draft__isnull=False)).count(),
        people=answers.values("annotator").distinct().count(),
        revisions=(AnnotationRevision.objects.filter(project=target.project_id) if whole else revisions).count(),
        suggestions=Suggestion.objects.filter(**among).count(),
        open=Claim.objects.filter(**among, expires_at__gt=timezone.now()).values("annotator").distinct().count(),
        files=_files(target.project_id).count(),
        labels=Label.objects.filter(project=target.project_id).count() if whole else 0,
    )


def start(target: Target, *, actor: User) -> Job:
    """Queue the deletion and put it on record. One of the same thing that is under way already is returned.

    Raises Conflict as ``require_known`` does.
    """
    require_known(target)
    Project.objects.select_for_update(no_key=True).filter(pk=target.project_id).first()  # two who ask at once are one
    active = Job.objects.filter(project=target.project_id, kind=Job.Kind.DELETE, state__in=ACTIVE)
    told = {"what": target.what, "id": target.id, "project": target.project_id}
    job = active.filter(options__delete=told).first()
    if job is None:
        job = Job.objects.create(
            project_id=target.project_id,
            kind=Job.Kind.DELETE,
            options={"attempts": 0, "delete": told, "expected": target.documents().count()},
            created_by=actor,
            heartbeat_at=timezone.now(),
        )
        record(target, actor=actor)
    return job


def require_known(target: Target) -> None:
    """Raise Conflict for an import that brought documents of which none is known: nothing would be undone."""
    if target.what != "import" or target.documents().exists() or _begun(target):
        return
    if Job.objects.filter(pk=target.id, rows_new__gt=0).exists():
        told = Said("None of the project’s documents is known to have come from this import.")
        raise Conflict("nothing_known", told)


def _begun(target: Target) -> bool:
    """Whether it is on record that somebody began with this deletion."""
    return AuditEvent.objects.filter(action=f"{target.what}.delete", target=f"{target.what} {target.id}").exists()


def interrupted(document_id: int) -> Target | None:
    """The deletion of a document that is gone itself: what files hold of it may be there still. None where there was no
    such document, or its project is gone, too."""
    events = AuditEvent.objects.filter(action="document.delete", target=f"document {document_id}")
    project = Project.objects.filter(pk__in=[event.detail["project"] for event in events]).first()
    return Target("document", document_id, project.pk) if project and was_deleted(document_id) else None


def record(target: Target, *, actor: User | None) -> None:
    """Put on record who deletes what, in numbers alone: no name outlives what it named."""
    told = asdict(foreseen(target))
    audit.record(
        actor,
        f"{target.what}.delete",
        f"{target.what} {target.id}",
        project=target.project_id,
        counts={name: told[name] for name in ("documents", "answers", "people")},
    )


def target_of(job: Job) -> Target:
    told = job.options["delete"]
    return Target(told["what"], told["id"], told["project"])


def run(tenant: Tenant, job_id: int, work: Callable[[Job, Report], None]) -> None:
    """Do a queued deletion; ``work`` is handed the job, and whom to tell how many documents more are gone.

    Does nothing if it is not queued.
    """
    job = jobs.begin(tenant, job_id, Job.Kind.DELETE)
    if job is None:
        return

    def report(more: int) -> None:
        with tenant_scope(tenant):
            running = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, options__attempts=job.options["attempts"])
            if not running.update(rows_read=F("rows_read") + more, heartbeat_at=timezone.now()):
                raise TakenOver

    state, reason = Job.State.SUCCEEDED, ""
    try:
        work(job, report)
    except TakenOver:
        log.info("job_taken_over", job=job.pk)
        return
    except Refusal as refusal:
        state, reason = Job.State.FAILED, refusal.message
    except (OSError, OperationalError) as error:
        if jobs.waits_for_room(tenant, job, error):
            return
        if not isinstance(error, OSError):
            raise
        state, reason = Job.State.FAILED, f"A file cannot be deleted: {error.strerror or error}."
    with tenant_scope(tenant):
        Job.objects.filter(pk=job.pk).update(state=state, reason=reason, finished_at=timezone.now())


def delete_batch(target: Target) -> int:
    """Delete some of the target's documents, in the transaction at hand; how many, none when all are gone."""
    rows = list(target.documents().order_by("pk").values_list("pk", "external_id", "text")[:BATCH])
    if not rows:
        return 0
    if target.what != "project":
        words.forget(target.project_id, rows)
        learning.forget(Project.objects.get(pk=target.project_id), [pk for pk, _, _ in rows])
    with connection.cursor() as cursor:
        cursor.execute("SELECT marginalia_delete_documents(%s)", [[pk for pk, _, _ in rows]])
    return len(rows)


def was_deleted(document_id: int) -> bool:
    """Whether the tenant in scope had such a document once."""
    return DeletedDocument.objects.filter(document=document_id).exists()


def _files(project_id: int) -> QuerySet[Job]:
    """Jobs of a project that are over and left a file, or words about rows that were refused."""
    over = Job.objects.filter(project=project_id, finished_at__isnull=False)
    kept = ~Q(path="") & (Q(kind=Job.Kind.EXPORT) | Q(errors_bytes__gt=0))
    return over.filter(kept | ~Q(row_errors=[]))


def forget_files(target: Target) -> None:
    """What exports wrote and imports refused, or told of their rows, may hold the texts, and goes."""
    over = Job.objects.filter(project=target.project_id, finished_at__isnull=False).order_by("pk")
    list(over.select_for_update(of=("self",)).values_list("pk"))  # another deletion waits, and they lock in one order
    for job in _files(target.project_id):
        jobs.drop_files(job, row_errors=[], errors_bytes=0)
    for job in over.filter(kind=Job.Kind.IMPORT):
        jobs.drop_upload(job)  # is there only where a worker was killed at its very end
        tally = Tally(job.told)
        tally.forget_reasons()
        failed = {"reason": FORGOTTEN} if job.state == Job.State.FAILED else {}
        Job.objects.filter(pk=job.pk).update(told=tally.as_json(), **failed)


def mark_undone(target: Target) -> None:
    """Of an import that is undone nothing stays but its numbers. The last step, for it is not undone a second time."""
    if target.what == "import":
        for job in Job.objects.filter(pk=target.id):
            options = {"attempts": job.options.get("attempts", 0), "undone": True}
            jobs.drop_files(job, row_errors=[], errors_bytes=0, told={}, sha256="", options=options, reason=UNDONE)


def stop_jobs(target: Target) -> bool:
    """Have imports and exports that would bring the texts back, or write them down, end; whether all have."""
    others = Job.objects.filter(project=target.project_id, state__in=WAITING).exclude(kind=Job.Kind.DELETE)
    if target.what != "project":
        others = others.filter(kind=Job.Kind.EXPORT, state=Job.State.RUNNING)
    for job in others:
        with suppress(Conflict):  # it has ended by itself
            jobs.cancel(job)
    return not others.exists()


def close(project_id: int) -> None:
    """Nobody gets a document of a project that is being deleted."""
    Project.objects.filter(pk=project_id, archived_at=None).update(archived_at=timezone.now())


def delete_project(project_id: int, job: Job | None) -> None:
    """The project's last rows, after its documents, runs and files; the deletion's own job stays, as nobody's."""
    for other in Job.objects.filter(project=project_id).exclude(pk=job.pk if job else 0):
        jobs.drop_files(other)
    if job is not None:
        Job.objects.filter(pk=job.pk).update(project=None)
    for model in (Posting, Claim, Term, Label, Question, Job):
        drop(model.objects.filter(project=project_id))
    drop(Project.objects.filter(pk=project_id))
    with connection.cursor() as cursor:
        cursor.execute("SELECT marginalia_redact_project(%s)", [project_id])


def delete_tenant(tenant: Tenant) -> None:
    """The last rows of the tenant in scope, which has no projects any more: its members, its record, itself."""
    for model in (Job, DeletedDocument, ApiToken, Invitation):
        drop(model.objects.all())
    Membership.objects.filter(tenant=tenant).delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT marginalia_delete_record()")
    itself = Tenant.objects.filter(pk=tenant.pk)
    itself._raw_delete(itself.db)


def drop(rows: QuerySet[Any, Any]) -> None:
    """Delete these rows and look for no others: a cascade would try to empty tables of history, which nobody may."""
    assert issubclass(rows.model, TenantOwned)
    rows._raw_delete(rows.db)
