"""Training runs: started once when enough is new, one at a time, recovered when their worker dies."""

from __future__ import annotations

import socket
from datetime import timedelta
from uuid import uuid4

import orjson
import pytest
import redis
from django.conf import settings
from django.utils import timezone

from annotator import review
from annotator.errors import Conflict, Invalid
from annotator.models import AuditEvent
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project
from trainer import celery, runs
from trainer.models import ModelVersion, TrainingRun


@pytest.fixture
def project(cast):
    project = make_project(cast.acme, check_share=0)
    add_documents(cast.acme, project, *(f"Letter number {i}." for i in range(40)))
    with tenant_scope(cast.acme):
        yield project


def label(project, user, count):
    """Answer so many more documents."""
    answered = project.documents.filter(annotations__annotator=user).count()
    for document in project.documents.order_by("pk")[answered : answered + count]:
        review.annotate(document, user, Submission(uuid4(), 0, {}))


def running(project):
    run = runs.start(project, actor=None)
    assert runs.claim().pk == run.pk
    run.refresh_from_db()
    return run


def test_a_first_run_waits_for_ten_documents(cast, project):
    label(project, cast.bob, 9)
    assert runs.consider(project) is None

    label(project, cast.bob, 1)

    assert runs.consider(project).state == "queued"
    assert runs.consider(project) is None


def test_later_runs_wait_for_news_since_the_last_one(cast, project):
    label(project, cast.bob, 10)
    run = running(project)
    runs.finish(run, "succeeded", examples=10)
    label(project, cast.bob, 9)
    assert not runs.due(project)

    label(project, cast.bob, 1)

    assert runs.due(project)


def test_held_out_documents_are_no_news(cast, project):
    project.documents.update(split="check")
    label(project, cast.bob, 12)

    assert not runs.due(project)
    with pytest.raises(Invalid, match="No document"):
        runs.start(project, actor=cast.alice)


def test_what_follows_the_first_answer_within_a_moment_is_looked_at_together_after_it(
    cast, project, sent, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(runs, "NEWS_SECONDS", 600)  # a moment may pass here
    consider = ("consider", cast.acme.pk, project.pk)
    celery.begun(*consider)
    celery.client().delete(f"marginalia:paced:consider:{cast.acme.pk}:{project.pk}")

    with django_capture_on_commit_callbacks(execute=True):
        runs.announce(cast.acme.pk, project.pk)
    celery.begun(*consider)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            runs.announce(cast.acme.pk, project.pk)

    assert sent() == [consider] * 2
    later, now = (orjson.loads(raw)["headers"]["eta"] for raw in celery.client().lrange("maintenance", 0, -1))
    assert now is None
    assert later


def test_only_one_run_of_a_project_is_active(cast, project):
    label(project, cast.bob, 1)
    runs.start(project, actor=cast.alice)

    with pytest.raises(Conflict, match="already"):
        runs.start(project, actor=cast.alice)


def test_a_worker_is_woken_when_the_run_is_committed(cast, project, sent, django_capture_on_commit_callbacks):
    label(project, cast.bob, 1)

    with django_capture_on_commit_callbacks(execute=True):
        runs.start(project, actor=cast.alice)
        assert sent() == []

    assert sent() == [("train", cast.acme.pk)]


def test_tenants_take_turns_with_one_message_each(cast, project, sent, django_capture_on_commit_callbacks):
    label(project, cast.bob, 1)
    other = make_project(cast.acme, name="Other", check_share=0)
    add_documents(cast.acme, other, "text")
    label(other, cast.bob, 1)

    with django_capture_on_commit_callbacks(execute=True):
        run = running(project)
        runs.start(other, actor=None)
    assert sent() == [("train", cast.acme.pk)]
    celery.begun("train", cast.acme.pk)

    with django_capture_on_commit_callbacks(execute=True):
        runs.finish(run, "succeeded")
    assert sent() == [("train", cast.acme.pk)] * 2


def test_a_run_whose_worker_fell_silent_is_queued_again_and_at_last_given_up(cast, project):
    label(project, cast.bob, 1)
    run = running(project)

    for attempt in range(1, runs.ATTEMPTS + 1):
        TrainingRun.objects.update(heartbeat_at=timezone.now() - runs.STALE - timedelta(seconds=1))
        runs.recover()
        run.refresh_from_db()
        if attempt < runs.ATTEMPTS:
            assert run.state == "queued"
            assert runs.claim().attempt == attempt + 1

    assert run.state == "failed"
    assert "fell silent" in run.reason


def test_a_worker_that_was_replaced_can_neither_beat_nor_finish(cast, project):
    label(project, cast.bob, 1)
    first = running(project)
    TrainingRun.objects.update(state="queued")
    second = runs.claim()

    assert not runs.beat(first)
    assert not runs.finish(first, "succeeded")
    assert runs.beat(second, step=3)


def test_a_worker_that_was_only_slow_has_its_run_again_unless_another_took_it(cast, project):
    label(project, cast.bob, 1)
    run = running(project)
    TrainingRun.objects.update(heartbeat_at=timezone.now() - runs.STALE - timedelta(seconds=1))
    runs.recover()

    # A worker that stops now is not asked what becomes of the run: nobody has cancelled it.
    assert not runs.finish(run, "cancelled", "cancelled")
    assert runs.beat(run, step=7)

    run.refresh_from_db()
    assert (run.state, run.step) == ("running", 7)
    assert runs.claim() is None


def test_cancelling_stops_a_queued_run_at_once_and_a_running_one_at_its_next_beat(cast, project):
    label(project, cast.bob, 1)
    run = runs.start(project, actor=cast.alice)
    assert runs.cancel(run, actor=cast.alice).state == "cancelled"

    run = running(project)
    runs.cancel(run, actor=cast.alice)
    assert not runs.beat(run)
    runs.finish(run, "cancelled", "cancelled")
    with pytest.raises(Conflict, match="over already"):
        runs.cancel(run, actor=cast.alice)


def test_promotion_and_roll_back_leave_one_live_version_and_a_record(
    cast, project, sent, django_capture_on_commit_callbacks
):
    run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
    first, second = (
        ModelVersion.objects.create(project=project, run=run, number=n, manifest_sha256="", examples=1) for n in (1, 2)
    )

    with django_capture_on_commit_callbacks(execute=True):
        for version in (first, second, second, first):
            runs.promote(version, actor=cast.alice)

    assert runs.live_version(project) == first
    assert list(AuditEvent.objects.filter(action="version.promote").values_list("detail__number", flat=True)) == [
        1,
        2,
        1,
    ]
    # Three promotions, and nobody has begun with what the first asks for.
    assert sent() == [("refresh", cast.acme.pk, project.pk), ("rank", cast.acme.pk, project.pk)]


def test_a_version_of_late_does_not_rank_beside_a_run_that_may_replace_it(cast, project):
    label(project, cast.bob, 1)
    over = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
    version = ModelVersion.objects.create(project=project, run=over, number=1, manifest_sha256="", examples=1)
    runs.promote(version, actor=cast.alice)
    assert runs.ranking(project) == version

    run = running(project)
    assert runs.ranking(project) is None
    assert runs.unranked() == [project.pk]  # the sweep asks again

    ModelVersion.objects.update(promoted_at=timezone.now() - runs.WAITS_FOR_RUN)
    assert runs.ranking(project) == version
    ModelVersion.objects.update(promoted_at=timezone.now())
    runs.finish(run, "failed")
    assert runs.ranking(project) == version


def test_a_version_that_is_live_again_ranks_the_pool_anew(cast, project):
    run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
    version, other = (
        ModelVersion.objects.create(project=project, run=run, number=n, manifest_sha256="", examples=1) for n in (1, 2)
    )
    version = runs.promote(version, actor=None)
    assert runs.ranked(version, 0.5)
    assert not runs.ranked(version, 0.5)  # another worker came later
    assert runs.ranked(runs.ranking(project), None)
    assert runs.unranked() == []

    runs.promote(other, actor=None)
    assert not runs.ranked(version, 0.7)
    runs.promote(version, actor=None)

    assert runs.unranked() == [project.pk]
    assert runs.ranking(project).ranked_to < 0


def test_a_redis_that_hangs_holds_nobody_up(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(settings, "REDIS_URL", f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        monkeypatch.setattr(celery, "_client", None)

        with pytest.raises(redis.TimeoutError):
            celery.send_once("consider", 1, 1)

        patience = celery.client().connection_pool.connection_kwargs["socket_timeout"]
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()  # it was tried once
    assert patience < 2
