"""What somebody gets with a document: the lease, the suggestion beside it, and their own work on it so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotator import review
from annotator.models import Claim, User
from annotator.offsets import CODE_POINTS
from web import suggested
from web.api import shapes


def packets(claims: Sequence[Claim], user: User, unit: str = CODE_POINTS) -> list[dict[str, Any]]:
    """The documents of these leases as the desk and the API get them, in two queries."""
    documents = [claim.document for claim in claims]
    beside = suggested.beside_each(documents)
    own = review.current_of(documents, user)
    return [
        {
            "document": shapes.document(claim.document),
            "lease": {"expires_at": claim.expires_at},
            "suggestion": shapes.suggestion(beside[claim.document_id], claim.document.text, unit),
            "annotation": shapes.annotation(own.get(claim.document_id), claim.document.text, unit),
        }
        for claim in claims
    ]
