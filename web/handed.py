"""What somebody gets with a document, the lease, the suggestion beside it and their own work so far; and what they
hand back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from annotator import review
from annotator.models import Annotation, Claim, Document, User
from annotator.offsets import CODE_POINTS
from trainer import runs
from web import suggested
from web.api import shapes


def packets(claims: Sequence[Claim], user: User, unit: str = CODE_POINTS, *, sees_all: bool) -> list[dict[str, Any]]:
    """The documents of these leases as the desk and the API get them, in two queries; ``sees_all``: as a reviewer."""
    documents = [claim.document for claim in claims]
    own = review.current_of(documents, user)
    beside = suggested.beside_each(documents, own, sees_all=sees_all)
    return [
        {"lease": {"expires_at": claim.expires_at}}
        | sheet(claim.document, beside[claim.document_id], own.get(claim.document_id), unit, sees_all=sees_all)
        for claim in claims
    ]


def sheet(
    document: Document, looked: suggested.Suggested, own: Annotation | None, unit: str, *, sees_all: bool
) -> dict[str, Any]:
    """A document with what is suggested and with what its annotator made of it so far."""
    return {
        "document": shapes.document(document, sees_all=sees_all),
        "suggestion": shapes.suggestion(looked, document.text, unit),
        "annotation": shapes.annotation(own, document.text, unit),
    }


def terms(project_id: int, documents: Collection[int], unit: str, *, sees_all: bool) -> dict[str, list[Any]]:
    """What the dictionary suggests by now in documents that somebody has at hand, and that no model has looked at."""
    rows = list(Document.objects.filter(project=project_id, pk__in=documents)) if documents else []
    looked = suggested.beside_each(rows, {}, sees_all=sees_all)
    return {
        str(row.pk): shapes.spans(list(looked[row.pk].terms), row.text, unit)
        for row in rows
        if looked[row.pk].suggestion is None
    }


def take(document: Document, user: User, sent: review.Submission) -> Annotation:
    """Accept an answer (review.annotate), and tell the trainer of what is submitted once it is safe."""
    annotation = review.annotate(document, user, sent)
    if annotation.state == Annotation.State.SUBMITTED:
        runs.announce(document.tenant_id, document.project_id)
    return annotation
