"""Deletion: nothing of a text is left in any table, file or key, whatever deletes it, and whatever is killed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from annotator import jobs, projects, queue, review, suggestions
from annotator import removal as tables
from annotator.errors import Conflict, Deleted, Invalid
from annotator.models import Annotation, AuditEvent, Document, Job, Label, Posting, Project, Tenant
from annotator.removal import Target
from annotator.tenancy import tenant_scope
from tests.cast import Cast, make_project
from tests.worlds import FOUND, TENANT_MODELS
from trainer import removal, runs, serving, store
from trainer.models import ModelVersion, TrainingRun

WORD = "xqzvwort"  # in everything that is said about the document that goes
TEXT = f"Ann {WORD} lives in Oslo."
OTHER = "Bob lives in Rome."


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOADS_DIR, settings.EXPORTS_DIR = tmp_path / "uploads", tmp_path / "exports"
    settings.MODELS_DIR = tmp_path / "models"
    return tmp_path


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


def imported(cast, project, *lines: dict, filename: str = "mails.jsonl") -> Job:
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    with tenant_scope(cast.acme):
        job = jobs.start_import(project, cast.alice, io.BytesIO(data), filename, {})
    jobs.run_import(cast.acme, job.pk)
    return again(cast, job)


def again(cast, job: Job) -> Job:
    with tenant_scope(cast.acme):
        return Job.objects.get(pk=job.pk)


def planted(cast, project) -> tuple[Document, Job]:
    """A document whose word stands wherever a text can come to stand, and the import that brought it."""
    imported(cast, project, {"id": "kept", "text": OTHER})
    job = imported(
        cast, project,
        {"id": WORD, "text": TEXT, "meta": {"from": WORD}, "spans": [{"start": 0, "end": 3, "label": "PERSON"}]},
        {"id": WORD, "text": "the same id, another text"}, {"id": "", "text": WORD},
        {"id": "q", "text": "a b", "spans": [{"start": 0, "end": 1, "label": "PERSON", "quote": WORD}]},
        filename=f"{WORD}.jsonl",
    )  # fmt: skip
    failed = imported(cast, project, {"id": WORD}, filename="x.csv")
    assert WORD in failed.reason
    with tenant_scope(cast.acme):
        document = Document.objects.get(external_id=WORD)
        kept = Document.objects.get(external_id="kept")
        for one in (document, kept):
            review.annotate(one, cast.bob, review.Submission(uuid4(), 0, {}, comment=f"about {one.external_id}"))
        draft = review.Submission(uuid4(), 1, {}, state="draft", comment=WORD)
        review.annotate(document, cast.bob, draft)
        export = jobs.start_export(project, cast.alice, {"documents": "all"})
    jobs.run_export(cast.acme, export.pk)
    _learnt(cast, project, [document, kept])
    return document, job


def _learnt(cast, project, documents) -> None:
    """What a run leaves: a snapshot, unfinished work, vectors, and a version with its answers for what is held out."""
    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded", snapshot_sha256="0" * 64)
        folder = store.run_dir(cast.acme.pk, project.pk, run.pk)
        lines = [json.dumps({"id": one.external_id, "text": one.text}) + "\n" for one in documents]
        (folder / "snapshot.jsonl").write_text("".join(lines))
        (folder / "pool.jsonl").write_text("".join(lines))
        (folder / "model" / "work").mkdir(parents=True)
        (folder / "model" / "work" / "events").write_text(TEXT)
        store.vectors_file(cast.acme.pk, project.pk).write_text(WORD)
        store.rehearsal_dir(cast.acme.pk, project.pk).mkdir()
        (store.rehearsal_dir(cast.acme.pk, project.pk) / "export").write_text(WORD)
        store.states_file(cast.acme.pk, project.pk).write_text(WORD)
        export = folder / "export"
        export.mkdir()
        (export / "saved_model.pb").write_bytes(b"graph")
        (export / store.HELD_OUT).write_text("".join(json.dumps({"id": one.external_id}) + "\n" for one in documents))
        digest = store.publish(export, store.version_dir(cast.acme.pk, project.pk, 1))
        version = ModelVersion.objects.create(
            project=project, run=run, number=1, examples=2, live=True, manifest_sha256=digest
        )
        suggestions.record(project, version.number, [(one.pk, FOUND) for one in documents])
        found = suggestions_of(documents[0])
        verdict = {"suggestion": found.pk, "item": "s0", "verdict": "reject"}
        review.annotate(documents[0], cast.alice, review.Submission(uuid4(), 1, {}, decisions=[verdict], comment=WORD))


def suggestions_of(document):
    return document.suggestions.get()


def places(cast, folder: Path, word: str = WORD) -> list[str]:
    """Wherever the word stands: tables, in all columns; files, their names too; keys of Redis and what they hold."""
    found = []
    with tenant_scope(cast.acme), connection.cursor() as cursor:
        for table in [*(model._meta.db_table for model in TENANT_MODELS), "django_session"]:
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE %s", [f"%{word}%"])
            found += [table] * cursor.fetchone()[0]
    for path in folder.rglob("*"):
        if word in path.name or (path.is_file() and word.encode() in path.read_bytes()):
            found.append(str(path.relative_to(folder)))
    redis = serving.broker()
    for key in redis.scan_iter():
        kind = redis.type(key).decode()
        read = {"list": lambda k: redis.lrange(k, 0, -1), "hash": redis.hgetall, "set": redis.smembers,
                "zset": lambda k: redis.zrange(k, 0, -1)}.get(kind, redis.get)  # fmt: skip
        if word in repr(key) + repr(read(key)):
            found.append(key.decode())
    return found


def deleted(cast, thing) -> Job:
    with tenant_scope(cast.acme):
        job = removal.start(Target.of(thing), actor=cast.alice)
    removal.run(cast.acme, job.pk)
    return again(cast, job)


def test_the_word_is_planted_everywhere(cast, project, folders):
    planted(cast, project)

    found = " ".join(places(cast, folders))

    for place in ("document", "posting", "annotation ", "annotationrevision", "job", "exports/", "uploads/",
                  "snapshot.jsonl", "pool.jsonl", "vectors.npz", "states.sqlite", "held_out.jsonl",
                  "events"):  # fmt: skip
        assert place in found, place


def test_nothing_is_left_of_a_document(cast, project, folders):
    document, job = planted(cast, project)
    with tenant_scope(cast.acme):
        Job.objects.filter(pk=job.pk).update(
            options=job.options | {"filename": "mails.jsonl"}
        )  # only its lines are told

    done = deleted(cast, document)

    assert (done.state, done.rows_read) == ("succeeded", 1)
    assert places(cast, folders) == []
    with tenant_scope(cast.acme):
        assert list(Document.objects.values_list("external_id", flat=True)) == ["kept"]
        assert Annotation.objects.get().comment == "about kept"
        assert Posting.objects.filter(word="lives").get().documents == [Document.objects.get().pk]
        version, run = ModelVersion.objects.get(), TrainingRun.objects.get(snapshot_sha256="0" * 64)
    path = store.version_dir(cast.acme.pk, project.pk, 1)
    store.verify(path, version.manifest_sha256)
    assert [json.loads(line)["id"] for line in (path / store.HELD_OUT).read_text().splitlines()] == ["kept"]
    snapshot = store.run_dir(cast.acme.pk, project.pk, run.pk) / "snapshot.jsonl"
    assert [json.loads(line)["id"] for line in snapshot.read_text().splitlines()] == ["kept"]
    assert "deleted later" in run.log


def test_nothing_is_left_in_an_export_that_began_meanwhile(cast, project, folders, monkeypatch):
    document, _ = planted(cast, project)
    before = tables.delete_batch
    begun: list[Job] = []

    def first_an_export_reads(target):
        if not begun:
            with tenant_scope(cast.acme):
                begun.append(jobs.start_export(project, cast.alice, {}))
            jobs.begin(cast.acme, begun[0].pk, Job.Kind.EXPORT)
            Path(begun[0].path).with_suffix(".part").write_text(WORD)
        return before(target)

    def its_worker_stops(export):
        cancel(export)
        Job.objects.filter(pk=export.pk).update(state="cancelled", finished_at=timezone.now())

    cancel = jobs.cancel
    monkeypatch.setattr(tables, "delete_batch", first_an_export_reads)
    monkeypatch.setattr(jobs, "cancel", its_worker_stops)

    assert deleted(cast, document).state == "succeeded"

    assert not [place for place in places(cast, folders) if "exports/" in place]


def test_an_export_that_ends_by_itself_meanwhile_stops_no_deletion(cast, project, folders, monkeypatch):
    document, _ = planted(cast, project)
    with tenant_scope(cast.acme):
        export = jobs.start_export(project, cast.alice, {})
    jobs.begin(cast.acme, export.pk, Job.Kind.EXPORT)
    cancel = jobs.cancel

    def it_has_ended(job):
        Job.objects.filter(pk=job.pk).update(state="succeeded", finished_at=timezone.now())
        job.refresh_from_db()
        cancel(job)

    monkeypatch.setattr(jobs, "cancel", it_has_ended)

    assert deleted(cast, document).state == "succeeded"


def test_a_new_run_follows_that_never_saw_it(cast, project):
    document, _ = planted(cast, project)

    deleted(cast, document)

    with tenant_scope(cast.acme):
        waiting = TrainingRun.objects.get(state="queued")
        assert (waiting.project_id, waiting.trigger) == (project.pk, "news")


def test_nothing_is_left_of_an_import_that_is_undone(cast, project, folders):
    _, job = planted(cast, project)

    done = deleted(cast, job)

    assert (done.state, done.rows_read) == ("succeeded", 1)
    assert places(cast, folders) == []
    with tenant_scope(cast.acme):
        assert list(Document.objects.values_list("external_id", flat=True)) == ["kept"]
        undone = Job.objects.get(pk=job.pk)
        assert (undone.state, undone.rows_new, undone.reason) == ("succeeded", 1, tables.UNDONE)
        with pytest.raises(Conflict):
            Target.of(undone)


def test_nothing_is_left_of_a_project(cast, project, folders):
    planted(cast, project)
    with tenant_scope(cast.acme):
        projects.change_project(project, {"name": f"About {WORD}", "guidelines": WORD}, actor=cast.alice)
        Label.objects.filter(name="PERSON").update(definition=WORD)
        jobs.start_import(project, cast.alice, io.BytesIO(TEXT.encode()), "x.txt", {}, state=Job.State.UPLOADED)

    done = deleted(cast, project)

    assert (done.state, done.rows_read, done.project_id) == ("succeeded", 2, None)
    assert places(cast, folders) == []
    assert not store.project_dir(cast.acme.pk, project.pk).exists()
    with tenant_scope(cast.acme):
        assert list(Job.objects.values_list("pk", flat=True)) == [done.pk]
        assert not Project.objects.exists()
        events = dict(AuditEvent.objects.values_list("action", "target"))
        assert events["project.delete"] == events["project.change"] == f"project {project.pk}"
        assert AuditEvent.objects.get(action="project.delete").actor == cast.alice


def test_what_goes_is_told_first(cast, project):
    document, job = planted(cast, project)
    with tenant_scope(cast.acme):
        queue.claim_several(project, cast.alice, 1)
        told = {what: tables.foreseen(Target.of(it)) for what, it in (("d", document), ("j", job), ("p", project))}

    one = told["d"]
    assert (one.documents, one.answers, one.people, one.drafts, one.suggestions) == (1, 2, 2, 1, 1)
    assert one.revisions == 3
    assert (told["j"].documents, told["p"].documents, told["p"].answers) == (1, 2, 3)
    assert told["p"].labels > 0
    assert one.files == 2


def test_an_answer_that_comes_too_late_is_told_why(cast, project):
    document, _ = planted(cast, project)
    deleted(cast, document)

    with tenant_scope(cast.acme), pytest.raises(Deleted):
        review.annotate(document, cast.bob, review.Submission(uuid4(), 0, {}))


def test_a_run_under_way_is_stopped_for_it_reads_a_snapshot_of_before(cast, project, monkeypatch):
    document, _ = planted(cast, project)
    with tenant_scope(cast.acme):
        run = runs.start(project, actor=None)
        run = runs.claim()
    looks = []

    def worker_notices(_seconds):
        looks.append(again_run(cast, run).cancel_asked)
        with tenant_scope(cast.acme):
            runs.finish(run, TrainingRun.State.CANCELLED, "cancelled")

    monkeypatch.setattr("trainer.removal.time.sleep", worker_notices)
    deleted(cast, document)

    assert looks == [True]


def again_run(cast, run):
    with tenant_scope(cast.acme):
        return TrainingRun.objects.get(pk=run.pk)


def test_a_running_import_cannot_be_undone_nor_an_export(cast, project):
    with tenant_scope(cast.acme):
        job = jobs.start_import(project, cast.alice, io.BytesIO(b"x"), "x.txt", {})
        export = jobs.start_export(project, cast.alice, {})

        with pytest.raises(Conflict):
            Target.of(job)
        with pytest.raises(Invalid):
            Target.of(export)


def test_the_same_deletion_asked_for_twice_is_one(cast, project):
    with tenant_scope(cast.acme):
        first, second = (removal.start(Target.of(project), actor=cast.alice) for _ in range(2))

        assert first == second
        jobs.cancel(first)
        assert first.state == "cancelled"


def test_an_interrupted_change_of_a_version_is_finished_or_thrown_away(tmp_path):
    export, target = tmp_path / "export", tmp_path / "7"
    export.mkdir()
    (export / store.HELD_OUT).write_text("a\nb\n")
    before = store.publish(export, target)

    after = store.prepare(target, b"b\n")  # killed before the database heard of it
    store.settle(target, before)
    store.verify(target, before)
    assert not store._aside(target).exists()

    assert store.prepare(target, b"b\n") == after  # killed after that, between the two files
    aside = store._aside(target)
    (aside / store.MANIFEST).replace(target / store.MANIFEST)
    store.settle(target, after)
    store.verify(target, after)
    assert (target / store.HELD_OUT).read_bytes() == b"b\n"


def test_by_command(cast, project, folders, capsys):
    document, job = planted(cast, project)

    call_command("delete", "acme", "import", str(job.pk))
    assert "say --yes" in capsys.readouterr().out
    assert places(cast, folders)

    call_command("delete", "acme", "import", str(job.pk), "--yes")
    call_command("delete", "acme", "project", "Mails", "--yes")

    assert places(cast, folders) == []
    with tenant_scope(cast.acme):
        assert not Project.objects.exists()
    with pytest.raises(CommandError, match="no document"):
        call_command("delete", "acme", "document", str(document.pk), "--yes")


def test_a_whole_tenant_by_command(cast, project, folders):
    planted(cast, project)
    with tenant_scope(cast.globex):
        before = AuditEvent.objects.count()

    with pytest.raises(CommandError, match="twice"):
        call_command("delete", "acme", "tenant", "globex", "--yes")
    call_command("delete", "acme", "tenant", "acme", "--yes")

    assert places(cast, folders) == []
    assert not Tenant.objects.filter(slug="acme").exists()
    assert list((folders / "models").iterdir()) == []
    with tenant_scope(cast.globex):
        assert AuditEvent.objects.count() == before


KILLED = """
import os, signal, sys
import django; django.setup()
from annotator import removal as tables
from annotator.models import Tenant
from trainer import removal
done, batch = [], tables.delete_batch
def one_batch_and_no_more(target):
    if done: os.kill(os.getpid(), signal.SIGKILL)
    done.append(1)
    return batch(target)
tables.delete_batch = one_batch_and_no_more
removal.run(Tenant.objects.get(pk=int(sys.argv[1])), int(sys.argv[2]))
"""


def test_kill_9_in_the_middle_and_begin_again(committed_db, folders, monkeypatch):
    cast = Cast.make()
    monkeypatch.setattr(tables, "BATCH", 100)
    project = make_project(cast.acme, check_share=0)
    imported(cast, project, *({"id": f"m{i}", "text": f"Mail {WORD} {i}"} for i in range(150)))
    with tenant_scope(cast.acme):
        job = removal.start(Target.of(project), actor=cast.alice)
    env = os.environ | {"MODELS": str(folders)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(cast.acme.pk), str(job.pk)], env=env, check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with tenant_scope(cast.acme):
        assert Document.objects.count() == 50
        silent = Job.objects.filter(pk=job.pk, state="running", rows_read=100)
        assert silent.update(heartbeat_at="2020-01-01T00:00Z")
        [found] = jobs.abandoned()

    removal.run(cast.acme, found.pk)

    done = again(cast, job)
    assert (done.state, done.rows_read) == ("succeeded", 150)
    assert places(cast, folders) == []


def test_snapshots_keep_what_was_imported_again(cast, project):
    document, _ = planted(cast, project)
    snapshot = next(store.project_dir(cast.acme.pk, project.pk).glob("runs/*/snapshot.jsonl"))
    lines = snapshot.read_text()
    digest = hashlib.sha256(document.text.encode()).hexdigest()
    assert document.sha256 == digest

    removal._redact(cast.acme, project.pk)

    assert snapshot.read_text() == lines
