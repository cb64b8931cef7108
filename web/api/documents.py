"""Documents: found by words and by what people made of them, and one with its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from django.http import HttpResponse
from ninja import Query, Router
from ninja import Schema as Given
from pydantic import Field

from annotator import blinding, skips
from annotator.accounts import Role
from annotator.finding import search
from annotator.models import Project, User
from web import access
from web.api import answers, shapes
from web.api import schemas as s
from web.api.refusals import errors
from web.requests import TenantRequest

router = Router(tags=["documents"])


class DocumentFilters(Given):
    # What others answered, what a model says, and what is held out.
    FOR_REVIEWERS: ClassVar[set[str]] = {"split", "label", "annotator", "flag", "differs", "uncertain"}

    q: s.Text = Field("", max_length=200, description="Beginnings of words, all of them; in double quotes as it is.")
    state: Literal["open", "answered", "done", "skipped", "draft"] | None = Field(
        None,
        description="open: may be handed out; answered: by somebody; done: by all that are wanted; skipped, draft.",
    )
    split: Literal["pool", "check"] | None = None
    label: s.Text = Field("", max_length=220, description="Given by somebody: `span:PERSON`, `choice:topic=praise`.")
    annotator: int | None = Field(None, description="The number of somebody who answered.")
    flag: Literal["flagged", "help", "any", "comment"] | None = Field(
        None, description="Somebody flagged it, asked for help, either of them, or wrote a comment."
    )
    differs: bool = Field(False, description="Submitted answers of several people that are not the same.")
    uncertain: float | None = Field(None, ge=0, le=1, description="The model is at least this uncertain.")
    sort: Literal["oldest", "newest", "uncertain"] = "oldest"
    cursor: str = Field("", max_length=60, description="The `next` of the page before.")
    limit: int = Field(50, ge=1, le=500)

    @property
    def for_reviewers(self) -> bool:
        named = {name for name, value in self if value not in ("", None, False)}
        return bool(self.FOR_REVIEWERS & named) or self.sort == search.UNCERTAIN

    def filters(self) -> search.Filters:
        given: dict[str, Any] = {name: value for name, value in self if value is not None}
        return search.Filters(**given)


@router.get("/projects/{int:project_id}/documents", response={200: s.Documents} | errors(403))
def list_documents(request: TenantRequest, project_id: int, filters: Query[DocumentFilters]) -> HttpResponse:
    """Documents that fit every filter, a page at a time. What others answered, what the model says and what is held
    out is for reviewers to ask for."""
    project = access.project_for(request, project_id)
    if filters.for_reviewers:
        access.require(request, Role.REVIEWER)
    found = search.page(project, filters.filters())
    sees_all = access.sees_all(request)
    rows = blinded(found.rows, filters.filters(), project, request.user) if sees_all else found.rows
    return answers.json({"items": [_item(row, sees_all) for row in rows], "next": found.following})


@router.get("/documents/{int:document_id}", response={200: s.Document} | errors())
def get_document(request: TenantRequest, document_id: int) -> HttpResponse:
    """A document and its text."""
    document = access.document_for(request, document_id)
    return answers.json(shapes.document(document, sees_all=access.sees_all(request)))


def blinded(rows: Sequence[search.Found], filters: search.Filters, project: Project, user: User) -> list[search.Found]:
    """The rows as this reviewer may have them: nothing of what others said of held-out documents at their own hand,
    and none of these because of what others said."""
    at_hand = blinding.answering(project, user, [found.pk for found in rows])
    by_answers = bool(filters.label or filters.annotator is not None or filters.flag or filters.differs)
    shown = [found for found in rows if not (by_answers and found.pk in at_hand)]
    return [replace(found, facets=_states(found.facets)) if found.pk in at_hand else found for found in shown]


def _states(facets: Sequence[str]) -> list[str]:
    return [facet for facet in facets if facet.startswith("state:")]


@router.get("/projects/{int:project_id}/skipped", response={200: s.SkippedDocuments} | errors(403))
def list_skipped(request: TenantRequest, project_id: int, asked: Query[s.SkippedFilters]) -> HttpResponse:
    """Documents that somebody skipped and that lack answers, and why, those skipped last first. For managers."""
    project = access.project_for(request, project_id, Role.MANAGER)
    counts = skips.count(project)
    items = skips.listed(project, reason=asked.reason, most=asked.limit)
    whole = {
        "documents": counts.documents,
        "nobody_left": counts.nobody_left,
        "reasons": [{"reason": reason, "documents": number} for reason, number in skips.reasons(project)],
        "items": [_skipped(item) for item in items],
    }
    return answers.json(whole)


@router.post("/projects/{int:project_id}/skipped/put-back", response={200: s.PutBack} | errors(403))
def put_back(request: TenantRequest, project_id: int, sent: s.PutBackGiven) -> HttpResponse:
    """Ask those who skipped again: about these documents, those skipped for this reason, or all. For managers."""
    project = access.project_for(request, project_id, Role.MANAGER)
    number = skips.put_back(project, documents=sent.documents, reason=sent.reason, actor=request.user)
    return answers.json({"documents": number})


def _skipped(item: skips.Skipped) -> dict[str, Any]:
    return {
        "id": item.document.pk,
        "external_id": item.document.external_id,
        "title": item.title,
        "excerpt": item.excerpt,
        "nobody_left": item.nobody_left,
        "skips": [{"annotator": one.username, "reason": one.reason, "at": one.at} for one in item.skips],
    }


def _item(found: search.Found, sees_all: bool) -> dict[str, Any]:
    item = {
        "id": found.pk,
        "external_id": found.external_id,
        "title": found.title,
        "excerpt": found.excerpt,
        "length": found.length,
        "done": found.done,
        "answers": found.answers,
        "open": found.open,
    }
    of_reviewers = {"split": found.split, "facets": found.facets, "uncertainty": found.uncertainty}
    return item | of_reviewers if sees_all else item
