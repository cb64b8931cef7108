"""The dictionary for managers: what it knows, what people made of it, and the term list."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from annotator import verdicts
from annotator.accounts import Role
from annotator.dictionary import lists
from annotator.errors import Invalid, Refusal
from annotator.models import Project
from annotator.said import here
from web import access
from web.requests import TenantRequest

SHOWN = 100


@require_http_methods(["GET", "POST"])
def show(request: TenantRequest, project_id: int) -> HttpResponse:
    """The terms that are known best; takes a term list in place of the one that is there, or away."""
    project = access.project_for(request, project_id, Role.MANAGER)
    refusal: Refusal | None = None
    if request.method == "POST":
        try:
            return _replace(request, project)
        except Refusal as refused:
            refusal = refused
    context = {
        "project": project,
        "known": lists.count(project),
        "decided": verdicts.of_dictionary(project),
        "terms": lists.terms(project).order_by("-accepted", "-listed", "words")[:SHOWN],
        "shown": SHOWN,
        "refusal": refusal,
        "faults": [{**fault, "reason": here(fault["reason"])} for fault in refusal.details] if refusal else [],
    }
    return render(request, "web/terms.html", context, status=refusal.status if refusal else 200)


def _replace(request: TenantRequest, project: Project) -> HttpResponse:
    file = request.FILES.get("file")
    if "remove" not in request.POST and file is None:
        raise Invalid("no_file", _("Choose a file first."))
    number = lists.replace(project, file.read(lists.MOST_BYTES + 1) if file else b"", actor=request.user)
    told = ngettext("The term list has %(number)d term.", "The term list has %(number)d terms.", number)
    messages.success(request, told % {"number": number} if number else _("There is no term list any more."))
    return redirect("terms", tenant=request.tenant.slug, project_id=project.pk)
