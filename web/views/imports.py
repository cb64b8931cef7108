"""Bring documents in: hand over a file, look at its beginning and say what its columns are, and let it be read."""

from __future__ import annotations

import re
from typing import Any, BinaryIO, cast

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator import jobs
from annotator.accounts import Role
from annotator.errors import Invalid, Refusal
from annotator.importing.encodings import MACINTOSH, UTF_8, UTF_16
from annotator.importing.options import FORMATS, Options
from annotator.importing.preview import Preview, mappable
from annotator.importing.told import Tally
from annotator.models import Job, Project, Question
from annotator.said import Said, here
from trainer.celery import send_once_committed
from web import access
from web.requests import TenantRequest

LAST = 5
# How reasons name options: one that begins them, one within them, and what the page asks by itself.
_OPTION = re.compile(r"^(encoding|format):|`(encoding|format)`")
_CHOSEN = re.compile(r" \(`\w+=\w+`\)")
TEXT, IDENTITY, META, NOTHING, CLASSES = "text", "id", "meta", "", "classes="


@require_http_methods(["GET", "POST"])
def upload(request: TenantRequest, project_id: int) -> HttpResponse:
    """The form, and the file that it sends; its preview is the page of the job."""
    project = access.project_for(request, project_id, Role.MANAGER)
    context: dict[str, Any] = {"project": project, "formats": FORMATS}
    if request.method == "POST":
        try:
            job = _keep(request, project)
        except Refusal as refusal:
            context["refusal"] = on_page(refusal.said)
            return render(request, "web/import.html", context, status=refusal.status)
        return redirect("job", tenant=request.tenant.slug, job_id=job.pk)
    context["jobs"] = Job.objects.filter(project=project, kind=Job.Kind.IMPORT).order_by("-pk")[:LAST]
    return render(request, "web/import.html", context)


def _keep(request: TenantRequest, project: Project) -> Job:
    file = request.FILES.get("file")
    if file is None or not file.name:
        raise Invalid("no_file", _("Choose a file first."))
    options = {"format": request.POST.get("format", "")}
    return jobs.start_import(
        project, request.user, cast(BinaryIO, file.file), file.name, options, state=Job.State.UPLOADED
    )


def shown(job: Job, options: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the page of an upload shows; with options, those are kept first."""
    found = jobs.preview(job, options)
    questions = list(Question.objects.filter(project=job.project_id).values_list("name", flat=True))
    uses = [(TEXT, _("text of the document")), (IDENTITY, _("its id")), (META, _("metadata, shown beside the text")),
            *((CLASSES + name, _("choice: %(question)s") % {"question": name}) for name in questions),
            (NOTHING, _("leave out"))]  # fmt: skip
    columns = mappable(found)
    return {
        "preview": found,
        "fault": _fault(found, columns),
        "formats": FORMATS,
        "encodings": _encodings(),
        "encoding": dict(_encodings())[found.options.encoding],
        "grounds": found.grounds,
        "others": [(dict(_encodings())[name], read) for name, read in found.grounds.others.items()]
        if found.grounds
        else [],
        "asked": bool(found.asks or found.options.unread_labels),
        "reasons": reasons(found.told),
        "notes": notes(found.told),
        "delimiter": {",": _("comma"), ";": _("semicolon"), "\t": _("tab")}.get(found.delimiter, ""),
        "uses": uses,
        "mapping": [(i, name, _use(found.options, name), _example(found, name)) for i, name in enumerate(columns)],
    }


def reasons(tally: Tally) -> list[dict[str, Any]]:
    """Why rows are refused, each reason once, in the reader's language where it can be."""
    return [{**one, "reason": on_page(one["reason"])} for one in tally.reasons()]


def _fault(found: Preview, columns: list[str]) -> str:
    """Why the file cannot be read so; a column that has to be chosen is asked for as the page asks."""
    if found.fault and columns and found.options.format == "csv" and found.options.text_column not in found.names:
        return _("Choose below which column is the text of the documents.")
    return on_page(found.fault)


def on_page(reason: str) -> str:
    """A reason in the reader's language, in which options go by the names that they have on the page."""
    names = {"encoding": _("Encoding"), "format": _("Format")}
    said = _CHOSEN.sub("", here(reason))
    return _OPTION.sub(lambda found: f"“{names[found[2]]}”" if found[2] else f"{names[found[1]]}:", said)


def notes(tally: Tally) -> list[dict[str, Any]]:
    """What is to be known of rows that go in, in the reader's language."""
    return [{**one, "message": here(one["message"])} for one in tally.notes()]


def _encodings() -> list[tuple[str, str]]:
    """What encodings are called, by name; a test holds the list to encodings.ENCODINGS."""
    return [
        (UTF_8, "UTF-8"),
        (UTF_16, _("UTF-16 (Unicode text)")),
        ("windows-1252", _("Western European (Windows-1252)")),
        ("windows-1250", _("Central European (Windows-1250)")),
        ("windows-1251", _("Cyrillic (Windows-1251)")),
        ("windows-1253", _("Greek (Windows-1253)")),
        ("windows-1254", _("Turkish (Windows-1254)")),
        ("windows-1255", _("Hebrew (Windows-1255)")),
        ("windows-1256", _("Arabic (Windows-1256)")),
        ("windows-1257", _("Baltic (Windows-1257)")),
        ("windows-874", _("Thai (Windows-874)")),
        ("big5", _("Traditional Chinese (Big5)")),
        ("gb18030", _("Simplified Chinese (GB 18030)")),
        ("euc-kr", _("Korean (EUC-KR)")),
        ("shift_jis", _("Japanese (Shift JIS)")),
        (MACINTOSH, _("Western European (Macintosh)")),
    ]


def check(found: Preview) -> None:
    """Raises Invalid where somebody has to say first what becomes of rows whose labels are not read."""
    if found.asks and not found.options.unread_labels:
        raise Invalid("unread_labels", Said("Say first what becomes of the rows whose labels are not read."))


def confirm(request: TenantRequest, job: Job) -> None:
    """A worker reads the file. If the message is lost, the sweep sends it again."""
    jobs.confirm(job)
    send_once_committed("run_import", request.tenant.pk, job.pk)


def options_of(sent: QueryDict, job: Job) -> dict[str, Any]:
    """The options that the form of a preview says: columns come as pairs of name and use."""
    kept = Options.of_job(job.options.get("import", {"format": FORMATS[0]}))
    options: dict[str, Any] = {
        "format": sent.get("format") or kept.format,
        "encoding": sent.get("encoding") or kept.encoding,
        "strict": "strict" in sent,
        "whole": "whole" in sent,
        "labels": "labels" in sent or "asked_labels" not in sent,
        "unread_labels": sent.get("unread_labels", ""),
    }
    names, uses = sent.getlist("column"), sent.getlist("use")
    if not names or options["format"] != kept.format:
        return options
    by_use = dict(zip(uses, names, strict=False))
    pairs = list(zip(names, uses, strict=False))
    return options | {
        "text_column": by_use.get(TEXT, ""),
        "id_column": by_use.get(IDENTITY, ""),
        "leave_out": [name for name, use in pairs if use == NOTHING],
        "classes": [f"{name}={use.removeprefix(CLASSES)}" for name, use in pairs if use.startswith(CLASSES)],
    }


def _use(options: Options, name: str) -> str:
    if name == options.text_column:
        return TEXT
    if name == options.id_column:
        return IDENTITY
    if name in options.leave_out:
        return NOTHING
    question = next((pair for pair in options.classes if pair.startswith(f"{name}=")), "")
    return CLASSES + question.removeprefix(f"{name}=") if question else META


def _example(found: Preview, name: str) -> str:
    place = found.names.index(name)
    return next((row[place] for row in found.rows if place < len(row) and row[place]), "")
