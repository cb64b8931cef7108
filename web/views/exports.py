"""Take answers out: choose which and how; a few come at once, many are written by a worker."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator import jobs, offsets
from annotator.accounts import Role
from annotator.errors import Refusal
from annotator.exporting import jsonl
from annotator.models import Job, Project
from trainer.celery import send_once
from web import access
from web.requests import TenantRequest
from web.views.documents import chips
from web.views.jobs import KINDS

LAST = 5
AT_ONCE = 2_000  # lines that are sent with the answer to the form


@require_http_methods(["GET", "POST"])
def choose(request: TenantRequest, project_id: int) -> HttpResponse | StreamingHttpResponse:
    """The form; what it asks for comes as a file, or as the page of a job."""
    project = access.project_for(request, project_id, Role.MANAGER)
    context: dict[str, Any] = {"project": project, "chips": chips(project), "kept_days": jobs.KEPT.days} | _choices()
    if request.method == "POST":
        asked = {name: request.POST.get(name, "") for name in ("documents", "answers", "offsets", "format", "label")}
        try:
            options = jsonl.Options.parse(asked)
            if options.expected(project) <= AT_ONCE:
                return at_once(request, project, options)
            job = jobs.start_export(project, request.user, asked)
        except Refusal as refusal:
            refused = context | {"refusal": refusal, "sent": asked}
            return render(request, "web/export.html", refused, status=refusal.status)
        tenant_id = request.tenant.pk
        transaction.on_commit(lambda: send_once("run_export", tenant_id, job.pk), robust=True)
        return redirect("job", tenant=request.tenant.slug, job_id=job.pk)
    context["jobs"] = Job.objects.filter(project=project, kind=Job.Kind.EXPORT).order_by("-pk")[:LAST]
    return render(request, "web/export.html", context)


def at_once(request: TenantRequest, project: Project, options: jsonl.Options) -> StreamingHttpResponse:
    """The export as the answer, streamed page by page."""
    lines = jsonl.Export(request.tenant, project.pk, options)
    return StreamingHttpResponse(
        lines,
        content_type=KINDS[options.format],
        headers={"Content-Disposition": content_disposition_header(True, options.filename(project)) or ""},
    )


def _choices() -> dict[str, list[tuple[str, str]]]:
    return {
        "which": [
            ("annotated", _("With a submitted answer")),
            ("differs", _("Whose submitted answers differ")),
            ("all", _("All")),
            ("open", _("Open: may still be handed out")),
            ("skipped", _("Skipped by somebody")),
            ("flagged", _("Flagged, or help asked for")),
        ],
        "formats": [
            ("jsonl", _("JSON lines: everything, and what an import takes")),
            ("csv", _("CSV: a row for each span, choices in columns")),
            ("conll", _("CoNLL: a token a line with its tag; of spans that overlap, the first")),
        ],
        "units": [
            (offsets.CODE_POINTS, _("characters (code points), as Python counts")),
            ("utf16", _("UTF-16 units, as JavaScript and Java count")),
            ("utf8", _("UTF-8 bytes")),
        ],
    }
