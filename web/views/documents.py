"""The documents of a project, found by words and by what people made of them; and all answers about one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from pydantic import ValidationError

from annotator import blinding
from annotator.accounts import Role
from annotator.errors import Invalid
from annotator.finding import search
from annotator.models import Label, Project, User
from web import access, compared
from web.api.documents import DocumentFilters, blinded
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
    sees_all = access.sees_all(request)
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
        "rows": _rows(blinded(found.rows, filters, project, request.user), labels, people),
        "next": urlencode(asked | {"cursor": found.following}) if found.following else None,
        "first": urlencode(asked) if filters.cursor else None,
    }
    return render(request, "web/documents.html", context | _choices(sees_all))


@require_safe
def answers(request: TenantRequest, document_id: int) -> HttpResponse:
    """All that people and the model said about one document, side by side. For reviewers."""
    document = access.document_for(request, document_id, Role.REVIEWER)
    if blinding.is_answering(document, request.user):
        return render(request, "web/blind.html", {"project": document.project, "document": document})
    context = {"project": document.project, **compared.document(document, request.user)}
    context["answered"] = any(
        column.annotation and column.name == request.user.username for column in context["columns"]
    )
    return render(request, "web/document.html", context)


def _filters(request: TenantRequest, sees_all: bool) -> search.Filters:
    """An annotator is not shown what others answered, nor what is held out, and cannot ask for it."""
    names = DocumentFilters.model_fields.keys() - {"limit"} - (set() if sees_all else DocumentFilters.FOR_REVIEWERS)
    given: dict[str, Any] = {name: request.GET[name] for name in names if request.GET.get(name)}
    if given.get("sort") == search.UNCERTAIN and not sees_all:
        del given["sort"]
    try:
        return DocumentFilters.model_validate(given | {"limit": PAGE}).filters()
    except ValidationError as error:
        wrong = {str(fault["loc"][0]) for fault in error.errors()}
        right = {name: value for name, value in given.items() if name not in wrong}
        return DocumentFilters.model_validate(right | {"limit": PAGE}).filters()


def _choices(sees_all: bool) -> dict[str, list[tuple[str, str]]]:
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
            *([(search.UNCERTAIN, _("Most uncertain first"))] if sees_all else []),
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


def _rows(rows: Sequence[search.Found], chips: Sequence[Chip], people: Sequence[User]) -> list[dict[str, Any]]:
    labels = {chip.facet: chip for chip in chips}
    names = {f"by:{one.pk}": one.username for one in people}
    return [
        {
            "found": found,
            "chips": [labels[name] for name in found.facets if name in labels],
            "people": [names[name] for name in found.facets if name in names],
        }
        for found in rows
    ]
