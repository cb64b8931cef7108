"""Every address of a tenant, with an example of what to call it with: new ones must bring theirs."""

from __future__ import annotations

import re

import orjson
from django.test import Client
from django.urls import URLResolver, get_resolver

from web.api.api import api


def routes(patterns=None, before=""):
    """Every address of the URL table with its view and its name."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route, pattern.callback, pattern.name


TENANT_PREFIX = "t/<slug:tenant>/"
API_PREFIX = TENANT_PREFIX + "api/v1/"

# An example of every path parameter, out of a world. A new parameter needs one.
IDS = {
    "tenant": lambda world: world.tenant.slug,
    "project_id": lambda world: world.project.pk,
    "label_id": lambda world: world.label.pk,
    "question_id": lambda world: world.question.pk,
    "document_id": lambda world: world.claim.document_id,
    "job_id": lambda world: world.job.pk,
    "run_id": lambda world: world.run.pk,
    "invitation_id": lambda world: world.invitation.pk,
    "member_id": lambda world: world.manager.memberships.get(tenant=world.tenant).pk,
    "token_id": lambda world: world.token_id,
    "version_id": lambda world: world.version.pk,
}
# A body for every operation that takes one, good enough to come as far as the object.
BODIES = {
    "create_project": {"name": "Another", "spans": ["PERSON"]},
    "change_project": {"random_share": 0.5},
    "rename_question": {"name": "subject"},
    "add_label": {"kind": "span", "name": "ANIMAL"},
    "change_label": {"definition": "Names of people."},
    "merge_label": {"into": 1},
    "next_document": {"held": [], "ahead": 1},
    "leave": {"documents": []},
    "put_back": {"documents": []},
    "put_annotation": {"submit_id": "5f0c6bd0-9d1b-4a4e-8f5e-0a9c6b3d2e10"},
    "start_export": {"documents": "all"},
    "change_preview": {"format": "jsonl"},
    "suggest": {"texts": ["Ann lives in Oslo."]},
    "import_documents": b'{"text": "Ann"}\n',
}
# Addresses that have nothing to show even to those who belong there.
EMPTY = {"api-root", "get_file", "get_refused"}


def cases():
    """(method, route, body, name) of all that can be called in a tenant."""
    for _, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                route = API_PREFIX + path.lstrip("/").replace("{", "<").replace("}", ">")
                name = operation.view_func.__name__
                if any(model.__ninja_param_source__ == "body" for model in operation.models):
                    assert name in BODIES, f"give {name} a body in BODIES"
                for method in operation.methods:
                    yield method, route, BODIES.get(name, b""), name
    for route, _, name in routes():
        if route.startswith(API_PREFIX) and name in ("openapi-json", "api-root"):
            yield "GET", route, b"", name
        elif route.startswith(TENANT_PREFIX) and not route.startswith(API_PREFIX):
            yield "GET", route, b"", name
            yield "POST", route, b"", name


def call(method, route, body, *, tenant, ids, session=None, secret=None):
    """Call a route in a tenant with the ids of a world, as somebody."""

    def example(parameter):
        assert parameter.group(1) in IDS, f"give the path parameter {parameter.group(1)} an example in IDS"
        return str(IDS[parameter.group(1)](ids))

    path = "/" + re.sub(r"<\w+:(\w+)>", example, route.replace("<slug:tenant>", tenant.slug, 1))
    client = Client()
    if session:
        client.force_login(session)
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    raw = isinstance(body, bytes)
    kind = "application/x-ndjson" if raw else "application/json"
    return client.generic(method, path, body if raw else orjson.dumps(body), content_type=kind, headers=headers)
