"""One person's connection to the API: the least that HTTP needs, for the client shares the machine with the server."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import orjson


class Refused(RuntimeError):
    """The server answered with an error."""


class Client:
    """The API of one tenant with one bearer token, over one connection that is kept open."""

    def __init__(self, url: str, tenant: str, token: str) -> None:
        parts = urlsplit(url)
        self.base = f"/t/{tenant}/api/v1"
        self.headers = {"Authorization": f"Bearer {token}"}
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=120)

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """Send and receive JSON."""
        sent = None if body is None else orjson.dumps(body)
        return orjson.loads(self.raw(method, path, sent, "application/json").read() or b"null")

    def raw(self, method: str, path: str, body: Any, content_type: str, size: int | None = None) -> Any:
        """The response, not yet read. A file as body is sent in pieces and needs its ``size``."""
        headers = self.headers | ({"Content-Type": content_type} if body is not None else {})
        if size is not None:
            headers["Content-Length"] = str(size)
        self.connection.request(method, self.base + path, body, headers)
        response = self.connection.getresponse()
        if response.status >= 400:
            raise Refused(f"{method} {path}: {response.status} {response.read()[:1000]!r}")
        return response
