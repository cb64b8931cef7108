"""A full disk is told as what it is, loses nothing, and is over when there is room again."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.utils import timezone

from annotator import disk, jobs, review
from annotator.models import Document, Job
from annotator.removal import Target
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project, signed_in
from tests.small_disk import SmallDisk, small_disk
from tests.web.api_client import Api
from trainer import removal, retrain, runs, store
from trainer.models import TrainingRun
from web.launch import Options, Refused, check_room

HUGE = 1 << 60


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What the database said in one test is not to be heard in another."""
    yield
    cache.delete(disk.KEY)


@pytest.fixture
def small() -> Iterator[SmallDisk]:
    with small_disk("1m") as made:
        yield made


@contextmanager
def no_room_for(table: str) -> Iterator[None]:
    """PostgreSQL says of each new row of this table what it says where its disk is full."""
    with connection.cursor() as cursor:
        cursor.execute(f"""RESET ROLE;
            CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              RAISE EXCEPTION 'could not extend file "base/5/1": No space left on device' USING ERRCODE = 'disk_full';
            END $$;
            CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION no_room();
            SET ROLE marginalia_app""")
        yield
        cursor.execute(f"RESET ROLE; DROP TRIGGER no_room ON {table}; SET ROLE marginalia_app")


@pytest.fixture
def project(cast):
    project = make_project(cast.acme, check_share=0)
    add_documents(cast.acme, project, *(f"Letter number {i}." for i in range(12)))
    return project


def test_an_answer_is_told_to_come_again_and_is_taken_when_there_is_room(cast, project):
    bob = Api(cast.acme, cast.bob)
    document = bob.post(f"/projects/{project.pk}/next").json()["document"]["id"]
    sent = {"submit_id": str(uuid4()), "revision": 0, "state": "submitted", "spans": []}

    with no_room_for("annotator_annotation"):
        refused = bob.put(f"/documents/{document}/annotation", sent)
    # The database has said so within the last minute; it takes answers all the same.
    taken = bob.put(f"/documents/{document}/annotation", sent)

    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "disk_full"
    assert "The server's disk is full. Nothing was lost" in refused.json()["error"]["message"]
    assert refused.headers["Retry-After"] == "30"
    assert taken.status_code == 200


def test_a_page_says_it_in_place_of_our_mistake(cast, project):
    cast.bob.set_password("a long enough password")
    cast.bob.save()
    client = signed_in(cast.alice)
    stranger = SimpleUploadedFile("mails.jsonl", b'{"text": "Dear Ann"}\n')
    client.raise_request_exception = False

    with no_room_for("django_session"):
        form = {"username": cast.bob.username, "password": "a long enough password"}
        signing_in = _client().post("/signin", form)
    with no_room_for("annotator_job"):
        uploading = client.post(f"/t/{cast.acme.slug}/projects/{project.pk}/import", {"file": stranger})

    for page in (signing_in, uploading):
        assert page.status_code == 503
        assert "The server's disk is full" in page.content.decode()
        assert "mistake" not in page.content.decode()


def test_an_upload_without_room_for_its_file_leaves_nothing(cast, project, small, settings):
    settings.UPLOADS_DIR = small.path
    client = signed_in(cast.alice)
    client.raise_request_exception = False
    row = b'{"text": "Dear Ann"}\n'
    file = SimpleUploadedFile("mails.jsonl", row * (2_000_000 // len(row)))

    page = client.post(f"/t/{cast.acme.slug}/projects/{project.pk}/import", {"file": file})
    by_api = Api(cast.acme, cast.alice)
    by_api.client.raise_request_exception = False
    answer = by_api.call("POST", f"/projects/{project.pk}/import", row * 100_000, content_type="application/x-ndjson")

    assert page.status_code == 503
    assert "disk is full" in page.content.decode()
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "disk_full"
    assert [file for file in small.path.rglob("*") if file.is_file()] == []


def test_an_export_waits_for_room_and_is_made_then(cast, project, small, settings):
    settings.EXPORTS_DIR = small.path
    with tenant_scope(cast.acme):
        job = jobs.start_export(project, cast.alice, {"documents": "all"})
    small.fill()

    jobs.run_export(cast.acme, job.pk)

    waiting = _job(cast, job)
    assert (waiting.state, waiting.options["attempts"]) == ("queued", 0)
    assert waiting.reason == "The server's disk is full. It goes on by itself when there is room."
    small.make_room()
    assert _taken_up(cast) == [job.pk]
    jobs.run_export(cast.acme, job.pk)
    made = _job(cast, job)
    assert (made.state, made.reason) == ("succeeded", "")
    assert len(Path(made.path).read_text().splitlines()) == 12


def test_an_import_waits_for_room_in_the_database_and_counts_nothing_twice(cast, project):
    with tenant_scope(cast.acme):
        rows = io.BytesIO(b"".join(b'{"text": "Mail no. %d"}\n' % i for i in range(50)))
        job = jobs.start_import(project, cast.alice, rows, "mails.jsonl", {})

    with no_room_for("annotator_document"):
        jobs.run_import(cast.acme, job.pk)
        waiting = _job(cast, job)
        while_full = _taken_up(cast)
    cache.delete(disk.KEY)  # a minute later
    later = _taken_up(cast)
    jobs.run_import(cast.acme, job.pk)

    assert (waiting.state, waiting.options["attempts"]) == ("queued", 0)
    assert while_full == []
    assert later == [job.pk]
    done = _job(cast, job)
    assert (done.state, done.reason, done.rows_new) == ("succeeded", "", 50)
    with tenant_scope(cast.acme):
        assert Document.objects.filter(project=project).count() == 62


def test_a_deletion_waits_for_room_and_goes_on(cast, project):
    with tenant_scope(cast.acme):
        job = removal.start(Target.of(project), actor=cast.alice)

    with no_room_for("annotator_deleteddocument"):
        removal.run(cast.acme, job.pk)
        waiting = _job(cast, job)
        while_full = _taken_up(cast)
    cache.delete(disk.KEY)  # a minute later
    later = _taken_up(cast)
    removal.run(cast.acme, job.pk)

    assert (waiting.state, waiting.options["attempts"]) == ("queued", 0)
    assert waiting.reason == disk.WAITS
    assert (while_full, later) == ([], [job.pk])
    done = _job(cast, job)
    assert (done.state, done.reason) == ("succeeded", "")
    with tenant_scope(cast.acme):
        assert not Document.objects.exists()


def test_a_deletion_that_finds_no_room_for_a_snapshot_without_its_texts_waits(cast, project, small, settings):
    settings.MODELS_DIR = small.path / "models"
    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded", finished_at=timezone.now())
        documents = list(project.documents.all())
        job = removal.start(Target.of(documents[0]), actor=cast.alice)
    snapshot = store.run_dir(cast.acme.pk, project.pk, run.pk) / "snapshot.jsonl"
    snapshot.write_text("".join(json.dumps({"id": d.external_id, "text": d.text}) + "\n" for d in documents))
    small.fill()

    removal.run(cast.acme, job.pk)
    waiting = _job(cast, job)
    small.make_room()
    assert _taken_up(cast) == [job.pk]
    removal.run(cast.acme, job.pk)

    assert (waiting.state, waiting.reason) == ("queued", disk.WAITS)
    assert _job(cast, job).state == "succeeded"
    assert len(snapshot.read_text().splitlines()) == 11


def test_a_run_waits_for_room_and_uses_up_no_attempt(cast, project, small, settings):
    settings.MODELS_DIR = small.path / "models"
    with tenant_scope(cast.acme):
        for document in project.documents.all():
            review.annotate(document, cast.bob, Submission(uuid4(), 0, {}))
        run = runs.start(project, actor=None)
        folder = settings.MODELS_DIR / str(cast.acme.pk) / str(project.pk) / "runs" / str(run.pk)
    folder.mkdir(parents=True)
    small.fill()

    retrain.round_for(cast.acme)

    with tenant_scope(cast.acme):
        run.refresh_from_db()
        assert (run.state, run.attempt) == ("queued", 0)
        assert "The server's disk is full. It goes on by itself when there is room." in run.log
    # Full as long as it is full: nobody is woken, and nothing counts as dead.
    settings.DISK_LOW_BYTES = HUGE
    with tenant_scope(cast.acme):
        TrainingRun.objects.filter(pk=run.pk).update(state="running", heartbeat_at=timezone.now() - 2 * runs.STALE)
        runs.recover()
        run.refresh_from_db()
        assert run.state == "running"
    settings.DISK_LOW_BYTES = disk.LOW_BYTES
    small.make_room()
    cache.clear()
    with tenant_scope(cast.acme), transaction.atomic():
        runs.recover()
        run.refresh_from_db()
        assert run.state == "queued"
        assert runs.claim() == run


@pytest.mark.parametrize(("low", "state", "status"), [(0, "ok", 200), (None, "low", 200), (HUGE, "full", 503)])
def test_readyz_says_how_the_disk_is(db, client, settings, low, state, status):
    left = shutil.disk_usage(settings.DATA_DIR).free
    settings.DISK_LOW_BYTES = left * 2 if low is None else low

    answer = client.get("/readyz")

    told = answer.json()
    assert (answer.status_code, told["disk"], told["ready"]) == (status, state, status == 200)
    assert told["disk_free_bytes"] == pytest.approx(left, rel=0.2)


def test_readyz_hears_of_a_database_whose_disk_is_elsewhere(cast, project, client):
    bob = Api(cast.acme, cast.bob)

    with no_room_for("annotator_claim"):
        refused = bob.post(f"/projects/{project.pk}/next")
    told = client.get("/readyz")

    assert refused.status_code == 503
    assert (told.status_code, told.json()["disk"]) == (503, "full")


def test_managers_are_told_how_much_is_left_and_annotators_are_not(cast, project, settings):
    page = f"/t/{cast.acme.slug}/projects/{project.pk}/"
    alice, bob = signed_in(cast.alice), signed_in(cast.bob)
    plenty = alice.get(page).content.decode()

    settings.DISK_LOW_BYTES = shutil.disk_usage(settings.DATA_DIR).free * 2
    little = alice.get(page).content.decode()
    overview = alice.get(f"/t/{cast.acme.slug}/").content.decode()
    to_bob = bob.get(page).content.decode()
    settings.DISK_LOW_BYTES = HUGE
    full = alice.get(page).content.decode()

    assert "left on its disk" not in plenty + to_bob
    assert "left on its disk" in little
    assert "left on its disk" in overview
    assert "ask whoever runs it to make room" in little
    assert "Training, imports and exports wait" in full


def test_the_launcher_refuses_a_full_disk_in_one_line(small, monkeypatch):
    options = Options(small.path, "127.0.0.1", 8000, demo=False)
    monkeypatch.setenv("DISK_LOW_BYTES", str(10 * 1024 * 1024))
    check_room(options)
    small.fill()

    with pytest.raises(Refused, match=r"is full \(0 MB left\): make room"):
        check_room(options)


@pytest.mark.parametrize("number", disk.NO_ROOM)
def test_the_reason_is_found_behind_other_errors(number):
    def raised() -> Exception:
        try:
            try:
                raise OSError(number, "No space left on device")
            except OSError as error:
                raise RuntimeError("the export could not be closed") from error
        except RuntimeError as error:
            return error

    assert disk.says_full(raised())
    assert not disk.says_full(OSError(13, "Permission denied"))


def test_writing_to_a_device_without_room_says_so():
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(OSError) as caught:
        file.write(b"x")

    assert disk.says_full(caught.value)


def _client():
    from django.test import Client

    return Client(raise_request_exception=False)


def _job(cast, job) -> Job:
    with tenant_scope(cast.acme):
        return Job.objects.get(pk=job.pk)


def _taken_up(cast) -> list[int]:
    """What the sweep sends to a worker a minute after nobody said anything."""
    with tenant_scope(cast.acme):
        Job.objects.filter(state__in=["queued", "running"]).update(heartbeat_at=timezone.now() - 2 * jobs.SILENCE)
        return [job.pk for job in jobs.abandoned()]
