"""Deletion beside everything else: what is interrupted can be begun again, and nobody writes down anew what is gone."""

from __future__ import annotations

import io
import os
from datetime import timedelta
from threading import Event, Thread
from time import monotonic, sleep

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from annotator import jobs, strays, suggestions
from annotator import removal as tables
from annotator.errors import Conflict
from annotator.models import Document, Job, Posting, Suggestion
from annotator.removal import Target
from annotator.tenancy import tenant_scope
from tests.cast import Cast, add_documents, make_project
from tests.trainer.test_removal import WORD, again, deleted, imported, places, planted
from tests.worlds import FOUND
from trainer import removal, retrain, runs, store
from trainer.models import ModelVersion, TrainingRun


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOADS_DIR, settings.EXPORTS_DIR = tmp_path / "uploads", tmp_path / "exports"
    settings.MODELS_DIR = tmp_path / "models"
    return tmp_path


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


@pytest.fixture
def stumbles(monkeypatch):
    """The next deletion stops when the tables are done, before the files that models have."""
    redact = removal._redact

    def stops(*_):
        monkeypatch.setattr(removal, "_redact", redact)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(removal, "_redact", stops)


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_two_deletions_at_the_same_time_leave_no_word(committed_db):
    cast = Cast.make()
    project = make_project(cast.acme, check_share=0)
    documents = add_documents(cast.acme, project, f"one {WORD}", f"two {WORD}", "three")
    first, second = (Target.of(document) for document in documents[:2])
    deleted_one, go_on = Event(), Event()

    def hold() -> None:
        with tenant_scope(cast.acme):
            tables.delete_batch(first)
            deleted_one.set()
            assert go_on.wait(60)
        connection.close()

    def follow() -> None:
        with tenant_scope(cast.acme):
            tables.delete_batch(second)
        connection.close()

    threads = [Thread(target=hold), Thread(target=follow)]
    threads[0].start()
    assert deleted_one.wait(60)
    threads[1].start()
    deadline = monotonic() + 60
    while not waits_for_a_lock() and monotonic() < deadline:
        sleep(0.01)
    go_on.set()
    for thread in threads:
        thread.join(60)

    with tenant_scope(cast.acme):
        assert sorted(Posting.objects.values_list("word", flat=True)) == ["d2", "three"]


@pytest.mark.parametrize("what", ["document", "import"])
def test_a_command_that_was_interrupted_begins_again(cast, project, folders, stumbles, what):
    document, job = planted(cast, project)
    which = str(document.pk if what == "document" else job.pk)
    with pytest.raises(PermissionError):
        call_command("delete", "acme", what, which, "--yes")
    assert "runs/" in " ".join(places(cast, folders))

    call_command("delete", "acme", what, which, "--yes")

    left = [place for place in places(cast, folders) if place != "annotator_job"]
    assert left == []  # the job of the import is called by its file, which has the word in its name
    with tenant_scope(cast.acme):
        assert (Job.objects.get(pk=job.pk).reason == tables.UNDONE) is (what == "import")


def test_a_deletion_that_failed_is_tried_again(cast, project, folders, stumbles):
    document, _ = planted(cast, project)
    failed = deleted(cast, document)
    assert (failed.state, failed.reason) == ("failed", "A file cannot be deleted: Permission denied.")

    with tenant_scope(cast.acme):
        removal.again(failed)
        with pytest.raises(Conflict, match="has begun"):
            jobs.cancel(failed)
    removal.run(cast.acme, failed.pk)

    assert again(cast, failed).state == "succeeded"
    assert "runs/" not in " ".join(places(cast, folders))
    with tenant_scope(cast.acme), pytest.raises(Conflict):
        removal.again(failed)


def test_a_deletion_that_was_killed_is_not_cancelled_while_it_waits(cast, project):
    planted(cast, project)
    with tenant_scope(cast.acme):
        job = removal.start(Target.of(project), actor=cast.alice)
    jobs.begin(cast.acme, job.pk, Job.Kind.DELETE)
    with tenant_scope(cast.acme):
        Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=1))
        [waiting] = jobs.abandoned()
        assert waiting.state == "queued"

        with pytest.raises(Conflict, match="has begun"):
            jobs.cancel(waiting)


def test_an_import_whose_documents_are_not_known_is_not_called_undone(cast, project):
    job = imported(cast, project, {"id": "a", "text": "Ann"})
    with tenant_scope(cast.acme):
        Document.objects.update(job=None)  # as version 0.3 left it

        with pytest.raises(Conflict, match="known to have come"):
            removal.start(Target.of(job), actor=cast.alice)
    with pytest.raises(CommandError, match="known to have come"):
        call_command("delete", "acme", "import", str(job.pk), "--yes")

    assert again(cast, job).reason == ""


def test_an_upload_that_a_killed_worker_left_goes_with_a_document(cast, project, folders):
    document, job = planted(cast, project)
    with open(job.path, "w") as file:
        file.write(WORD)

    deleted(cast, document)

    assert not os.path.exists(job.path)


def test_files_that_no_job_knows_are_removed_after_a_day(cast, project, folders):
    _, job = planted(cast, project)
    home = folders / "uploads" / str(cast.acme.pk)
    stray, fresh, of_another = home / "0.jsonl", home / "1.jsonl", folders / "uploads" / "9" / "2.jsonl"
    of_another.parent.mkdir()
    for path in (stray, fresh, of_another):
        path.write_text(WORD)
    kept = [path for path in folders.rglob("*.*") if path.parent.parent.name in ("uploads", "exports")]
    for path in kept:
        if path != fresh:
            os.utime(path, (0, 0))

    with tenant_scope(cast.acme):
        assert strays.tidy() == 1

    assert [path for path in kept if not path.exists()] == [stray]
    assert os.path.exists(job.path + ".refused")


def test_a_worker_that_was_given_up_writes_no_snapshot(cast, project):
    planted(cast, project)
    with tenant_scope(cast.acme):
        runs.start(project, actor=None)
        run = runs.claim()
        TrainingRun.objects.filter(pk=run.pk).update(state="cancelled")
    round_ = retrain.Round(cast.acme, project, run)

    with pytest.raises(retrain.Stopped):
        round_.snapshot()

    folder = store.run_dir(cast.acme.pk, project.pk, run.pk)
    assert [path.name for path in folder.iterdir()] == ["labels.json"]


def test_what_is_suggested_for_a_document_that_went_meanwhile_stops_no_others(cast, project):
    document, other = add_documents(cast.acme, project, "Ann lives in Oslo.", "Bob lives in Rome.")
    deleted(cast, document)

    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
        ModelVersion.objects.create(project=project, run=run, number=1, examples=1)
        assert suggestions.record(project, 1, [(document.pk, FOUND), (other.pk, FOUND)]) == 1
        assert Suggestion.objects.get().document_id == other.pk


def test_nothing_begins_in_a_project_that_is_being_deleted(cast, project, folders):
    with tenant_scope(cast.acme):
        removal.start(Target.of(project), actor=cast.alice)

        with pytest.raises(Conflict, match="being deleted"):
            jobs.start_export(project, cast.alice, {})
        with pytest.raises(Conflict, match="being deleted"):
            jobs.start_import(project, cast.alice, io.BytesIO(WORD.encode()), "x.txt", {})

    assert places(cast, folders) == []


def test_an_upload_for_a_project_that_went_meanwhile_leaves_no_file(cast, project, folders):
    deleted(cast, project)

    with tenant_scope(cast.acme), pytest.raises(Conflict, match="being deleted"):
        jobs.start_import(project, cast.alice, io.BytesIO(WORD.encode()), "x.txt", {})

    assert places(cast, folders) == []
