"""Documents that somebody skipped and that lack answers: the reasons, and asking those people again. For managers."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from annotator import skips
from annotator.accounts import Role
from annotator.models import Project
from web import access
from web.refused import told
from web.requests import TenantRequest


@require_http_methods(["GET", "POST"])
def show(request: TenantRequest, project_id: int) -> HttpResponse:
    """By reason, and document by document. A form puts back one, all with a reason, or all."""
    project = access.project_for(request, project_id, Role.MANAGER)
    if request.method == "POST":
        with told(request):
            messages.success(request, _put_back(request, project))
        return redirect("skipped", tenant=request.tenant.slug, project_id=project_id)
    reason = request.GET.get("reason")
    context = {
        "project": project,
        "counts": skips.count(project),
        "reasons": skips.reasons(project),
        "asked": reason,
        "rows": skips.listed(project, reason=reason),
        "shown": skips.SHOWN,
    }
    return render(request, "web/skipped.html", context)


def _put_back(request: TenantRequest, project: Project) -> str:
    one = request.POST.get("document", "")
    documents = [int(one)] if one.isascii() and one.isdecimal() and len(one) < 19 else [] if one else None
    count = skips.put_back(project, documents=documents, reason=request.POST.get("reason"), actor=request.user)
    text = ngettext(
        "%(count)d document is put back: who skipped it may be asked again.",
        "%(count)d documents are put back: who skipped them may be asked again.",
        count,
    )
    return text % {"count": count}
