"""What becomes of exceptions in the API, and of errors outside it: always the one shape for programs."""

from __future__ import annotations

import sys
from typing import Any

import orjson
import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views import defaults
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from annotator import database, disk
from annotator.errors import Conflict, Detail, Refusal
from annotator.models import Annotation
from web.api import answers, shapes
from web.requests import is_api

log = structlog.get_logger(__name__)

CODES = {400: "bad_request", 401: "sign_in_first", 403: "forbidden", 404: "not_found", 429: "too_many_requests"}


def install(api: NinjaAPI) -> None:
    """Give the API its answers to exceptions."""
    handlers: dict[type[Exception], Any] = {
        Refusal: refusal,
        ValidationError: invalid,
        HttpError: http_error,
        Http404: absent,
        PermissionDenied: forbidden,
        RequestDataTooBig: too_big,
        MultiPartParserError: bad_multipart,
        UnreadablePostError: cut_short,
        Exception: crash,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def refusal(request: HttpRequest, error: Refusal) -> HttpResponse:
    beside: dict[str, Any] = {}
    if isinstance(error, Conflict):
        beside["current"] = error.current
        if isinstance(error.current, Annotation):
            unit = request.GET.get("offsets", "codepoints")
            beside["current"] = shapes.annotation(error.current, error.current.document.text, unit)
    response = answers.error(error.status, error.code, error.message, error.details, **beside)
    if error.status == 503:
        response.headers["Retry-After"] = "5"
    return response


def invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    details: list[Detail] = [{"field": _field(e["loc"]), "reason": _reason(e["msg"])} for e in error.errors]
    first = f"{details[0]['field']}: {details[0]['reason']}" if details else "What was sent is not valid."
    return answers.error(422, "invalid_request", first, details)


def _field(place: tuple[Any, ...]) -> str:
    """Where something is wrong, as a path: ``spans[0].start``. The name of our own parameter is not part of it."""
    path = ""
    for part in place[2:] if place[0] == "body" else place[1:]:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else str(part)
    return path or str(place[0])


def _reason(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def http_error(_request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, orjson.JSONDecodeError):
        return answers.error(400, "invalid_json", f"The body is not valid JSON: {error.__cause__}")
    code = "sign_in_first" if isinstance(error, AuthenticationError) else CODES.get(error.status_code, "error")
    if error.status_code == 403 and "CSRF" in error.message:
        return answers.error(403, "csrf_failed", "Signed in by a session, send the X-CSRFToken header.")
    return answers.error(error.status_code, code, error.message)


def absent(_request: HttpRequest, _error: Http404) -> HttpResponse:
    return answers.not_found()


def forbidden(_request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    return answers.error(403, "forbidden", str(error) or "Your role does not allow this.")


def too_big(_request: HttpRequest, _error: RequestDataTooBig) -> HttpResponse:
    return answers.too_large(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or settings.MAX_UPLOAD_BYTES)


def bad_multipart(_request: HttpRequest, error: MultiPartParserError) -> HttpResponse:
    return answers.error(400, "invalid_multipart", str(error) or "The multipart body is broken.")


def cut_short(_request: HttpRequest, _error: UnreadablePostError) -> HttpResponse:
    return answers.error(422, "cut_short", "The body broke off.")


def crash(_request: HttpRequest, error: Exception) -> HttpResponse:
    """Our own mistake: Django logs it, and handler500 answers."""
    raise error


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    if is_api(request):
        return answers.error(400, "bad_request", str(exception) or "The request is broken.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    if is_api(request):
        return answers.error(403, "forbidden", str(exception) or "Your role does not allow this.")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return answers.not_found() if is_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, called while the exception is being handled. A database that went away, or a disk without
    room, is nobody's mistake, wherever in the request it was missed."""
    error = sys.exc_info()[1]
    if disk.says_full(error) or (isinstance(error, OperationalError | InterfaceError) and disk.is_full()):
        log.error("disk_full", free_bytes=disk.free(), error=str(error))
        return answers.disk_full() if is_api(request) else render(request, "disk_full.html", status=503)
    if database.lost(error):
        if is_api(request):
            return answers.database_unavailable()
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "2"})
    if is_api(request):
        return answers.error(500, "internal_error", "This is our mistake; it is in the log.")
    return defaults.server_error(request)
