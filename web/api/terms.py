"""The dictionary: its terms, and the term list."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from annotator.accounts import Role
from annotator.dictionary import lists
from annotator.models import Term
from web import access
from web.api import answers
from web.api import schemas as s
from web.api.refusals import errors
from web.requests import TenantRequest

router = Router(tags=["dictionary"])

LIST = {"schema": {"type": "string", "examples": ["Ada Lovelace\tPERSON\nOslo\tPLACE\n"]}}
BODY = {"requestBody": {"required": True, "content": dict.fromkeys(("text/plain", "text/csv"), LIST)}}


class TermFilters(s.Given):
    cursor: int = Field(0, ge=0, lt=2**63, description="The `next` of the page before.")
    limit: int = Field(500, ge=1, le=5_000)


class KnownTerm(Schema):
    term: str = Field(description="Without differences of case, width and white space.")
    label: str
    accepted: int = Field(description="How often it stands with this label in answers.")
    turned_down: int = Field(description="How often it was suggested with it, and rejected or corrected.")
    listed: bool = Field(description="Whether the term list names it.")


class Terms(Schema):
    terms: int
    accepted: int = Field(description="Those that stand in answers.")
    listed: int = Field(description="Those of the term list.")
    items: list[KnownTerm]
    next: int | None = Field(description="Send it as `cursor` to go on; null at the end.")


class Listed(Schema):
    listed: int


@router.get("/projects/{int:project_id}/terms", response={200: Terms} | errors(403))
def list_terms(request: TenantRequest, project_id: int, filters: Query[TermFilters]) -> HttpResponse:
    """What the dictionary knows, a page at a time. For managers."""
    project = access.project_for(request, project_id, Role.MANAGER)
    rows = list(lists.terms(project).filter(pk__gt=filters.cursor).order_by("pk")[: filters.limit + 1])
    page = rows[: filters.limit]
    following = page[-1].pk if len(rows) > len(page) else None
    return answers.json({**lists.count(project), "items": [_term(row) for row in page], "next": following})


@router.put("/projects/{int:project_id}/terms", response={200: Listed} | errors(403), openapi_extra=BODY)
def replace_terms(request: TenantRequest, project_id: int) -> HttpResponse:
    """Make the body the term list, instead of the one before; an empty one takes it away. For managers.

    A line is a term and a label, parted by a tab, a comma or a semicolon. All lines or none: 422 names the lines.
    """
    project = access.project_for(request, project_id, Role.MANAGER)
    return answers.json({"listed": lists.replace(project, request.body, actor=request.user)})


def _term(row: Term) -> dict[str, Any]:
    return {"term": row.words, "label": row.label.name} | {
        name: getattr(row, name) for name in ("accepted", "turned_down", "listed")
    }
