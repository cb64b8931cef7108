"""What to show beside a document: the live model's suggestion, or why there is none and what the dictionary says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from django.db import connection

from annotator import review
from annotator.dictionary import lookup
from annotator.models import Annotation, Document, Suggestion
from annotator.names import Names
from trainer import serving

READY, PENDING, NO_MODEL, BLIND = "ready", "pending", "no_model", "blind"

_LIVE = """
SELECT d.id, v.number, s.id, s.version, s.items::text, (
    SELECT json_agg(json_build_array(l.kind, q.name, l.name, l.retired, l.former, q.former))::text
    FROM annotator_label l LEFT JOIN annotator_question q ON q.id = l.question_id
    WHERE l.project_id = v.project_id AND (l.retired OR l.former <> '[]' OR q.former <> '[]')
)
FROM trainer_modelversion v
CROSS JOIN unnest(%s::bigint[], %s::bigint[]) d (id, decided)
LEFT JOIN annotator_suggestion s ON s.document_id = d.id
  AND CASE WHEN d.decided IS NULL THEN s.version = v.number ELSE s.id = d.decided END
WHERE v.project_id = %s AND v.live
"""


@dataclass(frozen=True)
class Suggested:
    """``state`` is ready, pending (a worker was asked), no_model, or blind (held out: never any suggestion).

    Annotators are not told that a document is held out: to them it is one of which the model suggests nothing, and is
    asked as it is about any other. ``terms`` are what the dictionary suggests until the live model has looked.
    """

    state: str
    version: int | None = None
    suggestion: Suggestion | None = None
    terms: Sequence[Mapping[str, Any]] = ()


def beside(document: Document, own: Annotation | None = None, *, sees_all: bool = True) -> Suggested:
    """The live version and its suggestion; asks a worker if that version has not looked yet. Beside somebody's own
    draft with verdicts in it stays the suggestion that they are about.

    Needs the tenant's scope. ``sees_all``: as a reviewer, who may know what is held out.
    """
    return beside_each([document], {document.pk: own} if own else {}, sees_all=sees_all)[document.pk]


def beside_each(
    documents: Sequence[Document], own: Mapping[int, Annotation], *, sees_all: bool = True
) -> dict[int, Suggested]:
    """The same for several documents of one project, by document, in one query; two where the dictionary is asked."""
    held_out = {document.pk for document in documents if document.split == Document.Split.CHECK}
    found = {pk: Suggested(BLIND) for pk in held_out if sees_all}
    asked = {document.pk: document for document in documents if document.pk not in found}
    found |= {pk: Suggested(NO_MODEL) for pk in asked}
    if not asked:
        return found
    with connection.cursor() as cursor:
        decided = [review.decided_on(own.get(pk)) for pk in asked]
        cursor.execute(_LIVE, [list(asked), decided, documents[0].project_id])
        rows = cursor.fetchall()
    names = Names.of(orjson.loads(rows[0][5]) if rows and rows[0][5] else [])
    for document_id, number, pk, version, items, _ in rows:
        if pk is None:
            serving.want(asked[document_id])
            found[document_id] = Suggested(PENDING, number)
        elif document_id in held_out:
            found[document_id] = _nothing(number)
        else:
            shown = Suggestion(pk=pk, version=version, items=names.items(orjson.loads(items)))
            told = shown.items or sees_all
            found[document_id] = Suggested(READY, number, shown) if told else _nothing(number)
    return found | _by_dictionary({pk: asked[pk] for pk in asked if found[pk].suggestion is None}, found)


def _by_dictionary(documents: Mapping[int, Document], found: Mapping[int, Suggested]) -> dict[int, Suggested]:
    """What the dictionary says of documents that the live model has not looked at; held-out ones are read like others,
    so that nobody can tell them by the time, and stay without."""
    if not documents:
        return {}
    texts = {pk: document.text for pk, document in documents.items()}
    project_id = next(iter(documents.values())).project_id
    return {
        pk: replace(found[pk], terms=terms)
        for pk, terms in lookup.suggested(project_id, texts).items()
        if documents[pk].split == Document.Split.POOL
    }


def _nothing(number: int) -> Suggested:
    """The same whether the model is sure enough of nothing, or the document is held out: no row of the ledger tells."""
    return Suggested(READY, number, Suggestion(pk=0, version=number, items=[]))
