"""What to show beside a document: the live model's suggestion, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from annotator.models import Document, Suggestion
from trainer import serving
from trainer.models import ModelVersion

READY, PENDING, NO_MODEL, BLIND = "ready", "pending", "no_model", "blind"


@dataclass(frozen=True)
class Suggested:
    """``state`` is ready, pending (a worker was asked), no_model, or blind (held out: never any suggestion)."""

    state: str
    version: int | None = None
    suggestion: Suggestion | None = None


def beside(document: Document) -> Suggested:
    """The live version and its suggestion in one query; asks a worker if that version has not looked yet."""
    if document.split == Document.Split.CHECK:
        return Suggested(BLIND)
    made = Suggestion.objects.filter(document=document.pk, version=OuterRef("number"))
    live = (
        ModelVersion.objects.filter(project=document.project_id, live=True)
        .values_list("number", Subquery(made.values("pk")[:1]), Subquery(made.values("items")[:1]))
        .first()
    )
    if live is None:
        return Suggested(NO_MODEL)
    number, pk, items = live
    if pk is None:
        serving.want(document)
        return Suggested(PENDING, number)
    return Suggested(READY, number, Suggestion(pk=pk, version=number, items=items))
