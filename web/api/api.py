"""The REST API: one NinjaAPI of thin routers. Its description is served at openapi.json."""

from __future__ import annotations

import orjson
from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.parser import Parser
from ninja.types import DictStrAny

from web.api import annotating, documents, handlers, projects, removal, terms, training, transfer
from web.api.auth import Bearer, Session

DESCRIPTION = """
Offsets count Unicode code points, end exclusive; `?offsets=utf16` or `utf8` counts otherwise. Every error has the
shape `{"error": {"code", "message", "details"}}`, and whatever answers with one has changed nothing.
"""


class OrjsonParser(Parser):
    """Refuses lone surrogates and NaN, which the standard library lets through."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        body: DictStrAny = orjson.loads(request.body)
        return body


api = NinjaAPI(
    title="Marginalia",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    # Its page would load scripts from elsewhere; docs/api.md is the page to read.
    docs_url=None,
    auth=[Bearer(), Session()],
    parser=OrjsonParser(),
)
handlers.install(api)
for router in (r.router for r in (projects, documents, annotating, terms, training, transfer, removal)):
    api.add_router("", router)
