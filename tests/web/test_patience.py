"""A PostgreSQL that hangs: people are told so, instead of waiting with it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from threading import Timer

import psutil
import pytest
from django.db import close_old_connections, connection
from django.test import Client
from psycopg2 import extensions

from web import patience


@contextlib.contextmanager
def hanging() -> Iterator[None]:
    """All of this test process's own PostgreSQL is stopped; should somebody wait for it, it goes on one day."""
    server = next(child for child in psutil.Process(os.getpid()).children() if child.name() == "postgres")
    stopped = [server, *server.children()]

    def resume() -> None:
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    for process in stopped:
        process.suspend()
    rescue = Timer(30, resume)
    rescue.start()
    try:
        yield
    finally:
        rescue.cancel()
        resume()


@pytest.fixture
def as_in_a_web_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(patience, "SILENCE_SECONDS", 0.2)
    connection.close()
    patience.limit_waits()
    yield
    connection.close()
    extensions.set_wait_callback(None)


@pytest.mark.usefixtures("committed_db", "as_in_a_web_process")
def test_whoever_asks_while_the_database_hangs_is_told_and_served_again_when_it_goes_on() -> None:
    client = Client()
    client.get("/readyz")

    with hanging():
        told = [client.get("/readyz"), client.get("/t/acme/api/v1/projects", headers={"Authorization": "Bearer mgn_x"})]

    assert [response.status_code for response in told] == [503, 503]
    assert told[0].json()["database"] == "OperationalError"
    assert told[1].json()["error"]["code"] == "database_unavailable"
    close_old_connections()  # as each request begins, save those of a test
    assert client.get("/readyz").json()["database"] == "ok"


@pytest.mark.usefixtures("committed_db", "as_in_a_web_process")
def test_a_statement_may_take_as_long_as_its_server_lives() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [4 * patience.SILENCE_SECONDS])

        assert cursor.rowcount == 1


def test_a_network_that_went_away_is_noticed_within_a_minute(db: None) -> None:
    connection.ensure_connection()

    told = connection.connection.info.dsn_parameters

    assert int(told["tcp_user_timeout"]) <= 60_000
    assert int(told["keepalives_idle"]) + int(told["keepalives_interval"]) * int(told["keepalives_count"]) <= 60
