"""An install heals itself: PostgreSQL restarted, Redis hung, a worker deaf, an import killed, queues full."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg2
import pytest
import redis
from celery import Celery

from annotator.demo import mails
from tests.corpora import label_set
from tests.install import Install, eventually, install
from tests.outside import data_directory

PATIENCE = 300  # seconds, also where the machine has much else to do
STOPPED_SECONDS = 12  # longer than a worker waits for an answer of Redis
RANKINGS = 1_000
FIRST_ROUND = 14


class Town:
    """An install with one project of demo mails, and a way to put messages before its workers."""

    def __init__(self, running: Install) -> None:
        self.install = running
        self.lines = list(mails(2_000, seed=7))
        self.api = running.tenant(
            "acme", person="alice", spec=label_set("Mails", self.lines[:200]) | {"check_share": 0}
        )
        self.project: int = self.api("GET", "/projects")["items"][0]["id"]
        self.bring(self.lines)
        self.tenant = 1
        self.found = json.loads((running.data_dir / "runtime.json").read_text())
        self.redis = redis.Redis.from_url(self.found["REDIS_URL"])
        self.celery = Celery(broker=self.found["REDIS_URL"])

    def bring(self, lines: list[dict[str, Any]]) -> dict[str, Any]:
        """Import them without their labels; more than a megabyte becomes a job."""
        body = "\n".join(json.dumps({"id": line["id"], "text": line["text"]}) for line in lines)
        return dict(
            self.api(
                "POST", f"/projects/{self.project}/import", expect=202 if len(body) > 1_000_000 else 200,
                content=body.encode(), headers={"Content-Type": "application/x-ndjson"},
            )
        )  # fmt: skip

    def label(self, count: int) -> None:
        gold = {line["id"]: line for line in self.lines}
        for _ in range(count):
            document = self.api("POST", f"/projects/{self.project}/next")["document"]
            answer = {name: gold[document["external_id"]][name] for name in ("spans", "classes", "relations")}
            told = {"submit_id": str(uuid4()), "revision": 0, "state": "submitted", "complete": True}
            self.api("PUT", f"/documents/{document['id']}/annotation", json=told | answer)

    def runs(self) -> list[dict[str, Any]]:
        return list(self.api("GET", f"/projects/{self.project}/runs")["items"])

    def suggests(self) -> bool:
        """Whether somebody's text is answered."""
        response = self.api.http.post(f"/projects/{self.project}/suggest", json={"texts": ["Dear Sir, thank you."]})
        return response.status_code == 200

    def ready(self) -> httpx.Response:
        return httpx.get(f"{self.install.url}/readyz", timeout=60)

    def send(self, task: str, queue: str, *arguments: Any) -> None:
        self.celery.send_task(f"trainer.tasks.{task}", [self.tenant, *arguments], queue=queue)

    def nothing_is_ranked(self) -> None:
        """As it is after a promotion."""
        with psycopg2.connect(self.found["DATABASE_URL"]) as database, database.cursor() as cursor:
            cursor.execute("SELECT set_config('marginalia.tenant', %s, true)", [str(self.tenant)])
            cursor.execute("UPDATE trainer_modelversion SET ranked = false, ranked_to = -1 WHERE live")
            assert cursor.rowcount == 1

    def service(self, name: str) -> psutil.Process:
        children = psutil.Process(self.install.process.pid).children()
        return next(child for child in children if child.name() == name)


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with data_directory() as data_dir, install(data_dir) as running:
        yield Town(running)


def test_a_run_outlives_a_restart_of_postgresql(town: Town) -> None:
    learner = town.install.child("train").children()
    town.label(FIRST_ROUND)
    eventually("a run to train", lambda: [run for run in town.runs() if run["phase"] == "train"], PATIENCE)

    town.service("postgres").send_signal(signal.SIGINT)

    def over() -> dict[str, Any] | None:
        response = town.api.http.get(f"/projects/{town.project}/runs")
        assert response.status_code in (200, 503), response.text  # never a mistake of ours
        run = response.json()["items"][-1] if response.status_code == 200 else {"state": "queued"}
        return run if run["state"] not in ("queued", "running") else None

    ended = eventually("the run to end", over, PATIENCE)
    assert ended["state"] == "succeeded", ended
    eventually("answers of the first version", town.suggests, PATIENCE)
    # The next run need not wait until another process has loaded TensorFlow.
    assert town.install.child("train").children() == learner


def test_a_thousand_rankings_hold_up_neither_a_text_nor_what_repairs(town: Town) -> None:
    job = town.bring([{"id": f"more-{i}", "text": f"{i}: {'We thank you for your order. ' * 9}"} for i in range(6_000)])
    eventually("rows of the import", lambda: town.api("GET", f"/jobs/{job['id']}")["rows"], PATIENCE)
    worker = town.install.child("io")
    for process in [*worker.children(), worker]:
        process.kill()
    town.nothing_is_ranked()
    for _ in range(RANKINGS):
        town.send("rank", "rank", town.project)

    told = town.suggests()
    left = town.redis.llen("rank")

    assert told
    assert left > RANKINGS / 2  # it went before them

    def over() -> dict[str, Any] | None:
        now = town.api("GET", f"/jobs/{job['id']}")
        return now if now["state"] not in ("queued", "running") else None

    ended = eventually("the end of the import", over, PATIENCE)
    assert (ended["state"], ended["new"]) == ("succeeded", 6_000), ended
    # Nor does any queue grow meanwhile, however often the beat asks.
    assert {queue: n for queue in ("suggest", "maintenance", "io") if (n := town.redis.llen(queue)) > 2} == {}


def test_a_redis_that_hangs_leaves_no_worker_deaf(town: Town) -> None:
    documents = town.api("GET", f"/projects/{town.project}/documents", params={"limit": 200})["items"]
    for document in documents:
        town.send("suggest", "suggest", town.project, [document["id"]])
    eventually("the worker to be at it", lambda: 0 < town.redis.llen("suggest") < len(documents) - 2)
    broker = town.service("redis-server")

    broker.suspend()
    began = time.monotonic()
    told = town.ready()
    eventually("a long stop", lambda: time.monotonic() - began > STOPPED_SECONDS)
    broker.resume()

    assert (told.status_code, told.json()["redis"]) == (503, "TimeoutError")
    eventually("answers again", town.suggests, PATIENCE)
    eventually("all workers to be well", lambda: all(town.ready().json()["workers"].values()), PATIENCE)
    for worker in ("suggest", "maintenance", "io", "train", "beat"):
        log = (town.install.data_dir / "logs" / f"{worker}.log").read_text()
        assert "Couldn't ack" not in log
        assert "worker_is_deaf" not in log  # it took no restart


def test_a_worker_that_hears_nothing_is_told_and_started_again(town: Town) -> None:
    deaf = town.install.child("maintenance")
    for child in deaf.children():
        child.suspend()

    eventually("the truth", lambda: not town.ready().json()["workers"]["maintenance"], PATIENCE)
    eventually("its end", lambda: not deaf.is_running(), PATIENCE)

    eventually("another in its place", lambda: town.ready().json()["workers"]["maintenance"], PATIENCE)
    assert "maintenance ended (work waited, and it did not hear); started again" in town.install.said()
    assert "worker_is_deaf" in (town.install.data_dir / "logs" / "maintenance.log").read_text()
