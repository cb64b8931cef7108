"""The pages over HTTP from this very process, with something to show on each: a world, and somebody signed in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test import Client

from tests.addresses import IDS
from tests.cast import Cast
from tests.worlds import World


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@dataclass
class Served:
    url: str
    examples: dict[str, str]
    session: str

    def example(self, parameter: str) -> str:
        assert parameter in self.examples, f"give the path parameter {parameter} an example in IDS"
        return self.examples[parameter]

    def probe(self, address: str) -> tuple[int, str]:
        """Status and kind of what a GET brings. Over HTTP, for Playwright's thread may not use the database."""
        response = httpx.get(self.url + address, cookies={settings.SESSION_COOKIE_NAME: self.session}, timeout=60)
        return response.status_code, response.headers.get("Content-Type", "")

    @property
    def desk(self) -> str:
        return f"/t/{self.examples['tenant']}/projects/{self.examples['project_id']}/desk"

    @property
    def cookies(self) -> list[dict[str, str]]:
        return [{"name": settings.SESSION_COOKIE_NAME, "value": self.session, "url": self.url}]


@contextmanager
def serve() -> Iterator[Served]:
    cast = Cast.make(None)
    world = World.make(cast.acme, cast.alice)
    client = Client()
    client.force_login(cast.alice)
    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        examples = {name: str(example(world)) for name, example in IDS.items()} | {"link": "spent"}
        examples |= dict(zip(("slug", "secret"), world.join_path.split("/")[2:], strict=True))
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        yield Served(f"http://127.0.0.1:{server.server_port}", examples, session)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        connection.close()
