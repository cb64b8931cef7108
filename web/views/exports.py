"""Take answers out: choose which and how; a few come at once, many are written by a worker."""

from __future__ import annotations

import json
from tempfile import SpooledTemporaryFile
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator import attention, jobs, offsets
from annotator.accounts import Role
from annotator.errors import Refusal
from annotator.exporting import jsonl
from annotator.exporting.formats import Report
from annotator.models import Job, Project
from annotator.said import here
from trainer.celery import send_once_committed
from web import access
from web.requests import TenantRequest
from web.views.documents import chips
from web.views.jobs import KINDS

LAST = 5
AT_ONCE = 2_000  # lines that are sent with the answer to the form
IN_MEMORY = 4 * 1024 * 1024
REPORT = "Marginalia-Report"  # the header that counts what a file does not hold
_CONLL = {
    "plain": {"comments": "none"},
    "comments": {"comments": "all"},
    "all": {"comments": "all", "incomplete": "keep"},
}


@require_http_methods(["GET", "POST"])
def choose(request: TenantRequest, project_id: int) -> HttpResponse | StreamingHttpResponse:
    """The form; what it asks for comes as a file, or as the page of a job."""
    project = access.project_for(request, project_id, Role.MANAGER)
    context: dict[str, Any] = {"project": project, "chips": chips(project), "kept_days": jobs.KEPT.days} | _choices()
    context["differ"] = attention.attention(project).disagreements
    if request.method == "POST":
        asked = _asked(request.POST)
        try:
            options = jsonl.Options.parse(asked)
            if options.expected(project) <= AT_ONCE:
                response, report = at_once(request, project, options)
                if told := list(report.told()):
                    messages.warning(request, f"{options.filename(project)}: {' '.join(map(here, told))}")
                return response
            job = jobs.start_export(project, request.user, asked)
        except Refusal as refusal:
            refused = context | {"refusal": refusal, "sent": request.POST}
            return render(request, "web/export.html", refused, status=refusal.status)
        send_once_committed("run_export", request.tenant.pk, job.pk)
        return redirect("job", tenant=request.tenant.slug, job_id=job.pk)
    context["jobs"] = Job.objects.filter(project=project, kind=Job.Kind.EXPORT).order_by("-pk")[:LAST]
    return render(request, "web/export.html", context)


def _asked(sent: QueryDict) -> dict[str, str]:
    """The options that the form chose; what it asks of CoNLL in one field is two."""
    asked = {name: sent.get(name, "") for name in ("documents", "answers", "offsets", "format", "label", "cells")}
    return asked | (_CONLL.get(sent.get("conll", ""), {}) if asked["format"] == "conll" else {})


def at_once(request: TenantRequest, project: Project, options: jsonl.Options) -> tuple[StreamingHttpResponse, Report]:
    """The export as the answer. What is not too long and may lack something is written first, so that the report is
    whole and goes ahead of the file; the rest is streamed page by page, and its report is not known yet."""
    export = jsonl.Export(request.tenant, project.pk, options)
    kind, filename = KINDS[options.format], options.filename(project)
    if options.format == "jsonl" or options.expected(project) > AT_ONCE:
        disposition = content_disposition_header(True, filename) or ""
        return StreamingHttpResponse(export, content_type=kind, headers={"Content-Disposition": disposition}), Report()
    file = SpooledTemporaryFile[bytes](IN_MEMORY)  # the response closes it
    for data in export:
        file.write(data)
    file.seek(0)
    counts = {name: value for name, value in export.report.as_json().items() if isinstance(value, int)}
    response = FileResponse(file, content_type=kind, as_attachment=True, filename=filename)
    response.headers[REPORT] = json.dumps(counts)
    return response, export.report


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
        "conll": [
            ("plain", _("Complete answers only, without comments, as CoNLL-2003: what spaCy and most others read")),
            ("comments", _("Complete answers only, named in comments: CoNLL-U Plus")),
            ("all", _("All of these, named in comments with their state; what is not known has the tag _")),
        ],
        "cells": [
            ("safe", _("Safe: an apostrophe before what a spreadsheet might run (= + - @)")),
            ("raw", _("As they are, for programs")),
        ],
        "rules": [
            (jsonl.MAJORITY, _("What a majority says of each document")),
            (jsonl.LATEST, _("The latest of each document, whoever gave it")),
            (jsonl.EACH, _("Everybody’s, with their names")),
        ],
        "units": [
            (offsets.CODE_POINTS, _("characters (code points), as Python counts")),
            ("utf16", _("UTF-16 units, as JavaScript and Java count")),
            ("utf8", _("UTF-8 bytes")),
        ],
    }
