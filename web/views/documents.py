"""The documents of a project, found by words and by what people made of them; and all answers about one of them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from pydantic import ValidationError

from annotator.accounts import Role
from annotator.errors import Invalid
from annotator.finding import search
from annotator.models import Label, Project
from web import access, compared
from web.api.documents import DocumentFilters
from web.requests import TenantRequest

PAGE = 50


class Chip(NamedTuple):
    """A label in the list: its facet, what it is called, and its colour."""

    facet: str
    name: str
    color: str


@require_safe
def index(request: TenantRequest, project_id: int) -> HttpResponse:
    """The list; a filter that makes no sense is left out rather than answered with an error."""
    project = access.project_for(request, project_id)
    sees_all = access.may(request, Role.REVIEWER)
    filters = _filters(request, sees_all)
    try:
        found = search.page(project, filters)
    except Invalid:
        filters = replace(filters, cursor="")
        found = search.page(project, filters)
    usual = asdict(search.Filters())
    asked = {
        name: value
        for name, value in asdict(filters).items()
        if name not in ("cursor", "limit") and value != usual[name]
    }
    labels = chips(project) if sees_all else []
    people = list(search.annotators(project)) if sees_all else []
    context: dict[str, Any] = {
        "project": project,
        "filters": filters,
        "asked": asked,
        "count": search.count(project, filters),
        "counted": search.COUNTED,
        "looked_through": search.LOOKED_THROUGH,
        "chips": labels,
        "people": people,
        "sees_all": sees_all,
        "page": found,
        "rows": _rows(found, {chip.facet: chip for chip in labels}, {f"by:{one.pk}": one.username for one in people}),
        "next": urlencode(asked | {"cursor": found.following}) if found.following else None,
        "first": urlencode(asked) if filters.cursor else None,
    }
    return render(request, "web/documents.html", context | _choices())


@require_safe
def answers(request: TenantRequest, document_id: int) -> HttpResponse:
    """All that people and the model said about one document, side by side. For reviewers."""
    document = access.document_for(request, document_id, Role.REVIEWER)
    return render(request, "web/document.html", {"project": document.project, **compared.document(document)})


def _filters(request: TenantRequest, sees_all: bool) -> search.Filters:
    """An annotator is not shown what others answered, and cannot ask for it."""
    names = DocumentFilters.model_fields.keys() - {"limit"} - (set() if sees_all else DocumentFilters.OF_OTHERS)
    given: dict[str, Any] = {name: request.GET[name] for name in names if request.GET.get(name)}
    try:
        return DocumentFilters.model_validate(given | {"limit": PAGE}).filters()
    except ValidationError as error:
        wrong = {str(fault["loc"][0]) for fault in error.errors()}
        right = {name: value for name, value in given.items() if name not in wrong}
        return DocumentFilters.model_validate(right | {"limit": PAGE}).filters()


def _choices() -> dict[str, list[tuple[str, str]]]:
    return {
        "states": [
            ("open", _("Open")),
            ("answered", _("Answered by somebody")),
            ("done", _("Done")),
            ("skipped", _("Skipped")),
            ("draft", _("Draft")),
        ],
        "splits": [("pool", _("Pool")), ("check", _("Held out"))],
        "flags": [("flagged", _("Flagged")), ("help", _("Help asked for")), ("comment", _("With a comment"))],
        "sorts": [
            (search.OLDEST, _("Oldest first")),
            (search.NEWEST, _("Newest first")),
            (search.UNCERTAIN, _("Most uncertain first")),
        ],
    }


def chips(project: Project) -> list[Chip]:
    """The labels of a project as the list knows them."""
    labels = Label.objects.filter(project=project).select_related("question")
    return [
        Chip(f"choice:{label.question.name}={label.name}", f"{label.question.name}: {label.name}", label.color)
        if label.question
        else Chip(f"{label.kind}:{label.name}", label.name, label.color)
        for label in labels
    ]


def _rows(page: search.Page, chips: dict[str, Chip], people: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "found": found,
            "chips": [chips[name] for name in found.facets if name in chips],
            "people": [people[name] for name in found.facets if name in people],
        }
        for found in page.rows
    ]
