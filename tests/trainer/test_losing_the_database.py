"""What workers make of a PostgreSQL that goes away and comes back: it is waited for, and what was begun goes on."""

from __future__ import annotations

import io
import os
import uuid

import psycopg2
import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError, connection

from annotator import database, jobs
from annotator.importing import load
from annotator.models import Document, Job
from annotator.tenancy import tenant_scope
from tests.cast import Cast, make_project
from trainer import tasks


def sever() -> None:
    """End all of this process's sessions, as a restart of PostgreSQL does."""
    with psycopg2.connect(os.environ["DATABASE_URL"]) as outside, outside.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND usename = current_user"
        )
        assert cursor.rowcount


def test_an_import_that_loses_the_database_goes_on_where_it_was(committed_db, sent, settings, tmp_path, monkeypatch):
    settings.UPLOADS_DIR = tmp_path
    cast = Cast.make()
    project = make_project(cast.acme, name=str(uuid.uuid4()))
    monkeypatch.setattr(load, "BATCH_ROWS", 10)
    body = b"".join(b'{"id": "m%d", "text": "Mail number %d"}\n' % (i, i) for i in range(45))
    with tenant_scope(cast.acme):
        job = jobs.start_import(project, cast.alice, io.BytesIO(body), "mails.jsonl", {})
    store, stored = jobs.store_rows, []

    def severed(*arguments, **options):
        stored.append(1)
        if len(stored) == 3:
            sever()
        return store(*arguments, **options)

    monkeypatch.setattr(jobs, "store_rows", severed)
    tasks.run_import(cast.acme.pk, job.pk)

    with tenant_scope(cast.acme):
        job.refresh_from_db()
        assert (job.state, job.rows_new, job.options["attempts"]) == ("queued", 20, 0)
    assert sent() == [("run_import", cast.acme.pk, job.pk)]  # at once: nobody has to find it
    tasks.run_import(cast.acme.pk, job.pk)
    with tenant_scope(cast.acme):
        job.refresh_from_db()
        assert (job.state, job.rows_read, job.rows_new) == (Job.State.SUCCEEDED, 45, 45)
        assert Document.objects.filter(project=project).count() == 45


def test_a_lost_connection_is_told_from_a_mistake(committed_db):
    with pytest.raises(ProgrammingError) as mistake, connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    with pytest.raises(OperationalError) as slow, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 1; SELECT pg_sleep(10)")
    assert not database.lost(mistake.value)
    assert not database.lost(slow.value)

    sever()
    with pytest.raises((OperationalError, InterfaceError)) as gone, connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    assert database.lost(gone.value)
    assert database.back_within(30)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_database_that_stays_away_is_waited_for_no_longer_than_asked(committed_db, monkeypatch):
    monkeypatch.setattr(database, "LOOK_SECONDS", 0.01)
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")

    assert not database.back_within(0.05)
