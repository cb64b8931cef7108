"""One account of what a project's model is doing, whoever tells it."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from annotator import review
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project, signed_in
from trainer.model_state import model_state
from trainer.models import ModelVersion, TrainingRun


@pytest.fixture
def project(cast):
    project = make_project(cast.acme, check_share=0)
    add_documents(cast.acme, project, *(f"Letter number {i}." for i in range(30)))
    return project


def label(cast, project, count):
    with tenant_scope(cast.acme):
        for document in project.documents.order_by("pk")[:count]:
            review.annotate(document, cast.bob, Submission(uuid4(), 0, {}))


def begin(project, **fields):
    with tenant_scope(project.tenant):
        return TrainingRun.objects.create(project=project, trigger="news", **fields)


def told(cast, project):
    """The desk's sentence, that of the overview and that of the model's page, which must be the same; and the API's."""
    bob, slug = signed_in(cast.bob), cast.acme.slug
    sentence = bob.get(reverse("model-state", args=[slug, project.pk])).json()["model"]["sentence"]
    assert sentence == bob.get(reverse("desk", args=[slug, project.pk])).context["config"]["model"]["sentence"]
    for page in ("project", "model"):
        answer = bob.get(reverse(page, args=[slug, project.pk]))
        assert sentence in answer.text.replace("&#x27;", "'")
    return sentence, bob.get(f"/t/{slug}/api/v1/projects/{project.pk}/model").json()


def test_before_the_first_model_it_says_how_many_labels_are_missing(cast, project):
    label(cast, project, 3)

    sentence, api = told(cast, project)

    assert sentence == "7 more labelled documents until the first model"
    assert api == {
        "stage": "collecting", "version": None, "missing": 7, "ahead": [], "seconds_left": None, "run": None
    }  # fmt: skip


def test_the_desk_is_told_how_many_answers_make_the_next_run_due(cast, project):
    label(cast, project, 3)

    told = signed_in(cast.bob).get(reverse("model-state", args=[cast.acme.slug, project.pk])).json()["model"]

    assert (told["missing"], told["moving"]) == (7, False)


def test_enough_labels_and_a_training_is_about_to_begin(cast, project):
    label(cast, project, 10)

    assert told(cast, project)[0] == "The first training begins in a moment"


def test_a_run_that_waits_names_the_runs_ahead_of_it(cast, project, monkeypatch):
    monkeypatch.setattr("web.views.training._silent", lambda _run: "")
    mails, letters = (make_project(cast.acme, name=name) for name in ("Customer mails", "Letters"))
    begin(mails, state="running")
    ours = begin(project, state="queued")
    begin(letters, state="queued")

    sentence, api = told(cast, project)

    assert sentence == "Waiting: 1 run ahead (Customer mails)"
    assert (api["stage"], api["ahead"], api["run"]) == ("queued", ["Customer mails"], ours.pk)


def phases(**seconds):
    return {"phases": [{"phase": phase, "seconds": spent} for phase, spent in seconds.items()]}


def begin_learning(project, **fields):
    """Its worker was heard of just now, however long this test takes."""
    heard = timezone.now() + timedelta(hours=1)
    return begin(project, state="running", phase="train", heartbeat_at=heard, started_at=timezone.now(), **fields)


def test_a_run_that_learns_says_how_long_it_takes_and_no_page_denies_it(cast, project):
    begin(project, state="succeeded", metrics=phases(snapshot=20, prepare=80, train=800, export=100))
    run = begin_learning(project, step=50, steps=100, metrics=phases(snapshot=20, prepare=80, train=400))

    sentence, api = told(cast, project)

    assert sentence == "Training: about 8 minutes left"
    assert (api["stage"], api["run"], api["seconds_left"]) == ("training", run.pk, 500)
    desk = signed_in(cast.bob).get(reverse("model-state", args=[cast.acme.slug, project.pk])).json()["model"]
    assert (desk["percent"], desk["seconds_left"]) == (50, 500)
    model = signed_in(cast.bob).get(reverse("model", args=[cast.acme.slug, project.pk])).text
    assert "No model yet" not in model
    assert "None yet" not in model


def test_a_run_is_judged_by_what_takes_time_and_by_its_own_pace(cast, project):
    begin(project, state="succeeded", metrics=phases(snapshot=10, prepare=90, train=300, export=500, promote=100))
    run = begin_learning(project, step=10, steps=10, metrics=phases(snapshot=10, prepare=90, train=300))
    with tenant_scope(cast.acme):
        assert model_state(project).seconds_left == 600, "all steps are done, and packing is yet to come"

        TrainingRun.objects.filter(pk=run.pk).update(metrics=phases(snapshot=30, prepare=270, train=900))
        slow = model_state(project)
        assert 1200 < slow.seconds_left < 1800, "three times as slow as the last, as far as that can be told"

        packing = {"phase": "export", "step": 0, "steps": 0}
        TrainingRun.objects.filter(pk=run.pk).update(
            metrics=phases(snapshot=10, prepare=90, train=300, export=400), **packing
        )
        assert model_state(project).seconds_left == 200
        assert model_state(project).share == 0.8

        TrainingRun.objects.filter(pk=run.pk).update(metrics=phases(snapshot=10, prepare=90, train=300, export=5000))
        assert model_state(project).seconds_left is None, "it takes far longer than ever: nobody knows how long"


def test_a_first_run_says_nothing_until_its_pace_can_be_told(cast, project):
    run = begin_learning(project, step=1, steps=1000, metrics=phases(snapshot=1, prepare=5, train=5))
    with tenant_scope(cast.acme):
        assert model_state(project).seconds_left is None

        TrainingRun.objects.filter(pk=run.pk).update(step=500, metrics=phases(snapshot=1, prepare=5, train=20))

        assert 15 < model_state(project).seconds_left < 60


def test_a_last_run_of_before_phases_were_kept_is_taken_as_a_whole(cast, project):
    ended = timezone.now()
    begin(project, state="succeeded", started_at=ended - timedelta(seconds=1000), finished_at=ended)
    begin_learning(project, step=0, steps=100, metrics=phases(snapshot=0))
    with tenant_scope(cast.acme):
        assert 500 < model_state(project).seconds_left < 1000


def test_a_version_that_suggests_is_named_also_while_the_next_one_learns(cast, project):
    first = begin(project, state="succeeded", examples=10, watermark=0)
    with tenant_scope(cast.acme):
        ModelVersion.objects.create(project=project, run=first, number=1, examples=10, live=True)
    sentence = (
        signed_in(cast.bob).get(reverse("model-state", args=[cast.acme.slug, project.pk])).json()["model"]["sentence"]
    )
    assert sentence == "Version 1 is suggesting"

    begin(project, state="running", started_at=timezone.now(), heartbeat_at=timezone.now())

    assert told(cast, project)[0] == "Training the next version"


def test_a_failed_run_says_so_until_the_next_one(cast, project):
    begin(project, state="failed", reason="nothing to learn: PERSON has no example")

    sentence, api = told(cast, project)

    assert sentence == "The last training failed; the next begins after 10 more labelled documents"
    assert (api["stage"], api["missing"]) == ("failed", 10)


def test_another_tenants_runs_are_not_told(cast, project, monkeypatch):
    monkeypatch.setattr("web.views.training._silent", lambda _run: "")
    begin(project, state="queued")
    theirs = make_project(cast.globex, name="Secret plans")
    begin(theirs, state="running", created_at=timezone.now() - timedelta(hours=1))

    assert told(cast, project)[0] == "Waiting for a training worker"
