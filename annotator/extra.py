"""Answers beyond those that a project wants: whoever adds one to a document that has its answers does it knowingly."""

from __future__ import annotations

from dataclasses import dataclass

from annotator.models import Annotation, Claim, Document, User


@dataclass(frozen=True)
class Full:
    """A document that has as many answers as its project wants."""

    answers: int
    wanted: int


def asked_first(document: Document, user: User) -> Full | None:
    """What to ask somebody who opens a full document; None where there is nothing to ask: they answered or began it, or
    have it from the queue. Who skipped it gave no answer, and others did since."""
    given = Annotation.objects.filter(document=document, state=Annotation.State.SUBMITTED).count()
    if given < document.project.annotators_per_document:
        return None
    own = Annotation.objects.filter(document=document, annotator=user)
    theirs = own.exclude(state=Annotation.State.SKIPPED, draft__isnull=True).exists()
    if theirs or Claim.objects.filter(document=document, annotator=user).exists():
        return None
    return Full(given, document.project.annotators_per_document)


def refused(document: Document, user: User) -> Full | None:
    """The same of an answer that comes unasked. Who ever had the document from the queue is not refused: their lease
    may have run out over the work, and it is not lost."""
    return None if user.pk in (document.handed_to or ()) else asked_first(document, user)
