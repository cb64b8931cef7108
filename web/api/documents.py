"""Documents: listed by cursor, and one with its text."""

from __future__ import annotations

from typing import Any, Literal

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.db.models.functions import Left, Length
from django.http import HttpResponse
from ninja import Query, Router
from ninja import Schema as Given
from pydantic import Field

from annotator import history
from annotator.models import Annotation, Document, Project
from web import access
from web.api import answers, shapes
from web.api import schemas as s
from web.api.refusals import errors
from web.requests import TenantRequest

router = Router(tags=["documents"])


class Filters(Given):
    state: Literal["open", "done", "skipped"] | None = Field(
        None, description="open: may be handed out; done: somebody submitted an answer; skipped: somebody did."
    )
    split: Literal["pool", "check"] | None = None
    flag: Literal["flagged", "help", "any"] | None = Field(None, description="Somebody flagged it, or asked for help.")
    q: s.Text = Field("", max_length=200, description="The text contains this, whatever its case.")
    cursor: int = Field(0, ge=0, description="The `next` of the page before.")
    limit: int = Field(50, ge=1, le=500)


@router.get("/projects/{int:project_id}/documents", response={200: s.Documents} | errors())
def list_documents(request: TenantRequest, project_id: int, filters: Query[Filters]) -> HttpResponse:
    """Documents in the order in which they came, a page at a time."""
    project = access.project_for(request, project_id)
    rows = list(page(project, filters))
    items, more = rows[: filters.limit], len(rows) > filters.limit
    return answers.json({"items": items, "next": str(items[-1]["id"]) if more else None})


@router.get("/documents/{int:document_id}", response={200: s.Document} | errors())
def get_document(request: TenantRequest, document_id: int) -> HttpResponse:
    """A document and its text."""
    return answers.json(shapes.document(access.document_for(request, document_id)))


def page(project: Project, filters: Filters) -> QuerySet[Document, Any]:
    """One document more than asked for, to see whether there is another page."""
    answered = Annotation.objects.filter(document=OuterRef("pk"))
    done = Exists(answered.filter(state=Annotation.State.SUBMITTED))
    documents = Document.objects.filter(project=project, pk__gt=filters.cursor)
    if filters.split:
        documents = documents.filter(split=filters.split)
    if filters.flag:
        documents = history.flagged(documents, filters.flag)
    if filters.q:
        documents = documents.filter(text__icontains=filters.q)
    if filters.state == "open":
        documents = documents.filter(free_slots__gt=0)
    elif filters.state == "done":
        documents = documents.filter(done)
    elif filters.state == "skipped":
        documents = documents.filter(Exists(answered.filter(state=Annotation.State.SKIPPED)))
    is_open = ExpressionWrapper(Q(free_slots__gt=0), output_field=BooleanField())
    return (
        documents.order_by("pk")
        .annotate(excerpt=Left("text", 200), length=Length("text"), done=done, open=is_open)
        .values("id", "external_id", "split", "excerpt", "length", "done", "open")[: filters.limit + 1]
    )
