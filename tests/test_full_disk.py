"""A whole install on a disk that fills up: it says so, loses no answer, and goes on by itself when there is room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg2
import pytest

from tests.install import Client, Install, eventually, install
from tests.small_disk import SmallDisk, small_disk
from web import embedded

MANY_WORDS = "words that take room " * 40


@pytest.fixture
def small() -> Iterator[SmallDisk]:
    with small_disk("400m") as made:
        yield made


def test_an_install_outlives_a_full_disk(small: SmallDisk) -> None:
    data_dir = small.path / "var"
    data_dir.mkdir()
    with install(data_dir, DISK_LOW_BYTES=str(40 * 1024 * 1024)) as running:
        acme = running.tenant("acme", person="alice", spec={"name": "Mails", "spans": ["PERSON"]})
        project = acme("GET", "/projects")["items"][0]["id"]
        _send(acme, project, rows=60)
        taken = [_answer(acme, document)[1] for document in _documents(acme, project)[:5]]
        assert [response.status_code for response in taken] == [200] * 5

        small.fill()
        refusal = eventually("the database to be full", lambda: _refused(acme, project))

        # It is told as what it is, by every door.
        assert refusal["code"] == "disk_full"
        told = httpx.get(f"{running.url}/readyz", timeout=60)
        assert (told.status_code, told.json()["disk"]) == (503, "full")

        # Even its database, killed meanwhile, comes back as soon as it can.
        database = _postgres(running)
        database.kill()
        eventually("its end", lambda: not database.is_running() or database.status() == psutil.STATUS_ZOMBIE)
        small.make_room()
        eventually("the install to be ready again", lambda: _ready(running))

        # Nothing that was acknowledged is lost, and work goes on.
        for response in taken:
            sent = response.json()["annotation"]
            stands = acme("GET", f"/documents/{_document(response)}/annotation")["annotation"]
            assert stands["revision"] == sent["revision"]
        status, _response = _answer(acme, _documents(acme, project)[10])
        assert status == 200
        _send(acme, project, rows=60)


def test_a_database_that_ended_for_want_of_room_for_its_log_comes_back(
    small: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "RETRY_SECONDS", 0)
    data_dir = small.path / "var"
    data_dir.mkdir()
    with embedded.start(data_dir) as services:
        postgres = services.ours[0]
        assert postgres.process is not None
        with closing(psycopg2.connect(services.database_url)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute("CREATE TABLE kept AS SELECT 'an answer' AS said")
            # Changed in place, these rows need no room but that of the log, until there is no next file for it.
            cursor.execute("CREATE TABLE busy (said text) WITH (fillfactor = 10)")
            cursor.execute("INSERT INTO busy SELECT repeat('x', 1000) FROM generate_series(1, 500)")
            small.fill()
            with pytest.raises(psycopg2.OperationalError):
                _write_on(cursor)
        postgres.process.wait(60)
        said: list[str] = []

        services.restart_dead(said.append)
        small.make_room()
        services.restart_dead(said.append)

        assert "No space left on device" in said[1]
        assert said[-1] == "PostgreSQL is back"
        with closing(psycopg2.connect(services.database_url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT said FROM kept")
            assert cursor.fetchall() == [("an answer",)]


def _write_on(cursor: Any) -> None:
    for letter in range(10_000):
        cursor.execute("UPDATE busy SET said = repeat(chr(65 + %s), 1000)", [letter % 20])


def _send(acme: Client, project: int, *, rows: int) -> None:
    response = _import(acme, project, rows)
    assert response.status_code == 200, response.text


def _import(acme: Client, project: int, rows: int) -> httpx.Response:
    body = "".join(f'{{"text": "{uuid4()} {MANY_WORDS}"}}\n' for _ in range(rows))
    headers = {"Content-Type": "application/x-ndjson"}
    return acme.http.post(f"/projects/{project}/import", content=body, headers=headers)


def _refused(acme: Client, project: int) -> dict[str, Any] | None:
    """What an import is told that finds no room; before that some may find place in what was allotted already."""
    response = _import(acme, project, 900)
    return response.json()["error"] if response.status_code == 503 else None


def _documents(acme: Client, project: int) -> list[int]:
    return [item["id"] for item in acme("GET", f"/projects/{project}/documents", params={"limit": 50})["items"]]


def _answer(acme: Client, document: int) -> tuple[int, httpx.Response]:
    sent = {"submit_id": str(uuid4()), "revision": 0, "state": "submitted", "spans": []}
    response = acme.http.put(f"/documents/{document}/annotation", json=sent)
    return response.status_code, response


def _document(response: httpx.Response) -> int:
    return int(response.request.url.path.split("/")[-2])


def _postgres(running: Install) -> psutil.Process:
    return next(p for p in psutil.Process(running.process.pid).children() if p.name() == "postgres")


def _ready(running: Install) -> bool:
    try:
        return httpx.get(f"{running.url}/readyz", timeout=60).status_code == 200
    except httpx.HTTPError:
        return False
