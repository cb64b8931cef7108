"""What a first run needs is traced before it is due; nobody sees it, and it is in nobody's way."""

from __future__ import annotations

from uuid import uuid4

import pytest

from annotator import review
from annotator.demo import mails
from annotator.importing.store import Row, store_rows
from annotator.models import Document, Job
from annotator.projects import create_project
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import Cast
from tests.corpora import label_set
from trainer import celery, predict, rehearsal, retrain, runs, store, tasks
from trainer.ml.crossfit import Steps
from trainer.models import ModelVersion

# Spans alone: a model of them is traced in a third of the time.
LINES = {line["id"]: line | {"classes": {}, "relations": []} for line in mails(40, seed=5)}


@pytest.fixture
def mailroom(db_committed):
    """A project whose mails wait to be labelled, and a function that labels some more."""
    cast = Cast.make(None)
    with tenant_scope(cast.acme):
        project = create_project(label_set("Mails", list(LINES.values())) | {"check_share": 0}, actor=None)
        rows = [Row(at, line["id"], line["text"], {}, None, True) for at, line in enumerate(LINES.values())]
        store_rows(project, rows)

    def label(count):
        with tenant_scope(cast.acme):
            documents = Document.objects.filter(project=project)
            answered = documents.filter(annotations__annotator=cast.bob).count()
            for document in documents.order_by("pk")[answered : answered + count]:
                review.annotate(document, cast.bob, Submission(uuid4(), 0, LINES[document.external_id]))

    predict._traced.clear()
    yield cast, project, label
    predict._traced.clear()
    rehearsal._exports.clear()


@pytest.fixture
def db_committed(django_db_blocker, monkeypatch):
    """Data that other transactions see, as training in phases needs it; and no model need be any good."""
    monkeypatch.setattr("trainer.ml.crossfit.FOLDS", 2)
    monkeypatch.setattr("trainer.ml.crossfit._steps", lambda *_: Steps(3, 2, 3))
    with django_db_blocker.unblock():
        yield
        from django.db import connection

        connection.close()


def rehearsed(project):
    return store.rehearsal_dir(project.tenant_id, project.pk)


def test_a_run_that_is_due_soon_is_rehearsed_and_one_that_is_due_is_not(mailroom, sent):
    cast, project, label = mailroom
    message = ("rehearse", cast.acme.pk, project.pk)

    label(4)
    tasks.consider(cast.acme.pk, project.pk)
    assert sent() == []

    label(1)
    tasks.consider(cast.acme.pk, project.pk)
    assert sent() == [message]

    celery.client().delete("rehearse")
    celery.begun(*message)
    label(5)
    tasks.consider(cast.acme.pk, project.pk)
    assert sent() == [("train", cast.acme.pk)]


def test_a_first_run_finds_what_its_rehearsal_has_traced(mailroom, monkeypatch):
    cast, project, label = mailroom
    label(8)

    tasks.rehearse(cast.acme.pk, project.pk)

    assert [path.name for path in rehearsed(project).iterdir()] == ["export"]
    with tenant_scope(cast.acme):
        assert not ModelVersion.objects.exists()
    assert predict.is_traced(cast.acme.pk, project.pk)
    assert not predict.is_traced(cast.globex.pk, project.pk)

    def again(*_):
        raise AssertionError("it is traced already")

    monkeypatch.setattr("trainer.ml.estimator.programs.Programs._trace", again)
    monkeypatch.setattr("trainer.ml.serving.Serving.signatures", again)
    tasks.rehearse(cast.acme.pk, project.pk)  # nothing is left to do
    label(4)
    with tenant_scope(cast.acme):
        run = runs.start(project, actor=cast.alice)
    assert retrain.round_for(cast.acme) == project.pk
    with tenant_scope(cast.acme):
        run.refresh_from_db()
        assert (run.state, run.examples) == ("succeeded", 12), run.reason
        version = runs.live_version(project)
    assert "PERSON" in predict.predictor(version).schema.spans
    assert not rehearsed(project).exists()


def test_a_fresh_process_rehearses_with_the_graph_of_the_live_version(mailroom):
    cast, project, label = mailroom
    label(10)
    with tenant_scope(cast.acme):
        runs.start(project, actor=cast.alice)
    retrain.round_for(cast.acme)
    predict._traced.clear()
    predict._hot.clear()

    rehearsal.rehearse(cast.acme, project.pk)

    assert predict.is_traced(cast.acme.pk, project.pk)
    assert (cast.acme.pk, project.pk, 1) in predict._hot
    assert list(rehearsed(project).iterdir()) == []
    with tenant_scope(cast.acme):
        assert ModelVersion.objects.count() == 1


def test_a_rehearsal_gives_way_to_a_run(mailroom, sent, monkeypatch):
    cast, project, label = mailroom
    label(8)
    monkeypatch.setattr(rehearsal, "LOOKS_SECONDS", 0)
    celery.send("train", cast.acme.pk)

    rehearsal.rehearse(cast.acme, project.pk)

    assert list(rehearsed(project).iterdir()) == []
    assert rehearsal.export_of(cast.acme.pk, project.pk) is None
    assert sent() == [("train", cast.acme.pk)]


def test_what_cannot_be_learnt_yet_is_rehearsed_when_it_can(mailroom):
    cast, project, label = mailroom
    with tenant_scope(cast.acme):
        document = Document.objects.filter(project=project).order_by("-pk").first()
        review.annotate(document, cast.bob, Submission(uuid4(), 0, {}))

    rehearsal.rehearse(cast.acme, project.pk)
    assert not predict.is_traced(cast.acme.pk, project.pk)

    label(6)
    rehearsal.rehearse(cast.acme, project.pk)
    assert predict.is_traced(cast.acme.pk, project.pk)


def test_an_export_of_a_rehearsal_that_was_changed_lends_nothing(mailroom):
    cast, project, label = mailroom
    label(8)
    rehearsal.rehearse(cast.acme, project.pk)
    path = rehearsal.export_of(cast.acme.pk, project.pk)

    (path / "saved_model.pb").write_bytes(b"x")

    assert rehearsal.export_of(cast.acme.pk, project.pk) is None


def test_nothing_of_a_rehearsal_stays_where_a_document_was_deleted_meanwhile(mailroom, monkeypatch):
    cast, project, label = mailroom
    label(8)
    publish = store.publish

    def first_somebody_deletes(*given):
        with tenant_scope(cast.acme):
            Job.objects.create(project=project, kind=Job.Kind.DELETE, created_by=cast.alice)
        return publish(*given)

    monkeypatch.setattr(store, "publish", first_somebody_deletes)

    rehearsal.rehearse(cast.acme, project.pk)

    assert rehearsal.export_of(cast.acme.pk, project.pk) is None
    assert not rehearsed(project).exists()


def test_nothing_is_rehearsed_where_texts_would_have_to_be_encoded(mailroom, settings, tmp_path):
    cast, project, label = mailroom
    label(8)
    settings.ENCODER_DIR = tmp_path

    rehearsal.rehearse(cast.acme, project.pk)

    assert not predict.is_traced(cast.acme.pk, project.pk)
    assert not rehearsed(project).exists()


def test_of_projects_that_were_trained_the_last_keep_what_they_traced():
    for project in range(predict.TRAINED + 1):
        predict.traced(7, project)
    predict.traced(8, 0)

    assert list(predict._traced) == [(7, predict.TRAINED), (8, 0)][-predict.TRAINED :]
    assert predict.traced(8, 0) is predict.traced(8, 0) is not predict.traced(7, 0)
    predict._traced.clear()
