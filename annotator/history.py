"""Looking back: a person's own earlier work, and what everybody made of a document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Left

from annotator import titles
from annotator.errors import Invalid
from annotator.models import Annotation, Document, Project, User

EXCERPT = 200  # characters
ANY_FLAG = "any"
ITEM = (
    "pk", "document_id", "document__external_id", "document__sha256", "excerpt", "state", "begun", "complete", "flag",
    "comment", "updated_at",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def own(
    project: Project, user: User, *, state: str = "", flag: str = "", cursor: str = "", limit: int = 50
) -> tuple[list[dict[str, Any]], str | None]:
    """What this person annotated in the project, the newest first: a page of it, and the cursor of the next.

    ``state`` draft also finds answers with a draft over them; ``flag`` any finds every flag. Raises Invalid when
    the cursor is none.
    """
    rows = Annotation.objects.filter(project=project, annotator=user)
    if state == Annotation.State.DRAFT:
        rows = rows.filter(Q(state=state) | Q(draft__isnull=False))
    elif state:
        rows = rows.filter(state=state)
    rows = _before(_flagged(rows, flag), cursor).order_by("-updated_at", "-pk")
    # As a plain name, draft__isnull would be a key of the draft's JSON.
    begun = ExpressionWrapper(Q(draft__isnull=False), output_field=BooleanField())
    rows = rows.annotate(excerpt=Left("document__text", EXCERPT), begun=begun)
    found = list(rows.values(*ITEM)[: limit + 1])
    page = found[:limit]
    return [_item(row) for row in page], _cursor(page[-1]) if len(found) > limit else None


def of_document(document: Document) -> list[Annotation]:
    """Everybody's annotation of the document, in the order in which they began; annotators come along."""
    return list(Annotation.objects.filter(document=document).select_related("annotator").order_by("pk"))


def _flagged(rows: QuerySet[Annotation], flag: str) -> QuerySet[Annotation]:
    if flag == ANY_FLAG:
        return rows.exclude(flag="")
    return rows.filter(flag=flag) if flag else rows


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    stands = "" if row["state"] == Annotation.State.DRAFT else row["state"]
    return {
        "document": row["document_id"],
        "external_id": row["document__external_id"],
        "title": titles.title(row["document__external_id"], row["document__sha256"], row["excerpt"]),
        "state": Annotation.State.DRAFT.value if row["begun"] else row["state"],
        "stands": stands,
        **{name: row[name] for name in ("excerpt", "complete", "flag", "comment", "updated_at")},
    }


def _cursor(row: Mapping[str, Any]) -> str:
    return f"{(row['updated_at'] - _EPOCH) // timedelta(microseconds=1)}-{row['pk']}"


def _before(rows: QuerySet[Annotation], cursor: str) -> QuerySet[Annotation]:
    if not cursor:
        return rows
    try:
        micros, pk = map(int, cursor.split("-"))
        moment = _EPOCH + timedelta(microseconds=micros)
        if not 0 <= pk < 2**63:
            raise ValueError(cursor)
    except (ValueError, OverflowError) as error:
        raise Invalid(
            "invalid_request", "cursor: is not one of ours", [{"field": "cursor", "reason": "is not one of ours"}]
        ) from error
    # The first condition is what the index is searched by.
    return rows.filter(Q(updated_at__lt=moment) | Q(pk__lt=pk), updated_at__lte=moment)
