"""An operator's encoder in the product: runs and suggestions use it, and say what is wrong with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection

from annotator import review
from annotator.importing.store import Row, store_rows
from annotator.models import Document
from annotator.projects import create_project
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import Cast
from tests.ml import encoders
from trainer import encoding, predict, retrain, runs, serving, store, tasks
from trainer.models import TrainingRun

NAMES = ["Bodo", "Lena", "Kiru", "Sato", "Vima", "Tule", "Nore", "Zabi", "Pelo", "Rudi", "Gani", "Fomu"]


@pytest.fixture
def folder(tmp_path, settings) -> Path:
    settings.ENCODER_DIR = encoders.save(tmp_path / "encoder")
    return settings.ENCODER_DIR


@pytest.fixture
def cast(django_db_blocker) -> Iterator[Cast]:
    """Of committed rows: a round has transactions of its own."""
    predict._hot.clear()
    with django_db_blocker.unblock():
        yield Cast.make(None)
        connection.close()


@pytest.fixture
def project(cast):
    """A dozen labelled letters, and one more."""
    with tenant_scope(cast.acme):
        project = create_project({"name": "Letters", "spans": ["PERSON"], "check_share": 0}, actor=None)
        texts = [f"Then {name} wrote to us again ." for name in [*NAMES, "Mala"]]
        store_rows(project, [Row(at, str(at), text, {}, None, True) for at, text in enumerate(texts)])
        for document in Document.objects.filter(project=project).exclude(external_id=str(len(NAMES))):
            answer = {"spans": [{"start": 5, "end": 9, "label": "PERSON"}]}
            review.annotate(document, cast.bob, Submission(uuid4(), 0, answer))
    return project


def a_round(cast, project) -> TrainingRun:
    assert retrain.round_for(cast.acme) == project.pk
    with tenant_scope(cast.acme):
        return TrainingRun.objects.filter(project=project).latest("pk")


def test_a_model_learns_with_the_encoder_and_is_made_anew_when_that_is_gone(
    cast, project, folder, settings, monkeypatch
):
    monkeypatch.setattr("trainer.ml.crossfit.FOLDS", 1)
    with tenant_scope(cast.acme):
        runs.start(project, actor=cast.alice)
    first = a_round(cast, project)
    assert first.state == "succeeded", first.reason
    with tenant_scope(cast.acme):
        live = runs.live_version(project)
        document = Document.objects.get(project=project, external_id=str(len(NAMES)))
    (said,) = predict.predict(cast.acme, live.pk, [document.text])
    told = predict.predictor(live).description["encoder"]

    settings.ENCODER_DIR = None
    predict._hot.clear()
    for outcome in ("queued", "queued", "failed"):  # one that failed is not followed by another at once
        with tenant_scope(cast.acme):
            TrainingRun.objects.filter(project=project, trigger="news").update(state=outcome)
        with pytest.raises(encoding.Wrong, match="none is configured: train again"):
            tasks.predict.run(cast.acme.pk, live.pk, [document.text], "marginalia:reply:test")
    reply = serving.broker().blpop(["marginalia:reply:test"], timeout=10)[1]

    assert [span["label"] for span in said["spans"]] == ["PERSON"] * len(said["spans"])
    assert b"none is configured: train again" in reply
    assert told["width"] == encoders.WIDTH
    assert store.states_file(cast.acme.pk, project.pk).exists()
    with tenant_scope(cast.acme):
        states = TrainingRun.objects.filter(project=project).order_by("pk").values_list("state", "trigger")
        assert list(states) == [("succeeded", "hand"), ("failed", "news")]


def test_a_folder_that_is_no_encoder_fails_a_run_in_plain_words_and_no_version_that_needs_none(
    cast, project, tmp_path, settings
):
    settings.ENCODER_DIR = tmp_path
    with tenant_scope(cast.acme):
        runs.start(project, actor=cast.alice)

    run = a_round(cast, project)

    assert run.state == "failed"
    told = f"the encoder {tmp_path} has no saved_model.pb: it must be the folder of a SavedModel"
    assert run.reason == f"BadEncoder: {told}"
    assert encoding.problem() == f"ENCODER_DIR: {told}."
    with tenant_scope(cast.acme):
        assert runs.live_version(project) is None


def test_a_worker_that_needs_the_encoder_does_not_start_without_it(tmp_path):
    started = subprocess.run(
        [sys.executable, "-m", "web.worker", "suggest"],
        env=os.environ | {"ENCODER_DIR": str(tmp_path)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert started.returncode == 1
    assert f"marginalia: ENCODER_DIR: the encoder {tmp_path} has no saved_model.pb" in started.stderr
