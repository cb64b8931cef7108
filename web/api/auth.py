"""How the API knows its callers. The middleware has looked them up; here only what is left: CSRF of sessions."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer

from annotator.accounts import User
from web.requests import TenantRequest


class Bearer(HttpBearer):
    """A token made by ``manage.py token``, or by a page."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:  # noqa: ARG002 (the middleware did)
        request = cast(TenantRequest, request)
        return request.user if request.by_token else None


class Session(APIKeyCookie):
    """The session of somebody who signed in; changes need the X-CSRFToken header."""

    def __init__(self) -> None:
        self.param_name = settings.SESSION_COOKIE_NAME
        super().__init__()

    def authenticate(self, request: HttpRequest, key: str | None) -> User | None:  # noqa: ARG002
        request = cast(TenantRequest, request)
        return None if request.by_token else request.user
