"""A client of the API that holds every answer to what OpenAPI says about it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import orjson
from django.test import Client
from pydantic import BaseModel

from annotator import tokens
from annotator.models import Tenant, User
from annotator.tenancy import tenant_scope
from web.api.api import api


class Api:
    """Calls one tenant's API as one person, by token."""

    def __init__(self, tenant: Tenant, user: User | None = None, *, role: str | None = None) -> None:
        self.base = f"/t/{tenant.slug}/api/v1"
        self.client = Client()
        self.headers: dict[str, str] = {}
        if user is not None:
            with tenant_scope(tenant):
                _, secret = tokens.issue(user, role=role)
            self.headers["Authorization"] = f"Bearer {secret}"

    def get(self, path: str, **query: Any):
        return self.call("GET", path, query=query)

    def post(self, path: str, data: Any = None, **query: Any):
        return self.call("POST", path, data, query=query)

    def put(self, path: str, data: Any = None, **query: Any):
        return self.call("PUT", path, data, query=query)

    def delete(self, path: str, **query: Any):
        return self.call("DELETE", path, query=query)

    def call(self, method: str, path: str, data: Any = None, *, query=None, content_type="application/json"):
        body = data if isinstance(data, bytes) else b"" if data is None else orjson.dumps(data)
        response = self.client.generic(
            method, self.base + path, body, content_type=content_type, headers=self.headers, query_params=query
        )
        hold_to_description(method, path, response)
        return response


def hold_to_description(method: str, path: str, response: Any) -> None:
    """Fail unless the answer is one that OpenAPI promises for this operation, no field more and none less."""
    models = _responses(method, path)
    if models is None or response.streaming:
        return
    assert response.status_code in models, f"{method} {path}: {response.status_code} {response.content!r}"
    model = models[response.status_code]
    if model is None:
        assert response.content == b""
        return
    model.model_validate({"response": response.json()})
    _no_more(model.model_validate({"response": response.json()}).response, response.json(), path)


def _no_more(model: Any, data: Any, place: str) -> None:
    """The description names every field that was sent."""
    if isinstance(model, BaseModel):
        unnamed = set(data) - set(type(model).model_fields)
        assert not unnamed, f"{place}: not described: {unnamed}"
        for name in data:
            _no_more(getattr(model, name), data[name], f"{place}.{name}")
    elif isinstance(model, list):
        for one, sent in zip(model, data, strict=True):
            _no_more(one, sent, place)
    elif isinstance(model, dict):
        for name, one in model.items():
            _no_more(one, data[name], f"{place}.{name}")


@cache
def operations() -> list[tuple[str, re.Pattern[str], Any]]:
    """Each operation of the API: method, pattern of its path, and itself."""
    found = []
    for _, router in api._routers:
        for path, view in router.path_operations.items():
            pattern = re.compile(re.sub(r"\{int:\w+\}", r"\\d+", path) + "$")
            found += [(method, pattern, op) for op in view.operations for method in op.methods]
    return found


def _responses(method: str, path: str) -> dict[int, Any] | None:
    return next((op.response_models for m, pattern, op in operations() if m == method and pattern.match(path)), None)
