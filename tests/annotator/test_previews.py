"""Uploads that are looked at first; jobs that are cancelled; what is kept of them, and for how long."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from annotator import jobs
from annotator.errors import Conflict
from annotator.importing import load, preview, refused
from annotator.models import Annotation, Document, Job
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOADS_DIR, settings.EXPORTS_DIR = tmp_path / "uploads", tmp_path / "exports"


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


@pytest.fixture
def scope(cast):
    with tenant_scope(cast.acme):
        yield


def upload(cast, project, data: str | bytes, name: str, **options) -> Job:
    data = data.encode() if isinstance(data, str) else data
    return jobs.start_import(project, cast.alice, io.BytesIO(data), name, options, state=Job.State.UPLOADED)


def rows(count: int) -> str:
    return "".join(f'{{"id": "m{i}", "text": "Mail {i}"}}\n' for i in range(count))


def again(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_columns_are_guessed_and_rows_are_judged_before_anything_goes_in(cast, project, scope):
    job = upload(cast, project, "no;Body;kind\n1;Ada lives in Oslo.;praise\n2;;praise\n3;x\n", "mails.csv")

    found = jobs.preview(job)

    assert (found.options.text_column, found.delimiter, found.names) == ("Body", ";", ["no", "Body", "kind"])
    assert (found.read, found.good, found.whole, found.fault) == (3, 1, True, "")
    assert [(p["line"], p["field"]) for p in found.problems] == [(3, "text"), (4, "row")]
    assert found.rows[0] == ["1", "Ada lives in Oslo.", "praise"]
    assert not Document.objects.exists()


def test_a_mapping_is_kept_and_done(cast, project, scope):
    job = upload(cast, project, "no,Body,kind,secret\n7,Ada,praise,x\n8,Bob,billing; praise,y\n", "mails.csv")
    options = {"text_column": "Body", "id_column": "no", "leave_out": ["secret"], "classes": ["kind=topic"]}

    assert [p["reason"] for p in jobs.preview(job, options).problems] == ["takes one choice, not 2"]
    jobs.confirm(job)
    jobs.run_import(cast.acme, job.pk)

    only = Document.objects.get()
    assert (only.external_id, only.text, only.meta) == ("7", "Ada", {})
    assert Annotation.objects.get().answer["classes"] == {"topic": ["praise"]}
    assert (again(job).rows_new, again(job).rows_refused) == (1, 1)


def test_fields_of_json_are_mapped_and_labels_left_out(cast, project, scope):
    line = '{"body": "Ada", "key": 4, "topic": ["praise"], "spans": [{"start": 0, "end": 9, "label": "X"}], "n": 1}\n'
    job = upload(cast, project, line, "mails.jsonl")

    found = jobs.preview(job)
    assert (found.options.text_column, found.options.id_column) == ("body", "key")
    assert preview.mappable(found) == ["body", "key", "topic", "n"]
    assert found.labels == ["spans"]
    assert len(found.problems) == 1
    options = {"text_column": "body", "id_column": "key", "labels": False, "classes": ["topic=topic"]}
    assert jobs.preview(job, options).problems == []
    jobs.confirm(job)
    jobs.run_import(cast.acme, job.pk)

    assert Document.objects.get().meta == {"n": 1}
    assert Annotation.objects.get().answer["spans"] == []


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("a.csv", "text\n".encode("utf-32"), "The file is UTF-32; it must be plain text: save it as UTF-8."),
        (
            "a.csv",
            b"PK\x03\x04...",
            "The file is a ZIP archive or a spreadsheet; it must be plain text: unpack it and import the files in it.",
        ),
        ("a.csv", b"", "The file is empty, or its first line is: a header row must stand there."),
        ("a.csv", b"text" + b";x" * 1_000 + b"\n", "The header row has 1,001 columns; the most is 1,000."),
    ],
)
def test_a_file_that_is_none_says_so_at_once(cast, project, scope, name, data, fault):
    assert jobs.preview(upload(cast, project, data, name)).fault == fault


@pytest.mark.parametrize(("name", "line"), [("a.jsonl", '{"text": "%s"}\n'), ("a.csv", '"%s"\n'), ("a.txt", "%s\n")])
def test_of_a_large_file_the_beginning_is_read(cast, project, scope, monkeypatch, name, line):
    monkeypatch.setattr(preview, "READ_BYTES", 5_000)
    data = ("text\n" if name == "a.csv" else "") + "".join(line % f"Mail number {i}" for i in range(1_000))

    found = jobs.preview(upload(cast, project, data, name))

    assert 50 < found.read < 1_000
    assert not found.whole
    assert found.problems == []


def test_what_is_nested_too_deep_to_be_shown_is_refused(cast, project, scope):
    found = jobs.preview(upload(cast, project, '{"text": "a", "x": ' + "[" * 900 + "]" * 900 + "}", "a.jsonl"))

    assert found.rows == [["a", "…"]]
    assert [problem["reason"] for problem in found.problems] == ["is nested more than 64 levels deep"]


def test_an_upload_waits_for_its_word_and_is_begun_once(cast, project, scope):
    job = upload(cast, project, rows(2), "a.jsonl")

    jobs.run_import(cast.acme, job.pk)
    assert (again(job).state, jobs.abandoned()) == ("uploaded", [])
    jobs.confirm(job)
    for act in (jobs.confirm, jobs.preview):
        with pytest.raises(Conflict, match="waits no longer: it is queued"):
            act(job)
    jobs.run_import(cast.acme, job.pk)

    assert again(job).rows_new == 2


def test_what_waits_is_cancelled_at_once(cast, project, scope, django_capture_on_commit_callbacks):
    job = upload(cast, project, rows(2), "a.jsonl")

    with django_capture_on_commit_callbacks(execute=True):
        jobs.cancel(job)

    assert again(job).state == "cancelled"
    assert not Path(job.path).exists()
    with pytest.raises(Conflict, match="it is cancelled"):
        jobs.cancel(job)


@pytest.mark.parametrize(("strict", "stay"), [(False, 20), (True, 0)])
def test_a_running_import_is_cancelled_between_batches(cast, project, monkeypatch, strict, stay):
    monkeypatch.setattr(load, "BATCH_ROWS", 10)
    with tenant_scope(cast.acme):
        job = jobs.start_import(project, cast.alice, io.BytesIO(rows(45).encode()), "a.jsonl", {"strict": strict})
    whole, calls = load.store_rows, []

    def asked_to_stop(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            jobs._stop_file(job).touch()
        return whole(*args, **options)

    monkeypatch.setattr(jobs, "store_rows", asked_to_stop)
    monkeypatch.setattr(load, "store_rows", asked_to_stop)
    jobs.run_import(cast.acme, job.pk)

    with tenant_scope(cast.acme):
        job = again(job)
        assert (job.state, Document.objects.count(), job.rows_new) == ("cancelled", stay, stay)
        assert job.reason == (
            "Cancelled. Nothing was imported." if strict else "Cancelled. What had been imported stays."
        )
    assert not list(Path(job.path).parent.iterdir())


def test_cancelling_asks_the_worker_and_what_it_left_is_cancelled(cast, project, scope):
    job = upload(cast, project, rows(2), "a.jsonl")
    jobs.confirm(job)
    running = jobs.begin(cast.acme, job.pk, job.kind)
    assert running is not None

    jobs.cancel(running)

    assert jobs.stopping(running)
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - 2 * jobs.SILENCE)
    assert jobs.abandoned() == []
    assert again(job).state == "cancelled"


@pytest.mark.parametrize("strict", [False, True])
def test_all_refused_rows_are_kept_in_a_file(cast, project, scope, strict):
    data = '{"id": "ü", "text": "one"}\n' + "{\n" * 2_500
    job = jobs.start_import(project, cast.alice, io.BytesIO(data.encode()), "a.jsonl", {"strict": strict})

    jobs.run_import(cast.acme, job.pk)

    path = refused.path_of(job.path)
    assert [int(line[9:].partition(",")[0]) for line in path.read_text().splitlines()] == list(range(2, 2_502))
    assert again(job).errors_bytes == path.stat().st_size
    assert len(again(job).row_errors) == load.KEPT_ERRORS


def test_what_a_killed_worker_wrote_of_refusals_does_not_count(tmp_path):
    path = tmp_path / "x"
    refused.write(path, 0, b"first")
    refused.write(path, 5, b"half of a batch that was never comm")

    refused.write(path, 5, b"second")

    assert path.read_bytes() == b"firstsecond"


def test_what_nobody_needs_any_more_is_removed(cast, project, scope, django_capture_on_commit_callbacks):
    add_documents(cast.acme, project, "one")
    waiting = upload(cast, project, rows(1), "a.jsonl")
    export = jobs.start_export(project, cast.alice, {"documents": "all"})
    jobs.run_export(cast.acme, export.pk)
    jobs.tidy()
    assert Path(waiting.path).exists()
    assert Path(export.path).exists()

    Job.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - jobs.UNCONFIRMED - timedelta(minutes=1))
    Job.objects.filter(pk=export.pk).update(finished_at=timezone.now() - jobs.KEPT - timedelta(minutes=1))
    with django_capture_on_commit_callbacks(execute=True):
        jobs.tidy()

    assert (again(waiting).state, again(export).path) == ("cancelled", "")
    assert not Path(waiting.path).exists()
    assert not Path(export.path).exists()
