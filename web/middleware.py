"""The web's door into a tenant's scope: who asks, whether they belong there, and one transaction around the view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import structlog
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from annotator import disk, people, tokens
from annotator.accounts import Membership, Tenant
from annotator.errors import Deleted
from annotator.tenancy import tenant_scope
from web import zones
from web.api import answers
from web.requests import TenantRequest, bearer, is_api

log = structlog.get_logger(__name__)

View = Callable[..., HttpResponseBase]


class TenantMiddleware:
    """Runs each view under /t/<tenant>/ in that tenant's scope; a refusal takes back whatever it wrote."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        refusal = _refuse_body(request)
        if refusal is not None:
            return refusal
        response = self.get_response(request)
        if hasattr(request, "tenant"):
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if "tenant" not in kwargs:
            return None
        request = cast(TenantRequest, request)
        try:
            return _answer(request, kwargs["tenant"], lambda: view(request, *args, **kwargs))
        except _Refused as refused:
            return refused.response
        except Deleted:
            return render(request, "410.html", status=410)
        except Http404:
            if is_api(request):
                return answers.not_found()
            raise
        except (OperationalError, InterfaceError) as error:
            if not is_api(request):
                raise
            if disk.took_down(error):
                log.error("disk_full", free_bytes=disk.free(), error=str(error))
                return answers.disk_full()
            log.exception("database_unavailable", exc_info=error)
            return answers.database_unavailable()


class _Refused(Exception):
    """Carries a response out of the scope, so that its transaction is rolled back."""

    def __init__(self, response: HttpResponseBase) -> None:
        self.response = response


def _answer(request: TenantRequest, slug: str, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    secret = bearer(request) if is_api(request) else None
    request.by_token = secret is not None
    tenant = _tenant_of_session(request, slug) if secret is None else _tenant_of_token(slug)
    with tenant_scope(tenant):
        if secret is not None:
            _identify(request, secret)
        request.tenant = tenant
        # What is streamed, a file, is made after it: files tell time in UTC.
        with timezone.override(zones.of(request)):
            response = _rendered(view())
        if response.status_code >= 400:
            raise _Refused(_shaped(request, response))
    return response


def _tenant_of_session(request: TenantRequest, slug: str) -> Tenant:
    if not request.user.is_authenticated:
        if is_api(request):
            raise _Refused(_unauthorized("sign_in_first", "Send a bearer token, or sign in."))
        raise _Refused(redirect_to_login(request.get_full_path()))
    member = Membership.objects.select_related("tenant").filter(tenant__slug=slug, user=request.user).first()
    if member is None:
        gone = next((one for one in people.ended(request.user) if one.slug == slug), None)
        if gone is not None and not is_api(request):
            raise _Refused(render(request, "web/ended.html", {"tenant": gone}, status=404))
        raise Http404
    request.role = member.role
    return member.tenant


def _tenant_of_token(slug: str) -> Tenant:
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise Http404
    return tenant


def _identify(request: TenantRequest, secret: str) -> None:
    """A token that is not this tenant's gets the answer of a tenant that does not exist."""
    try:
        holder = tokens.holder(secret)
    except tokens.Expired as expired:
        raise _Refused(_unauthorized("token_expired", "This token has expired.")) from expired
    if holder is None:
        raise Http404
    request.user, request.role = holder


def _unauthorized(code: str, message: str) -> HttpResponse:
    response = answers.error(401, code, message)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    """Templates read rows as they are rendered, so that happens inside the scope."""
    render = getattr(response, "render", None)
    return render() if callable(render) else response


def _shaped(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code != 405 or not is_api(request):
        return response
    shaped = answers.error(405, "method_not_allowed", f"{request.method} is not possible here.")
    shaped.headers["Allow"] = response.headers["Allow"]
    return shaped


def _refuse_body(request: HttpRequest) -> HttpResponse | None:
    """Before anything reads the body: one of gigabytes is refused on its promise, one of unknown length, too."""
    if request.headers.get("Transfer-Encoding"):
        return _refused_body(request, 411, "length_required", "Send a Content-Length, not a chunked body.")
    try:
        promised = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return _refused_body(request, 400, "bad_request", "Content-Length is no number.")
    most = settings.MAX_UPLOAD_BYTES
    if promised > settings.MAX_STRANGER_BYTES and not is_api(request) and not request.user.is_authenticated:
        # The API looks who asks before it reads; a page's form is read first, for the token in it.
        most = settings.MAX_STRANGER_BYTES
    if promised > most:
        return _refused_body(request, 413, "too_large", f"The body may have at most {most:,} bytes.")
    return None


def _refused_body(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse:
    if is_api(request):
        return answers.error(status, code, message)
    return HttpResponse(message + "\n", status=status, content_type="text/plain")
