"""Annotate: take in a person's answer about a document, exactly once, and lose none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils import timezone

from annotator import queue, suggestions
from annotator.errors import Conflict, Invalid
from annotator.models import Annotation, AnnotationRevision, Document, User
from annotator.spans import Schema, clean_answer


@dataclass(frozen=True)
class Submission:
    """What a person sends. ``revision`` is the one it was made from (0: none yet); ``submit_id`` is made by
    the client, once for each act, so that sending it again changes nothing."""

    submit_id: UUID
    revision: int
    answer: Mapping[str, Any]
    state: str = Annotation.State.SUBMITTED
    complete: bool = True
    decisions: Sequence[Mapping[str, Any]] = field(default_factory=list)


def current(document: Document, user: User) -> Annotation | None:
    """This person's annotation of the document, as it stands."""
    return next(iter(Annotation.objects.filter(document=document, annotator=user)[:1]), None)


def annotate(document: Document, user: User, sent: Submission) -> Annotation:
    """Accept an answer: check it, store it and its history, append its decisions, settle the lease.

    Raises Invalid naming each broken rule, Conflict (with the current annotation) if it was made from a
    revision that is no longer the last. The same ``submit_id`` again returns what it made before.
    """
    if sent.state not in Annotation.State.values:
        raise Invalid("invalid_state", f"state: must be one of {', '.join(Annotation.State.values)}")
    # The row lock makes submits about one document follow one another.
    document = Document.objects.select_for_update(of=("self",)).select_related("project").get(pk=document.pk)
    annotation = current(document, user)
    if annotation is not None:
        if _known(annotation, sent):
            return annotation
        if annotation.revision != sent.revision:
            raise Conflict("stale_revision", _stale(annotation.revision, sent.revision), annotation)
    elif sent.revision != 0:
        raise Conflict("stale_revision", _stale(0, sent.revision), None)

    answer = clean_answer(sent.answer, document.text, Schema.of(document.project))
    was_settled = annotation is not None and annotation.state != Annotation.State.DRAFT
    annotation = annotation or Annotation(project_id=document.project_id, document=document, annotator=user, revision=0)
    annotation.revision += 1
    annotation.state = sent.state
    annotation.complete = sent.complete
    annotation.answer = answer
    annotation.submit_id = sent.submit_id
    annotation.updated_at = timezone.now()
    annotation.save()
    AnnotationRevision.objects.create(
        project_id=document.project_id,
        annotation=annotation,
        revision=annotation.revision,
        state=annotation.state,
        complete=annotation.complete,
        answer=answer,
        submit_id=sent.submit_id,
    )
    suggestions.decide(document, user, sent.decisions, answer, sent.submit_id)
    is_settled = annotation.state != Annotation.State.DRAFT
    if is_settled and not was_settled:
        queue.settle(document, user)
    elif was_settled and not is_settled:
        queue.reopen(document)
    return annotation


def _known(annotation: Annotation, sent: Submission) -> bool:
    return (
        annotation.submit_id == sent.submit_id
        or AnnotationRevision.objects.filter(annotation=annotation, submit_id=sent.submit_id).exists()
    )


def _stale(stands: int, sent: int) -> str:
    return f"The annotation stands at revision {stands}; this was made from revision {sent}."
