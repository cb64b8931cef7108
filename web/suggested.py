"""What to show beside a document: the live model's suggestion, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from django.db import connection

from annotator.models import Document, Suggestion
from trainer import serving

READY, PENDING, NO_MODEL, BLIND = "ready", "pending", "no_model", "blind"

_LIVE = """
SELECT v.number, s.id, s.items::text FROM trainer_modelversion v
LEFT JOIN annotator_suggestion s ON s.document_id = %(document)s AND s.version = v.number
WHERE v.project_id = %(project)s AND v.live
"""


@dataclass(frozen=True)
class Suggested:
    """``state`` is ready, pending (a worker was asked), no_model, or blind (held out: never any suggestion)."""

    state: str
    version: int | None = None
    suggestion: Suggestion | None = None


def beside(document: Document) -> Suggested:
    """The live version and its suggestion in one query; asks a worker if that version has not looked yet.

    Needs the tenant's scope.
    """
    if document.split == Document.Split.CHECK:
        return Suggested(BLIND)
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, {"document": document.pk, "project": document.project_id})
        live = cursor.fetchone()
    if live is None:
        return Suggested(NO_MODEL)
    number, pk, items = live
    if pk is None:
        serving.want(document)
        return Suggested(PENDING, number)
    return Suggested(READY, number, Suggestion(pk=pk, version=number, items=orjson.loads(items)))
