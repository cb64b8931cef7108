"""Imports and exports beside the request: their states, what others see of them, and what a killed one leaves."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from annotator import jobs
from annotator.errors import Invalid
from annotator.importing import load
from annotator.models import Annotation, Document, Job
from annotator.review import Submission, annotate
from annotator.tenancy import tenant_scope
from tests.cast import Cast, add_documents, make_project

ROOT = Path(__file__).resolve().parents[2]


def mails(count: int) -> bytes:
    return b"".join(b'{"id": "m%d", "text": "Mail number %d"}\n' % (i, i) for i in range(count))


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOADS_DIR, settings.EXPORTS_DIR = tmp_path / "uploads", tmp_path / "exports"


@pytest.fixture
def project(cast):
    return make_project(cast.acme)


def start(cast, project, data: bytes, filename: str = "mails.jsonl", **options) -> Job:
    with tenant_scope(cast.acme):
        return jobs.start_import(project, cast.alice, io.BytesIO(data), filename, options)


def run(cast, job: Job) -> Job:
    verb = jobs.run_import if job.kind == Job.Kind.IMPORT else jobs.run_export
    verb(cast.acme, job.pk)
    return again(cast, job)


def again(cast, job: Job) -> Job:
    with tenant_scope(cast.acme):
        return Job.objects.get(pk=job.pk)


def count(cast, project) -> int:
    with tenant_scope(cast.acme):
        return Document.objects.filter(project=project).count()


def test_an_import_takes_good_rows_and_reports_the_others(cast, project):
    data = mails(3) + b"{broken\n" + b'{"id": "m0", "text": "another"}\n' + mails(1)
    job = start(cast, project, data)
    assert (job.state, job.total_bytes) == ("queued", len(data))

    job = run(cast, job)

    assert (job.state, job.reason) == ("succeeded", "")
    assert (job.rows_read, job.rows_new, job.rows_known, job.rows_refused) == (6, 3, 1, 2)
    assert [(e["line"], e["field"]) for e in job.row_errors] == [(4, "row"), (5, "id")]
    assert job.done_bytes == job.total_bytes
    assert not Path(job.path).exists()


def test_the_labels_of_a_file_are_those_of_its_importer(cast, project):
    line = {"text": "Ada", "spans": [{"start": 0, "end": 3, "label": "PERSON"}]}

    run(cast, start(cast, project, json.dumps(line).encode()))

    with tenant_scope(cast.acme):
        assert Annotation.objects.get(project=project).annotator == cast.alice


def test_a_strict_import_takes_all_or_none(cast, project):
    refused = run(cast, start(cast, project, mails(3) + b"{broken\n", strict=True))
    assert (refused.state, refused.rows_new, refused.rows_refused) == ("failed", 0, 1)
    assert refused.reason == "1 of 4 rows was refused, so none went in."
    assert refused.row_errors[0]["line"] == 4
    assert count(cast, project) == 0

    taken = run(cast, start(cast, project, mails(3), strict=True))

    assert (taken.state, taken.rows_new) == ("succeeded", 3)
    assert count(cast, project) == 3


def test_a_file_that_is_no_such_file_fails_with_the_reason(cast, project):
    job = run(cast, start(cast, project, b"body\nhello\n", "mails.csv"))

    assert job.state == "failed"
    assert job.reason == "The header row has no column 'text': 'body'."


def test_an_upload_that_is_gone_fails_with_the_reason(cast, project):
    job = start(cast, project, mails(1))
    Path(job.path).unlink()

    job = run(cast, job)

    assert (job.state, job.reason) == ("failed", "The uploaded file cannot be read: No such file or directory.")


def test_an_upload_that_is_too_large_leaves_nothing(cast, project, settings):
    settings.MAX_UPLOAD_BYTES = 20

    with pytest.raises(Invalid, match="more than 20 bytes"):
        start(cast, project, mails(9))

    assert [path for path in settings.UPLOADS_DIR.rglob("*") if path.is_file()] == []


def test_an_upload_that_breaks_off_leaves_nothing(cast, project, settings):
    with tenant_scope(cast.acme), pytest.raises(Invalid, match="4 of 9 bytes came"):
        jobs.start_import(project, cast.alice, io.BytesIO(b"text"), "mails.txt", {}, promised=9)

    assert [path for path in settings.UPLOADS_DIR.rglob("*") if path.is_file()] == []


def test_unknown_options_are_refused_before_anything_is_kept(cast, project, settings):
    with pytest.raises(Invalid, match="a Word document; it must be plain text"):
        start(cast, project, mails(1), "mails.docx")

    assert not settings.UPLOADS_DIR.exists()


def test_a_job_that_is_done_is_not_run_again(cast, project):
    job = run(cast, start(cast, project, mails(2)))

    assert run(cast, job).rows_new == 2
    jobs.run_import(cast.globex, job.pk)  # no such job there


def test_only_the_first_refusals_are_kept_and_all_are_counted(cast, project):
    job = run(cast, start(cast, project, b"{\n" * 2_500))

    assert job.rows_refused == 2_500
    assert [e["line"] for e in job.row_errors] == list(range(1, load.KEPT_ERRORS + 1))


@pytest.mark.parametrize("name", ["mails.jsonl", "mails.csv", "mails.txt"])
def test_a_killed_import_goes_on_where_it_was(cast, project, monkeypatch, name):
    """The worker dies in the middle of its third batch; another goes on."""
    monkeypatch.setattr(load, "BATCH_ROWS", 10)
    data = {
        "mails.jsonl": mails(45),
        "mails.csv": b"text\n" + b"".join(b'"Mail,\n%d"\n' % i for i in range(45)),
        "mails.txt": b"".join(b"Mail %d\n\n" % i for i in range(45)),
    }[name]
    job = start(cast, project, data, name)
    whole, calls = jobs.store_rows, []

    def dies(*args, **options):
        calls.append(whole(*args, **options))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return calls[-1]

    monkeypatch.setattr(jobs, "store_rows", dies)
    with pytest.raises(KeyboardInterrupt):
        jobs.run_import(cast.acme, job.pk)
    left = again(cast, job)
    assert (left.state, left.rows_new, count(cast, project)) == ("running", 20, 20)
    silence(cast, job)

    with tenant_scope(cast.acme):
        assert [found.pk for found in jobs.abandoned()] == [job.pk]
    job = run(cast, job)

    assert (job.state, job.rows_read, job.rows_new, job.rows_known) == ("succeeded", 45, 45, 0)
    assert count(cast, project) == 45


def test_two_workers_with_the_same_import_count_nothing_twice(cast, project, monkeypatch):
    """One that was taken for dead comes back while another goes on."""
    monkeypatch.setattr(load, "BATCH_ROWS", 10)
    job = start(cast, project, mails(45))
    whole, paused = load.batches, []

    def pauses(rows, start=0):
        for number, batch in enumerate(whole(rows, start)):
            if number == 2 and not paused:
                paused.append(batch)
                silence(cast, job)
                with tenant_scope(cast.acme):
                    jobs.abandoned()
                jobs.run_import(cast.acme, job.pk)
            yield batch

    monkeypatch.setattr(load, "batches", pauses)
    job = run(cast, job)

    assert (job.state, job.rows_read, job.rows_new, job.rows_known) == ("succeeded", 45, 45, 0)
    assert count(cast, project) == 45


def test_a_worker_that_was_only_slow_keeps_its_import(cast, project, monkeypatch):
    monkeypatch.setattr(load, "BATCH_ROWS", 10)
    job = start(cast, project, mails(45))
    whole = load.batches

    def put_back():
        silence(cast, job)
        with tenant_scope(cast.acme):
            assert jobs.abandoned() == [job]

    def slowly(rows, start=0):
        for batch in whole(rows, start):
            put_back()
            yield batch
        put_back()  # what follows is long, and no row

    monkeypatch.setattr(load, "batches", slowly)
    job = run(cast, job)

    assert (job.state, job.rows_new, job.options["attempts"]) == ("succeeded", 45, 1)


def silence(cast, job: Job) -> None:
    with tenant_scope(cast.acme):
        Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - jobs.SILENCE - timedelta(seconds=1))


def test_a_job_that_kills_its_workers_is_given_up(cast, project, django_capture_on_commit_callbacks):
    job = start(cast, project, mails(1))
    for _ in range(jobs.MAX_ATTEMPTS):
        assert jobs.begin(cast.acme, job.pk, job.kind) is not None
        silence(cast, job)
        with django_capture_on_commit_callbacks(execute=True), tenant_scope(cast.acme):
            found = jobs.abandoned()

    assert found == []
    job = again(cast, job)
    assert (job.state, job.reason) == ("failed", "Given up: 5 workers stopped while they were at it.")
    assert not Path(job.path).exists()


def test_a_job_with_a_living_worker_is_left_alone(cast, project):
    job = start(cast, project, mails(1))
    jobs.begin(cast.acme, job.pk, job.kind)

    with tenant_scope(cast.acme):
        assert jobs.abandoned() == []
    assert jobs.begin(cast.acme, job.pk, job.kind) is None


def test_an_export_is_a_whole_file_with_its_sha256(cast, project):
    add_documents(cast.acme, project, "one", "two")
    with tenant_scope(cast.acme):
        job = jobs.start_export(project, cast.alice, {"documents": "all"})

    job = run(cast, job)

    data = Path(job.path).read_bytes()
    assert (job.state, job.rows_read, job.total_bytes) == ("succeeded", 2, len(data))
    assert job.sha256 == hashlib.sha256(data).hexdigest()
    assert [path.name for path in Path(job.path).parent.iterdir()] == [Path(job.path).name]


def test_an_export_reports_in_how_many_lines_people_leave_something_open(cast, project):
    documents = add_documents(cast.acme, project, "one", "two")
    with tenant_scope(cast.acme):
        for place, user, topic in ((0, cast.alice, "billing"), (0, cast.bob, "praise"), (1, cast.bob, "praise")):
            annotate(documents[place], user, Submission(uuid.uuid4(), 0, {"classes": {"topic": [topic]}}))
        job = jobs.start_export(project, cast.alice, {})

    job = run(cast, job)

    assert (job.rows_read, job.options["export"]["answers"], job.report["disputed"]) == (2, "majority", 1)


def test_an_export_that_cannot_be_written_says_so(cast, project, settings):
    add_documents(cast.acme, project, "one")
    with tenant_scope(cast.acme):
        job = jobs.start_export(project, cast.alice, {})
    Path(job.path).parent.rmdir()

    job = run(cast, job)

    assert (job.state, job.reason) == ("failed", "The export cannot be written: No such file or directory.")


WORKER = """
import sys, django
django.setup()
from annotator import jobs
from annotator.accounts import Tenant
from annotator.importing import load
load.BATCH_ROWS = 50
whole = jobs.store_rows
def slowly(*args, **options):
    print("batch", flush=True)
    sys.stdin.readline()
    return whole(*args, **options)
jobs.store_rows = load.store_rows = slowly
jobs.run_import(Tenant.objects.get(pk=int(sys.argv[1])), int(sys.argv[2]))
"""


@pytest.mark.parametrize(("strict", "seen_rows"), [(False, 200), (True, 0)])
def test_kill_9_in_the_middle_and_run_again(committed_db, monkeypatch, strict, seen_rows):
    """A real process, really killed; until then others see how far it has come, and leave it alone."""
    cast = Cast.make()
    project = make_project(cast.acme, name=str(uuid.uuid4()))
    job = start(cast, project, mails(500), strict=strict)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(cast.acme.pk), str(job.pk)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    for _ in range(4):
        assert worker.stdout.readline() == b"batch\n"
        worker.stdin.write(b"\n")
        worker.stdin.flush()
    assert worker.stdout.readline() == b"batch\n"
    seen = again(cast, job)
    assert (seen.state, seen.rows_read, count(cast, project)) == ("running", seen_rows, seen_rows)
    monkeypatch.setattr(jobs, "SILENCE", timedelta(hours=-1))  # as if the worker had been silent for long
    if strict:
        with tenant_scope(cast.acme):
            assert jobs.abandoned() == []

    worker.kill()
    worker.communicate()
    with tenant_scope(cast.acme):
        Job.objects.select_for_update(of=("self",)).get(pk=job.pk)  # waits until PostgreSQL has noticed
        assert [found.pk for found in jobs.abandoned()] == [job.pk]
    job = run(cast, job)

    assert (job.state, job.rows_read, job.rows_new, job.rows_known) == ("succeeded", 500, 500, 0)
    assert count(cast, project) == 500
