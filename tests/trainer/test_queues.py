"""Messages that say the same wait once, queues that nobody empties stay short, deaf workers are found out."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from threading import Event

import pytest
from celery.beat import Service as beat_of
from django.conf import settings

from annotator.tenancy import tenant_scope
from tests.cast import Cast, add_documents, make_project
from tests.outside import until
from trainer import celery, pulse, queues, runs, serving, tasks
from trainer.models import ModelVersion, TrainingRun


@pytest.fixture(autouse=True)
def nothing_is_on_its_way(sent):
    for key in celery.client().scan_iter("marginalia:sent:*"):
        celery.client().delete(key)


def test_what_waits_already_is_not_sent_again_until_a_worker_begins_with_it(sent):
    assert celery.send_once("refresh", 1, 2)
    assert not celery.send_once("refresh", 1, 2)
    assert celery.send_once("refresh", 1, 3)
    assert sent() == [("refresh", 1, 2), ("refresh", 1, 3)]

    celery.begun("refresh", 1, 2)

    assert celery.send_once("refresh", 1, 2)


def test_a_message_that_was_lost_with_its_worker_is_sent_again(sent, monkeypatch):
    assert celery.send_once("refresh", 1, 2)
    assert celery.client().lpop("refresh")
    assert not celery.send_once("refresh", 1, 2)  # it may be in a worker's hands

    later = time.time() + 2 * celery.LOST_SECONDS
    monkeypatch.setattr(celery.time, "time", lambda: later)

    assert celery.send_once("refresh", 1, 2)
    assert not celery.send_once("refresh", 1, 2)
    assert sent() == [("refresh", 1, 2)]


def test_a_lost_message_is_sent_again_also_where_its_queue_is_never_empty(sent, monkeypatch):
    now = time.time()
    monkeypatch.setattr(celery.time, "time", lambda: now - 2 * celery.LOST_SECONDS)
    assert celery.send_once("look_after", 1)
    assert celery.send_once("look_after", 2)
    assert celery.client().rpop("maintenance")  # the older one goes with its worker
    monkeypatch.undo()
    assert not celery.send_once("look_after", 1)  # for all one knows it has just been taken
    assert celery.client().rpop("maintenance")
    assert celery.send_once("look_after", 3)

    again = [celery.send_once("look_after", tenant) for tenant in (1, 2, 3)]

    assert again == [True, True, False]
    assert sent() == [("look_after", 3), ("look_after", 1), ("look_after", 2)]


def test_a_queue_that_nobody_empties_stays_as_long_as_it_is(sent, monkeypatch):
    monkeypatch.setattr(queues, "MOST_WAITING", 3)

    done = [celery.send_once("rank", 1, project) for project in range(5)]

    assert done == [True, True, True, False, False]
    assert len(sent()) == 3
    celery.client().delete("rank")
    assert celery.send_once("rank", 1, 4)  # what found no room is not taken for sent


def test_what_is_committed_while_redis_is_away_stays_so_without_an_error(committed_db, monkeypatch):
    cast = Cast.make()
    project = make_project(cast.acme, check_share=0)
    [document] = add_documents(cast.acme, project, "Ada lives in Oslo.")
    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
        version = ModelVersion.objects.create(project=project, run=run, number=1, examples=1, manifest_sha256="")

    with monkeypatch.context() as away:
        away.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")
        away.setattr(celery, "_client", None)
        with tenant_scope(cast.acme):
            serving.want(document)
            runs.promote(version, actor=cast.alice)
            runs.announce(cast.acme.pk, project.pk)

    with tenant_scope(cast.acme):
        assert runs.live_version(project) == version


def test_the_beat_sends_one_sweep_however_long_nobody_begins_with_it(sent):
    clock = celery.Clock(celery.app)
    entry = clock.schedule["sweep"]

    for _ in range(5):
        clock.apply_entry(entry)
    clock.close()

    assert sent() == [("sweep",)]


def test_a_beat_that_starts_after_the_clock_was_set_back_waits_for_no_time_of_before(tmp_path):
    def beat():
        return beat_of(celery.app, scheduler_cls=celery.Clock, schedule_filename=str(tmp_path / "schedule")).scheduler

    before = beat()
    before.schedule["sweep"].last_run_at += timedelta(hours=1)
    before.close()

    after = beat()

    assert after.schedule["sweep"].is_due().next <= celery.SWEEP_SECONDS


def test_each_task_has_a_queue_that_a_worker_serves():
    served = [queue for those in queues.SERVED.values() for queue in those]
    registered = {name for name in tasks.app.tasks if name.startswith("trainer.")}

    assert sorted(served) == sorted(queues.QUEUES)
    assert {f"trainer.tasks.{task}" for task in queues.BY_TASK} == registered


def test_the_oldest_of_a_queue_tells_how_long_it_has_waited(sent, monkeypatch):
    now = time.time()
    for sent_at in (now - 100, now):
        monkeypatch.setattr(celery.time, "time", lambda at=sent_at: at)
        celery.send("rank", 1, 1)
    monkeypatch.undo()

    told = queues.waiting(celery.client())["rank"]

    assert told.count == 2
    assert 100 <= told.seconds < 200


def test_who_has_not_begun_with_what_waits_is_silent_for_so_long():
    hearing = pulse.Hearing(begun=3, since=0.0)

    assert hearing.silent(10, waits=True, begun=3, busy=False) == 10
    assert hearing.silent(31, waits=True, begun=3, busy=False) == 31
    # At a task however long, with nothing to do, or without Redis to hear from: not deaf.
    assert hearing.silent(900, waits=True, begun=3, busy=True) == 0
    assert hearing.silent(920, waits=True, begun=3, busy=False) == 20
    assert hearing.silent(930, waits=False, begun=3, busy=False) == 0
    assert hearing.silent(945, waits=True, begun=4, busy=False) == 0


@contextmanager
def at_a_task(monkeypatch, task):
    """The books of a worker whose child is at this."""
    monkeypatch.setattr(pulse, "PULSE_SECONDS", 0.05)
    monkeypatch.setattr(pulse, "HANGS_SECONDS", 0.5)
    work = pulse.Work()

    def child():
        work.ready()
        work.begin()
        task()

    worker = get_context("fork").Process(target=child)
    worker.start()
    until(lambda: work.busy and work.begun, what="the task")
    try:
        yield work
    finally:
        worker.kill()
        worker.join()


def test_a_task_in_which_nothing_moves_any_more_hangs_though_its_process_lives(monkeypatch):
    with at_a_task(monkeypatch, Event().wait) as work:
        until(lambda: work.hangs, what="the verdict")

        assert work.busy

    assert not work.hangs  # it is over


def test_a_task_that_gets_on_however_slowly_does_not_hang(monkeypatch):
    def slow():
        while True:
            time.sleep(0.02)

    with at_a_task(monkeypatch, slow) as work:
        for _ in range(2):
            moved = work.moved_at
            until(lambda moved=moved: work.moved_at > moved, what="a move")


def test_messages_that_were_never_acknowledged_before_the_upgrade_are_forgotten(sent):
    client = celery.client()
    client.hset("unacked", mapping={"ours": '[{"headers": {"task": "trainer.tasks.predict"}}]', "theirs": "[{}]"})
    client.zadd("unacked_index", {"ours": 1, "theirs": 1})

    celery.forget_unacknowledged()

    assert client.hkeys("unacked") == client.zrange("unacked_index", 0, -1) == [b"theirs"]
    client.delete("unacked", "unacked_index")
