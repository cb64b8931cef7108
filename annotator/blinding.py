"""Held-out documents are answered blind: what is kept from whom.

Models are judged by the answers to them, so whoever answers one must not know what a model says of it, nor what others
answered. Annotators, who may get any document, are told neither of these, nor which documents are held out. Reviewers
are, but for what they have at hand themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from annotator.importing.store import levelled
from annotator.models import Annotation, Claim, Document, Project, User


def answering(project: Project, user: User, documents: Collection[int] | None = None) -> set[int]:
    """The held-out documents (of these) that this person has at hand: leased or begun, and not answered yet."""
    of_project = {"project": project, "document__split": Document.Split.CHECK}
    if documents is not None:
        of_project["document__in"] = list(documents)
    leased = Claim.objects.filter(annotator=user, **of_project).values_list("document", flat=True)
    own = Annotation.objects.filter(annotator=user, **of_project)
    begun = own.filter(state=Annotation.State.DRAFT).values_list("document", flat=True)
    settled = own.exclude(state=Annotation.State.DRAFT).values_list("document", flat=True)
    return {*leased, *begun} - set(settled)


def is_answering(document: Document, user: User) -> bool:
    return document.pk in answering(document.project, user, [document.pk])


def has_answered(document: Document, user: User) -> bool:
    """Whether this person submitted an answer, and cannot be told anything any more that would change the first."""
    return Annotation.objects.filter(document=document, annotator=user, state=Annotation.State.SUBMITTED).exists()


def may_be_told(documents: Iterable[Document], project: Project, user: User) -> list[Document]:
    """Of these those about which this reviewer may be told what models say: unless they are held out, and this person
    has them at hand, or could still get them from the queue."""
    documents = list(documents)
    keys = [document.pk for document in documents]
    own = Annotation.objects.filter(annotator=user, document__in=keys, state=Annotation.State.SUBMITTED)
    settled, at_hand = set(own.values_list("document", flat=True)), answering(project, user, keys)
    return [
        document
        for document in documents
        if document.split != Document.Split.CHECK
        or document.pk in settled
        or (document.pk not in at_hand and not document.free_slots)
    ]


def at_hand_alike(project: Project, user: User, texts: Iterable[str]) -> bool:
    """Whether one of these is the text of a held-out document that this person has at hand, whatever its case and
    spacing."""
    mine = Document.objects.filter(pk__in=answering(project, user)).values_list("text", flat=True)
    return bool(set(map(levelled, mine)) & set(map(levelled, texts)))
