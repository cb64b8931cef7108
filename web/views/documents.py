"""The documents of a project, a page at a time."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from pydantic import ValidationError

from web import access
from web.api.documents import Filters, page
from web.requests import TenantRequest

PAGE = 50
VIEWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("All", {}),
    ("Open", {"state": "open"}),
    ("Done", {"state": "done"}),
    ("Skipped", {"state": "skipped"}),
    ("Held out", {"split": "check"}),
)


@require_safe
def index(request: TenantRequest, project_id: int) -> HttpResponse:
    """The list; a filter that makes no sense is left out rather than answered with an error."""
    project = access.project_for(request, project_id)
    filters = _filters(request)
    rows = list(page(project, filters))
    context: dict[str, Any] = {"project": project, "rows": rows[:PAGE], "filters": filters}
    asked = {name: value for name, value in (("state", filters.state), ("split", filters.split)) if value}
    kept = asked | ({"q": filters.q} if filters.q else {})
    if len(rows) > PAGE:
        context["next"] = urlencode(kept | {"cursor": rows[PAGE - 1]["id"]})
    context["first"] = urlencode(kept) if filters.cursor else None
    context["views"] = [(name, urlencode(query), query == asked) for name, query in VIEWS]
    context["asked"] = asked
    return render(request, "web/documents.html", context)


def _filters(request: TenantRequest) -> Filters:
    names = ("state", "split", "q", "cursor")
    given: dict[str, Any] = {name: request.GET[name] for name in names if request.GET.get(name)}
    try:
        return Filters.model_validate(given | {"limit": PAGE})
    except ValidationError as error:
        wrong = {str(fault["loc"][0]) for fault in error.errors()}
        right = {name: value for name, value in given.items() if name not in wrong}
        return Filters.model_validate(right | {"limit": PAGE})
