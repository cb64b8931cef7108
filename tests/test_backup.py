"""Backup and restore, as an operator does them: while labels come in, into a new install, whole or not at all."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import psycopg2
import pytest

from annotator import jobs, review, suggestions, tokens
from annotator.importing.options import Options
from annotator.models import Annotation, Job
from annotator.tenancy import tenant_scope
from tests.cast import Cast, add_documents, make_project
from tests.install import _free_port, eventually
from tests.outside import data_directory
from tests.worlds import FOUND
from trainer import store
from trainer.models import ModelVersion, TrainingRun
from web import backup, embedded

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "a long enough password"


class Source:
    """The install that runs: a project with a model, an import that waits, and bob, who labels all the time."""

    def __init__(self) -> None:
        from django.conf import settings

        self.cast = Cast.make()
        self.cast.alice.set_password(PASSWORD)
        self.cast.alice.save()
        self.project = make_project(self.cast.acme, check_share=0)
        self.documents = add_documents(
            self.cast.acme, self.project, *(f"Ann no. {i} lives in Oslo. 😀" for i in range(300))
        )
        add_documents(self.cast.globex, make_project(self.cast.globex), "Tab\there", "back\\slash and\nline")
        with tenant_scope(self.cast.acme):
            run = TrainingRun.objects.create(project=self.project, trigger="hand", state="succeeded")
            folder = store.run_dir(self.cast.acme.pk, self.project.pk, run.pk)
            TrainingRun.objects.filter(pk=run.pk).update(finished_at=run.created_at)
            (folder / "snapshot.jsonl").write_text('{"text": "learnt from"}\n')
            (folder / "pool.jsonl").write_text("need not be kept\n")
            export = folder / "export"
            (export / "variables").mkdir(parents=True)
            (export / "saved_model.pb").write_bytes(os.urandom(2_000_000))
            (export / "variables" / "index").write_bytes(b"")
            (export / "assets").write_bytes(os.urandom(50_000))  # goes before what a deletion changes
            (export / store.HELD_OUT).write_bytes(b'{"id": "1"}\n{"id": "2"}\n')
            self.model = store.version_dir(self.cast.acme.pk, self.project.pk, 1)
            self.digest = store.publish(export, self.model)
            ModelVersion.objects.create(
                project=self.project, run=run, number=1, examples=1, live=True, manifest_sha256=self.digest
            )
            suggestions.record(self.project, 1, [(d.pk, FOUND) for d in self.documents])
            self.token = tokens.issue(self.cast.bob)[1]
            waiting = jobs.start_import(
                self.project, self.cast.alice, io.BytesIO(b'{"text": "comes in later"}\n'), "later.jsonl", {}
            )
        self.upload = Path(waiting.path)
        self.job = waiting.pk
        assert Options.of_job(waiting.options["import"]).format == "jsonl"
        assert self.upload.is_relative_to(settings.DATA_DIR)

    def label(self, number: int) -> None:
        document = self.documents[number]
        answer = {"spans": [{"start": 0, "end": 3, "label": "PERSON"}]}
        with tenant_scope(self.cast.acme):
            review.annotate(document, self.cast.bob, review.Submission(uuid4(), 0, answer))

    def forget_held_out(self) -> None:
        """What the deletion of a held-out document does beside a version."""
        if (self.model / store.HELD_OUT).read_bytes():
            digest = store.prepare(self.model, b"")
            with tenant_scope(self.cast.acme):
                ModelVersion.objects.filter(project=self.project).update(manifest_sha256=digest)
            store.settle(self.model, digest)


class Labelling:
    """Somebody who labels one document after the other until told to stop; what was acknowledged is counted."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.acknowledged = 0
        self.over = threading.Event()
        self.news = threading.Condition()
        self.thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Labelling:
        self.thread.start()
        self.wait_for(20)
        return self

    def __exit__(self, *_error: object) -> None:
        self.over.set()
        self.thread.join(60)

    def _work(self) -> None:
        from django.db import connection

        for number in range(len(self.source.documents)):
            if self.over.is_set():
                break
            self.source.label(number)
            with self.news:
                self.acknowledged += 1
                self.news.notify_all()
        connection.close()

    def wait_for(self, more: int) -> None:
        goal = self.acknowledged + more
        with self.news:
            assert self.news.wait_for(lambda: self.acknowledged >= goal, 120)


class Slow(io.BytesIO):
    """Where a backup goes to that takes so long that people label on meanwhile."""

    def __init__(self, pause: Callable[[], None]) -> None:
        super().__init__()
        self.pause = pause
        self.pauses = 5

    def write(self, data: Any) -> int:
        if self.pauses:
            self.pauses -= 1
            self.pause()
        return super().write(data)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Path, embedded.Services]]:
    """The new server: PostgreSQL and Redis without anything in them."""
    with data_directory() as path, embedded.start(path, durable=False) as services:
        yield path, services


@pytest.fixture(scope="module")
def source(django_db_blocker) -> Iterator[Source]:
    with django_db_blocker.unblock():
        yield Source()
        from django.db import connection

        connection.close()


@pytest.fixture(scope="module")
def taken(source: Source) -> tuple[bytes, int]:
    """A backup that was made while bob labelled and somebody deleted, and how much had been acknowledged before."""
    with Labelling(source) as labelling:
        before = labelling.acknowledged

        def meanwhile() -> None:
            labelling.wait_for(2)
            source.forget_held_out()

        file = Slow(meanwhile)
        report = backup.write(file)
    assert labelling.acknowledged > before
    # Tests beside these leave rows of versions whose files are gone.
    assert [name for name in report.missing if name.startswith(f"models/{source.cast.acme.pk}/")] == []
    return file.getvalue(), before


def manage(
    servers: tuple[Path, embedded.Services],
    *arguments: str,
    stdin: bytes = b"",
    url: str = "",
    stdout: Any = subprocess.PIPE,
) -> Any:
    path, services = servers
    env = os.environ | {
        "DATA_DIR": str(path),
        "DATABASE_URL": url or services.database_url,
        "REDIS_URL": services.redis_url,
        "SECRET_KEY": "another key, as on a server that was made anew after a fire",
    }
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=env, input=stdin, stdout=stdout, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip


def refused(servers: tuple[Path, embedded.Services], data: bytes) -> str:
    """What a restore says that refuses; afterwards the database is as empty as before, and no file lies about."""
    done = manage(servers, "restore", "-", stdin=data)
    said: str = done.stderr.decode()
    assert done.returncode == 1, done.stdout
    assert "Nothing was changed" in said
    assert "Traceback" not in said
    path, services = servers
    assert query(services.database_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
    assert not (path / "models").exists()
    assert not (path / "restoring").exists()
    return said


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def rows(url: str, tenant: int, statement: str) -> list[tuple[Any, ...]]:
    return query(url, f"SET marginalia.tenant = '{tenant}'; {statement}")


@contextmanager
def web(servers: tuple[Path, embedded.Services]) -> Iterator[str]:
    """The pages of the new server."""
    path, services = servers
    port = _free_port()
    env = os.environ | {
        "DATA_DIR": str(path), "DATABASE_URL": services.database_url, "REDIS_URL": services.redis_url,
        "SECRET_KEY": "k" * 50, "PORT": str(port), "WEB_WORKERS": "1",
    }  # fmt: skip
    with (path / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", "python:web.gunicorn", "web.wsgi"],
            cwd=ROOT, env=env, stdout=log, stderr=log,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        eventually("the restored install to be ready", lambda: _ready(url), 300)
        yield url
    finally:
        process.terminate()
        process.wait(120)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=60).status_code == 200
    except httpx.HTTPError:
        return False


def edited(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The same backup with another about.json."""
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=made, mode="w") as new:
        for member in old:
            content: IO[bytes] | None = old.extractfile(member)
            assert content is not None
            held = content.read()
            if member.name == "about.json":
                about = json.loads(held)
                change(about)
                held = json.dumps(about).encode()
                member.size = len(held)
            new.addfile(member, io.BytesIO(held))
    return made.getvalue()


# The tests of this file go on from one another: the new server is empty until the restore that succeeds.


@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_backup_that_was_cut_short_restores_nothing(servers, taken, part) -> None:
    data, _before = taken
    whole = data.rstrip(b"\0")  # a tar ends in zeros

    said = refused(servers, whole[: int(len(whole) * part)])

    assert re.search("cut short|no backup|damaged", said)


def test_a_damaged_backup_restores_nothing(servers, taken) -> None:
    data = bytearray(taken[0])
    at = len(data) // 2
    data[at : at + 64] = bytes(byte ^ 0xFF for byte in data[at : at + 64])

    said = refused(servers, bytes(data))

    assert "damaged" in said or "cut short" in said


def test_a_backup_of_newer_code_is_refused(servers, taken) -> None:
    newer = edited(taken[0], lambda about: about["migrations"].append(["annotator", "0999_later"]))

    said = refused(servers, newer)

    assert "made by a newer version (annotator.0999_later is unknown here)" in said


def test_a_backup_that_names_a_file_outside_is_refused(servers, taken) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(taken[0])) as old, tarfile.open(fileobj=made, mode="w") as new:
        for member in old:
            if member.name.startswith("files/models"):
                member.name = "files/../../escaped"
            new.addfile(member, old.extractfile(member))

    said = refused(servers, made.getvalue())

    assert "damaged" in said


def test_a_backup_taken_while_labels_come_in_makes_a_whole_install(servers, source, taken) -> None:
    data, before = taken
    path, services = servers
    acme, url = source.cast.acme.pk, services.database_url

    done = manage(servers, "restore", "-", stdin=data)

    assert done.returncode == 0, done.stderr
    assert b"SECRET_KEY is not the one of before" in done.stdout
    # What was acknowledged before the backup began is there, and everything fits together.
    answered = [i for (i,) in rows(url, acme, "SELECT document_id FROM annotator_annotation ORDER BY document_id")]
    assert {document.pk for document in source.documents[:before]} <= set(answered)
    assert len(answered) < len(source.documents)
    whole = """SELECT a.document_id FROM annotator_annotation a
        JOIN annotator_annotationrevision r
          ON r.annotation_id = a.id AND r.revision = a.revision AND r.answer = a.answer
        JOIN annotator_facet f ON f.document_id = a.document_id AND f.facet = 'span:PERSON' ORDER BY 1"""
    assert [i for (i,) in rows(url, acme, whole)] == answered
    texts = "SELECT text FROM annotator_document ORDER BY id"
    assert rows(url, source.cast.globex.pk, texts) == [("Tab\there",), ("back\\slash and\nline",)]
    model = path / source.model.relative_to(os.environ["DATA_DIR"])
    ((digest,),) = rows(url, acme, "SELECT manifest_sha256 FROM trainer_modelversion")
    assert digest != source.digest  # a deletion came between its row and its files
    store.verify(model, digest)
    runs = model.parent / "runs"
    assert [file.name for file in runs.rglob("*") if file.is_file()] == ["snapshot.jsonl"]


def test_people_and_programs_come_into_the_restored_install_and_go_on(servers, source) -> None:
    path, services = servers
    slug = source.cast.acme.slug
    with web(servers) as url, httpx.Client(base_url=url, follow_redirects=True, timeout=60) as browser:
        page = browser.get("/signin").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        form = {"csrfmiddlewaretoken": token.group(1), "username": source.cast.alice.username, "password": PASSWORD}
        arrived = browser.post("/signin", data=form)
        assert source.project.name in arrived.text
        bob = {"Authorization": f"Bearer {source.token}"}
        last = source.documents[-1].pk
        sent = {"submit_id": str(uuid4()), "revision": 0, "spans": [], "state": "submitted"}
        answered = httpx.put(f"{url}/t/{slug}/api/v1/documents/{last}/annotation", headers=bob, json=sent, timeout=60)
        made = httpx.post(
            f"{url}/t/{slug}/api/v1/projects/{source.project.pk}/import",
            content=b'{"text": "new here"}\n',
            headers={"Content-Type": "application/x-ndjson", "Authorization": bob["Authorization"]},
            timeout=60,
        )

    assert answered.status_code == 200, answered.text
    assert made.status_code == 403  # bob annotates; but somebody was asked
    upload = path / source.upload.relative_to(os.environ["DATA_DIR"])
    job = rows(services.database_url, source.cast.acme.pk, "SELECT path, state FROM annotator_job")
    assert job == [(str(upload), Job.State.QUEUED)]
    assert upload.read_bytes() == b'{"text": "comes in later"}\n'


def test_ids_go_on_after_the_last_that_was_given(servers, source) -> None:
    newest = rows(servers[1].database_url, source.cast.acme.pk, "SELECT max(id) FROM annotator_annotation")
    with tenant_scope(source.cast.acme):
        given = Annotation.objects.filter(project=source.project).count()

    assert newest[0][0] >= given


def test_row_level_security_stands_again_and_binds_the_owner(servers) -> None:
    url = servers[1].database_url

    seen = query(url, "SELECT count(*) FROM annotator_document")
    weak = query(
        url,
        "SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity"
        " OR oid IN (SELECT tgrelid FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'D')",
    )

    assert seen == [(0,)]
    assert weak == []


def test_an_install_with_people_in_it_is_replaced_only_when_told_to(servers, source, taken) -> None:
    path, services = servers
    acme = source.cast.acme.pk
    count = "SELECT count(*) FROM annotator_annotation"
    before = rows(services.database_url, acme, count)

    kept = manage(servers, "restore", "-", stdin=taken[0])
    still = rows(services.database_url, acme, count)
    done = manage(servers, "restore", "-", "--replace", stdin=taken[0])

    assert kept.returncode == 1
    assert b"The database is not empty" in kept.stderr
    assert b"--replace" in kept.stderr
    assert still == before
    assert done.returncode == 0, done.stderr
    assert rows(services.database_url, acme, count) == [(before[0][0] - 1,)]  # the one that was given after it
    assert (path / "models.before-restore").is_dir()
    assert (path / source.model.relative_to(os.environ["DATA_DIR"])).is_dir()


def test_a_backup_of_an_older_version_is_migrated_forward(servers, tmp_path) -> None:
    old, new = database(servers[1].database_url, "older"), database(servers[1].database_url, "today")
    assert manage(servers, "migrate", "annotator", "0006", "--verbosity", "0", url=old).returncode == 0
    assert manage(servers, "migrate", "trainer", "--verbosity", "0", url=old).returncode == 0
    with psycopg2.connect(old) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO annotator_tenant (slug, name, created_at) VALUES ('old', 'Old Ltd', now())")
    connection.close()

    made = manage(servers, "backup", str(tmp_path), url=old)
    file = made.stdout.decode().strip()
    done = manage(servers, "restore", file, url=new)

    assert made.returncode == 0, made.stderr
    assert Path(file).stat().st_mode & 0o077 == 0
    assert done.returncode == 0, done.stderr
    assert b"migrations run" in done.stdout
    assert query(new, "SELECT slug, name FROM annotator_tenant") == [("old", "Old Ltd")]
    missing = "SELECT count(*) FROM django_migrations WHERE app = 'annotator'"
    assert query(new, missing) > query(old, missing)


def test_a_backup_overwrites_nothing_and_leaves_nothing_half(servers, tmp_path) -> None:
    file = tmp_path / "mine.tar"
    file.write_text("precious")

    done = manage(servers, "backup", str(file))
    nowhere = manage(servers, "backup", str(tmp_path / "none" / "b.tar"))
    with Path("/dev/full").open("wb") as full:
        cut_off = manage(servers, "backup", "-", stdout=full)

    assert done.returncode == 1
    assert b"is there already" in done.stderr
    assert file.read_text() == "precious"
    assert nowhere.returncode == 1
    assert b"cannot be written" in nowhere.stderr
    assert cut_off.returncode == 1
    assert cut_off.stderr == b"CommandError: The backup cannot be written: No space left on device.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.tar"]


def database(url: str, name: str) -> str:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
