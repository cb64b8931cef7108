"""Annotate: take in a person's answer about a document, exactly once, and lose none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils import timezone

from annotator import extra, queue, relabel, suggestions
from annotator.dictionary import learning
from annotator.errors import Conflict, Deleted, Detail, Invalid
from annotator.models import Annotation, AnnotationRevision, Document, Project, User
from annotator.said import Said
from annotator.spans import Answer, Schema, clean_answer, storable_fault

MOST_COMMENT = 2_000  # characters
# What each acceptance writes: into the annotation, its draft, its history.
FIELDS = ("revision", "submit_id", "state", "complete", "answer", "flag", "comment", "milliseconds", "updated_at")


@dataclass(frozen=True)
class Submission:
    """What a person sends. ``revision`` is the one it was made from (0: none yet); ``submit_id`` is made by
    the client, once for each act, so that sending it again changes nothing.

    ``comment`` is also the reason of a skip. ``milliseconds`` is for how long the person worked on the document in all.
    ``extra``: they know that it may be one answer more than the project wants (extra.py).
    """

    submit_id: UUID
    revision: int
    answer: Mapping[str, Any]
    state: str = Annotation.State.SUBMITTED
    complete: bool = True
    decisions: Sequence[Mapping[str, Any]] = field(default_factory=list)
    flag: str = Annotation.Flag.NONE
    comment: str = ""
    milliseconds: int | None = None
    extra: bool = True


def current(document: Document, user: User) -> Annotation | None:
    """This person's annotation of the document."""
    return next(iter(Annotation.objects.filter(document=document, annotator=user)[:1]), None)


def current_of(documents: Sequence[Document], user: User) -> dict[int, Annotation]:
    """This person's annotations of these documents, by document."""
    found = Annotation.objects.filter(document__in=[document.pk for document in documents], annotator=user)
    return {annotation.document_id: annotation for annotation in found}


def left(annotation: Annotation) -> dict[str, Any]:
    """The annotation as its annotator left it: the draft, where there is one over the answer that stands."""
    kept = {name: getattr(annotation, name) for name in FIELDS} | {"decisions": annotation.decisions or []}
    return kept | (annotation.draft or {})


def decided_on(annotation: Annotation | None) -> int | None:
    """The suggestion that the verdicts of a draft are about: it stays beside the draft, whatever version is live."""
    decisions = left(annotation)["decisions"] if annotation else []
    return next((decision["suggestion"] for decision in decisions if "suggestion" in decision), None)


def annotate(document: Document, user: User, sent: Submission) -> Annotation:
    """Accept an answer: check it, store it and its history, append its decisions, settle the lease.

    Raises Invalid naming each broken rule, Conflict (with the current annotation) if it was made from a
    revision that is no longer the last. The same ``submit_id`` again returns what it made before.

    A draft is no answer yet: it is kept as it is now, verdicts and all, without history; they are on record once it is
    submitted. It never takes the place of an answer that was submitted or skipped.
    """
    _check(sent)
    # The row lock makes submits about one document follow one another.
    locked = Document.objects.select_for_update(of=("self",)).select_related("project").filter(pk=document.pk).first()
    if locked is None:
        raise Deleted
    document = locked
    relabel.hold(document.project, patience=relabel.SUBMIT_PATIENCE)
    annotation = current(document, user)
    if annotation is not None and _known(annotation, sent):
        return annotation
    last: dict[str, Any] = left(annotation) if annotation else {"revision": 0, "milliseconds": None}
    begun = annotation is not None and annotation.state != Annotation.State.SKIPPED
    full = None if sent.extra or begun else extra.refused(document, user)
    if full:
        raise Conflict("document_full", _full(full))
    if last["revision"] != sent.revision:
        raise Conflict("stale_revision", _stale(last["revision"], sent.revision), annotation)

    schema = Schema.of(document.project)
    answer = clean_answer(sent.answer, document.text, schema, _stood(annotation))
    annotation = annotation or Annotation(
        project_id=document.project_id, document=document, annotator=user, state=Annotation.State.DRAFT
    )
    before = annotation.state
    fields = _fields(sent, answer, last)
    if sent.state == Annotation.State.DRAFT:
        _keep(annotation, fields, suggestions.clean(document.pk, sent.decisions, answer, document.text, schema))
        return annotation
    taught = learning.of_annotation(document, annotation, schema)
    _settle(annotation, fields)
    rejected = suggestions.decide(annotation, sent.decisions, document, schema)
    known = rejected if before != Annotation.State.SUBMITTED else None  # of who answered before, the ledger knows all
    learning.learn(document.project_id, learning.of_annotation(document, annotation, schema, known), taught)
    if annotation.state != before:
        queue.settle(document, user, answered=annotation.state == Annotation.State.SUBMITTED)
    return annotation


def reopen(project: Project, documents: Sequence[int]) -> None:
    """Whoever skipped these documents may be asked about them again: what they had marked is a draft, and without a
    reason. Their history keeps the skip. Revisions stay, so that no page that they have open is stale by it.
    """
    # As everywhere: documents before annotations, and no answer is written while a label is renamed.
    locked = Document.objects.select_for_update().filter(project=project, pk__in=documents).order_by("pk")
    keys = [document.pk for document in locked.only("pk")]
    relabel.hold(project, patience=relabel.SUBMIT_PATIENCE)
    skipped = Annotation.objects.filter(document__in=keys, state=Annotation.State.SKIPPED)
    for annotation in skipped.filter(draft__isnull=False):
        kept = left(annotation)
        _write(annotation, kept)
        annotation.decisions = kept["decisions"]
        annotation.draft = None
        annotation.save()
    skipped.update(state=Annotation.State.DRAFT, comment="")


def _stood(annotation: Annotation | None) -> list[Answer]:
    """What this person's answers held before: the one that stands, and the draft over it."""
    if annotation is None:
        return []
    return [annotation.answer, *([annotation.draft["answer"]] if annotation.draft else [])]


def _fields(sent: Submission, answer: Answer, last: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "revision": last["revision"] + 1,
        "submit_id": sent.submit_id,
        "state": sent.state,
        "complete": sent.complete,
        "answer": answer,
        "flag": sent.flag,
        "comment": sent.comment,
        "milliseconds": last["milliseconds"] if sent.milliseconds is None else sent.milliseconds,
        "updated_at": timezone.now(),
    }


def _keep(annotation: Annotation, fields: dict[str, Any], decisions: list[dict[str, Any]]) -> None:
    """Keep a draft: aside, where an answer stands."""
    if annotation.state == Annotation.State.DRAFT:
        _write(annotation, fields)
        annotation.decisions = decisions
    else:
        said = {name: str(fields[name]) for name in ("submit_id", "updated_at")}
        annotation.draft = fields | said | {"decisions": decisions}
    annotation.save()


def _settle(annotation: Annotation, fields: dict[str, Any]) -> None:
    """The answer stands from now on, and is on record."""
    _write(annotation, fields)
    annotation.draft = annotation.decisions = None
    annotation.imported = False
    annotation.save()
    at = fields.pop("updated_at")
    AnnotationRevision.objects.create(project_id=annotation.project_id, annotation=annotation, created_at=at, **fields)


def _write(annotation: Annotation, fields: Mapping[str, Any]) -> None:
    for name in FIELDS:
        setattr(annotation, name, fields[name])


def _check(sent: Submission) -> None:
    """What can be said without the document. Raises Invalid naming each fault."""
    errors: list[Detail] = []
    if sent.state not in Annotation.State.values:
        errors.append({"field": "state", "reason": f"must be one of {', '.join(Annotation.State.values)}"})
    if sent.flag not in Annotation.Flag.values:
        errors.append({"field": "flag", "reason": "must be empty, flagged or help"})
    fault = storable_fault(sent.comment)
    if not fault and len(sent.comment) > MOST_COMMENT:
        fault = f"has {len(sent.comment):,} characters; the most is {MOST_COMMENT:,}"
    if fault:
        errors.append({"field": "comment", "reason": fault})
    if sent.milliseconds is not None and not 0 <= sent.milliseconds < 2**31:
        errors.append({"field": "milliseconds", "reason": "must be a whole number from 0"})
    if errors:
        raise Invalid("invalid_answer", f"{errors[0]['field']}: {errors[0]['reason']}", errors)


def _known(annotation: Annotation, sent: Submission) -> bool:
    return (
        str(left(annotation)["submit_id"]) == str(sent.submit_id)
        or AnnotationRevision.objects.filter(annotation=annotation, submit_id=sent.submit_id).exists()
    )


def _full(full: extra.Full) -> str:
    return Said(
        "This document has %(answers)s of %(wanted)s answers; with extra: true yours is added.",
        answers=str(full.answers),
        wanted=str(full.wanted),
    )


def _stale(stands: int, sent: int) -> str:
    return Said(
        "The annotation stands at revision %(stands)s; this was made from revision %(sent)s.",
        stands=str(stands),
        sent=str(sent),
    )
