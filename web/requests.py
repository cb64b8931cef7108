"""What the middleware knows of a request when a view of a tenant gets it."""

from __future__ import annotations

import re

from django.http import HttpRequest

from annotator.accounts import Tenant, User

API_PATH = re.compile(r"/t/[^/]+/api(/|$)")


class TenantRequest(HttpRequest):
    """A request inside a tenant's scope; ``role`` is what its sender may do there at most."""

    user: User
    tenant: Tenant
    role: str
    by_token: bool


def is_api(request: HttpRequest) -> bool:
    """Whether a program asks, which gets JSON whatever happens."""
    return API_PATH.match(request.path) is not None


def bearer(request: HttpRequest) -> str | None:
    """The bearer token that came with the request."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None
