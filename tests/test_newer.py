"""Code that meets a database of a newer version: it touches nothing, says why in one sentence, and ends."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from tests.install import _free_port
from tests.outside import data_directory

ROOT = Path(__file__).resolve().parent.parent
GUNICORN = ["-m", "gunicorn", "--config", "python:web.gunicorn", "web.wsgi"]


@pytest.fixture(scope="module")
def newer() -> Iterator[str]:
    """The address of a database that has had a migration which nobody here knows."""
    name = f"newer_{secrets.token_hex(4)}"
    ours = psycopg2.connect(os.environ["DATABASE_URL"])
    ours.autocommit = True
    ours.cursor().execute(f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE django_migrations (app text, name text)")
        cursor.execute("INSERT INTO django_migrations VALUES ('annotator', '0001_initial'), ('trainer', '0999_later')")
    connection.close()
    yield url
    ours.cursor().execute(f"DROP DATABASE {name}")
    ours.close()


@pytest.mark.parametrize(
    "program",
    [
        ["manage.py", "tenant", "acme"],
        ["manage.py", "migrate"],
        ["-m", "web.worker", "io"],
        ["-m", "web.worker", "beat"],
        ["-m", "web.launch"],
        GUNICORN,
    ],
    ids=" ".join,
)
def test_old_code_refuses_a_newer_database(newer: str, program: list[str]) -> None:
    with data_directory() as path:
        env = os.environ | {"DATA_DIR": str(path), "DATABASE_URL": newer, "PORT": str(_free_port())}

        done = subprocess.run(
            [sys.executable, *program], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300
        )

    assert done.returncode not in (0, None)
    assert "newer version of Marginalia (trainer.0999_later is unknown here)" in done.stderr
    assert "run that version, or restore a backup" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    with psycopg2.connect(newer) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert cursor.fetchone() == (1,)


def test_readyz_says_that_the_database_is_newer(db, client) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('trainer', '0999_later', now())")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "newer than this code" in json.loads(answer.content)["database"]
