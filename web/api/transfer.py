"""Import and export: small files at once, large ones as a job; exports are streamed."""

from __future__ import annotations

from io import BytesIO
from typing import Annotated, Any, BinaryIO, Literal, NamedTuple, cast

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from annotator import jobs
from annotator.accounts import Role
from annotator.errors import Invalid, Refusal
from annotator.exporting import jsonl
from annotator.importing import preview as previewing
from annotator.importing.at_once import import_at_once
from annotator.importing.encodings import ENCODINGS
from annotator.importing.load import Report
from annotator.importing.options import Options
from annotator.models import Job, Project
from trainer import removal
from trainer.celery import send_once_committed
from web import access
from web.api import answers, shapes
from web.api import schemas as s
from web.api.refusals import errors
from web.requests import TenantRequest
from web.views import exports, imports
from web.views import jobs as job_pages

router = Router(tags=["import and export"])

AT_ONCE_BYTES = 1024 * 1024
FORMATS = {
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "text/csv": "csv",
    "text/plain": "txt",
}
FORM = "multipart/form-data"

_BYTES = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary", "description": "Its name tells the format."}},
    }
}
BODY = {"requestBody": {"required": True, "content": dict.fromkeys(FORMATS, _BYTES) | {FORM: _FORM}}}


class WrongMediaType(Refusal):
    status = 415


class ImportOptions(s.Given):
    format: Literal["jsonl", "csv", "txt"] | None = Field(None, description="If Content-Type or name do not tell.")
    encoding: str | None = Field(
        None, description="utf-8 unless given; a preview begins with a guess.", json_schema_extra={"enum": [*ENCODINGS]}
    )
    strict: bool = Field(False, description="All rows or none.")
    whole: bool = Field(False, description="A text file is one document, not one a line.")
    text_column: str = Field("text", description="The column or field that is the text.")
    id_column: str = Field("id", description="The one that is the external id.")
    leave_out: list[str] = Field([], description="Columns or fields that are not kept.")
    classes: list[str] = Field([], description="`column=question`: its values are choices, parted by semicolons.")
    labels: bool = Field(True, description="Whether labels that come along are taken.")
    unread_labels: Literal["unlabelled", "refuse"] | None = Field(
        None,
        description="Rows that say “nothing here” while labels seem to lie in a field that is not read: they come in as"
        " documents without labels, or are refused, which they are unless this is given.",
    )


class UploadOptions(ImportOptions):
    preview: bool = Field(False, description="Only keep the file: see its preview, and start it then.")


class ExportOptions(s.Given):
    documents: Literal["annotated", "differs", "all", "open", "skipped", "flagged"] = "annotated"
    label: s.Text = Field("", max_length=220, description="Only with this label: `span:PERSON`, `choice:topic=praise`.")
    format: Literal["jsonl", "csv", "conll"] = "jsonl"
    answers: Literal["majority", "latest", "each"] = Field(
        "majority",
        description="Where several people answered. majority: what most of them say, the rest is disputed; latest: the "
        "last answer, whoever gave it; each: every annotator's, with their names.",
    )
    offsets: Literal["codepoints", "utf16", "utf8"] = "codepoints"
    comments: Literal["none", "all"] = Field(
        "none", description="CoNLL: all names documents, in comments (CoNLL-U Plus)."
    )
    incomplete: Literal["leave_out", "keep"] = Field(
        "leave_out", description="CoNLL: documents without a complete answer; keep goes with comments=all."
    )
    cells: Literal["safe", "raw"] = Field("safe", description="CSV: safe puts an apostrophe before formulas.")


class Guess(Schema):
    characters: int = Field(description="How many characters beyond ASCII there are to tell it by.")
    uncertain: bool
    others: dict[str, str] = Field(description="Encodings that it could be in as well, and what would be read then.")


class Preview(s.Told):
    format: str
    options: dict[str, Any] = Field(description="As the file is read; columns are guessed at first.")
    columns: list[str] = Field(description="Columns, or fields; none of a text file.")
    delimiter: str
    rows: list[list[str]] = Field(description="The first rows, cut short.")
    labels: list[str] = Field(description="Kinds of labels that come along.")
    read: int = Field(description="Rows that were looked at.")
    whole: bool = Field(description="Whether these are all.")
    fault: str = Field(description="Why the file cannot be read so at all.")
    problems: list[s.Fault] = Field(description="Of these rows, those that would be refused.")
    asks: int = Field(description="Of these, how many are refused unless `unread_labels` says otherwise.")
    guess: Guess | None = Field(description="How sure the encoding is, where it is not Unicode's.")


@router.post(
    "/projects/{int:project_id}/import",
    response={200: s.Imported, 202: s.Job} | errors(403, 409, 415),
    openapi_extra=BODY,
)
def import_documents(request: TenantRequest, project_id: int, options: Query[UploadOptions]) -> HttpResponse:
    """Documents from JSONL, CSV or text, with labels where they carry some. For managers.

    Up to 1 MB is imported at once; more becomes a job. Refused rows are told with line, field and reason, and
    the good ones go in all the same, unless `strict`. Sent again, what is there already is left as it is.
    """
    project = access.project_for(request, project_id, Role.MANAGER)
    sent = _sent_file(request)
    given = options.model_dump(exclude={"preview"})
    given["format"] = options.format or FORMATS.get(request.content_type or "")
    if options.preview:
        waiting = jobs.start_import(
            project, request.user, sent.file, sent.name, given, promised=sent.size, state=Job.State.UPLOADED
        )
        return answers.json(shapes.job(waiting), status=202)
    if sent.size > AT_ONCE_BYTES:
        return answers.json(shapes.job(_queue(request, project, sent, given)), status=202)
    options_given = Options.parse(given, sent.name)
    report, job = import_at_once(project, sent.file, options_given, user=request.user, filename=sent.name)
    return answers.json(_counts(report) | {"job": job.pk if job else None})


@router.get("/jobs/{int:job_id}", response={200: s.Job} | errors(403))
def get_job(request: TenantRequest, job_id: int) -> HttpResponse:
    """How far an import or export has come, and what it refused. For managers."""
    return answers.json(shapes.job(access.job_for(request, job_id)))


@router.get(
    "/projects/{int:project_id}/export",
    response={200: Annotated[str, Field(description="JSON lines, docs/formats.md")]} | errors(403),
)
def export(request: TenantRequest, project_id: int, options: Query[ExportOptions]) -> StreamingHttpResponse:
    """The project's answers as JSON lines (`application/x-ndjson`), CSV or CoNLL, streamed. For managers.

    CSV and CoNLL of up to 2,000 lines have a header `Marginalia-Report` with counts of what they do not hold.
    """
    project = access.project_for(request, project_id, Role.MANAGER)
    return exports.at_once(request, project, jsonl.Options.parse(options.model_dump()))[0]


@router.post("/projects/{int:project_id}/exports", response={202: s.Job} | errors(403, 409))
def start_export(request: TenantRequest, project_id: int, sent: ExportOptions) -> HttpResponse:
    """An export that a worker writes; `jobs/{id}` tells how far it is, `jobs/{id}/file` has it then. For managers."""
    project = access.project_for(request, project_id, Role.MANAGER)
    job = jobs.start_export(project, request.user, sent.model_dump())
    send_once_committed("run_export", request.tenant.pk, job.pk)
    return answers.json(shapes.job(job), status=202)


@router.get("/jobs/{int:job_id}/file", response={200: Annotated[str, Field(description="The file")]} | errors(403))
def get_file(request: TenantRequest, job_id: int) -> HttpResponse | FileResponse:
    """What an export made; it is kept for a week. For managers."""
    return job_pages.made(access.job_for(request, job_id)) or answers.not_found()


@router.get(
    "/jobs/{int:job_id}/refused", response={200: Annotated[str, Field(description="CSV or JSONL")]} | errors(403)
)
def get_refused(request: TenantRequest, job_id: int) -> HttpResponse | FileResponse:
    """The rows that an import refused, each with `_line` and `_error`; JSONL if that came, else CSV. For managers."""
    return job_pages.refused_rows(access.job_for(request, job_id)) or answers.not_found()


@router.get("/jobs/{int:job_id}/preview", response={200: Preview} | errors(403, 409))
def get_preview(request: TenantRequest, job_id: int) -> HttpResponse:
    """What an uploaded file looks like, read as its options say. For managers."""
    return answers.json(_preview(jobs.preview(access.job_for(request, job_id))))


@router.put("/jobs/{int:job_id}/preview", response={200: Preview} | errors(403, 409))
def change_preview(request: TenantRequest, job_id: int, sent: ImportOptions) -> HttpResponse:
    """Other options for an uploaded file, and what it looks like then. For managers."""
    return answers.json(_preview(jobs.preview(access.job_for(request, job_id), sent.model_dump())))


@router.post("/jobs/{int:job_id}/start", response={200: s.Job} | errors(403, 409))
def start_job(request: TenantRequest, job_id: int) -> HttpResponse:
    """Import an uploaded file, or try a deletion again that failed. For managers."""
    job = access.job_for(request, job_id)
    if job.kind == Job.Kind.DELETE:
        removal.again(job)
    else:
        imports.confirm(request, job)
    return answers.json(shapes.job(job))


@router.post("/jobs/{int:job_id}/cancel", response={200: s.Job} | errors(403, 409))
def cancel_job(request: TenantRequest, job_id: int) -> HttpResponse:
    """Stop a job: at once if it waits, at its next batch if it runs. Rows that went in stay. For managers."""
    job = access.job_for(request, job_id)
    jobs.cancel(job)
    return answers.json(shapes.job(job))


def _preview(found: previewing.Preview) -> dict[str, Any]:
    options = {name: value for name, value in found.options.as_json().items() if name != "format"}
    grounds = found.grounds
    return {
        "format": found.options.format,
        "options": options,
        "columns": found.names,
        "delimiter": found.delimiter,
        "rows": found.rows,
        "labels": found.labels,
        "read": found.read,
        "whole": found.whole,
        "fault": found.fault,
        "problems": found.problems,
        "asks": found.asks,
        "guess": grounds
        and {"characters": grounds.characters, "uncertain": grounds.uncertain, "others": grounds.others},
        **shapes.told(found.told),
    }


class Sent(NamedTuple):
    """A file, its name if it came with one, and the size that was promised."""

    file: BinaryIO
    name: str
    size: int


def _sent_file(request: TenantRequest) -> Sent:
    """From a form, or the body itself."""
    if request.content_type == FORM:
        upload = request.FILES.get("file")
        if upload is None or isinstance(upload, list):
            raise Invalid("no_file", "file: is missing", [{"field": "file", "reason": "is missing"}])
        return Sent(cast(BinaryIO, upload.file), upload.name or "", upload.size or 0)
    if request.content_type not in FORMATS:
        kinds = ", ".join([FORM, *FORMATS])
        raise WrongMediaType("unsupported_media_type", f"Content-Type must be one of {kinds}.")
    size = int(request.META.get("CONTENT_LENGTH") or 0)
    if size > AT_ONCE_BYTES:
        # Not read into memory but copied to disk, piece by piece, from the connection.
        return Sent(cast(BinaryIO, request), "", size)
    if len(request.body) < size:
        raise Invalid("cut_short", f"The upload broke off: {len(request.body):,} of {size:,} bytes came.")
    return Sent(BytesIO(request.body), "", size)


def _queue(request: TenantRequest, project: Project, sent: Sent, given: dict[str, Any]) -> Job:
    job = jobs.start_import(project, request.user, sent.file, sent.name, given, promised=sent.size)
    send_once_committed("run_import", request.tenant.pk, job.pk)
    return job


def _counts(report: Report) -> dict[str, Any]:
    return {
        "rows": report.rows,
        "new": report.new,
        "known": report.known,
        "refused": report.refused,
        "errors": report.errors,
        **shapes.told(report.told),
    }
