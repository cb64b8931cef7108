"""An install heals itself: PostgreSQL restarted, Redis hung, a worker deaf, an import killed, queues full."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import uuid4

import httpx
import psutil
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
        self.lines = list(islice(mails(4_000, seed=7), 4_000))
        self.api = running.tenant("acme", person="alice", spec=label_set("Mails", self.lines[:200]))
        self.project: int = self.api("GET", "/projects")["items"][0]["id"]
        self.bring(self.lines)
        url = json.loads((running.data_dir / "runtime.json").read_text())["REDIS_URL"]
        self.redis = redis.Redis.from_url(url)
        self.celery = Celery(broker=url)

    def bring(self, lines: list[dict[str, Any]], **params: str) -> dict[str, Any]:
        """Import them without their labels."""
        body = "\n".join(json.dumps({"id": line["id"], "text": line["text"]}) for line in lines)
        return dict(
            self.api(
                "POST", f"/projects/{self.project}/import", params=params, expect=202 if params else 200,
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
        return httpx.get(f"{self.install.url}/readyz", timeout=30)

    def send(self, task: str, queue: str, *arguments: Any) -> None:
        self.celery.send_task(f"trainer.tasks.{task}", arguments, queue=queue)

    def service(self, name: str) -> psutil.Process:
        children = psutil.Process(self.install.process.pid).children()
        return next(child for child in children if child.name() == name)


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with data_directory() as data_dir, install(data_dir) as running:
        yield Town(running)


def test_a_run_outlives_a_restart_of_postgresql(town: Town) -> None:
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


def test_a_text_overtakes_a_thousand_rankings(town: Town) -> None:
    eventually("the first ranking", lambda: not town.redis.llen("rank"), PATIENCE)
    for _ in range(RANKINGS):
        town.send("rank", "rank", 1, town.project)

    began = time.monotonic()
    assert town.suggests()
    print("answer after", time.monotonic() - began, "rank", town.redis.llen("rank"))


def test_a_redis_that_hangs_leaves_no_worker_deaf(town: Town) -> None:
    documents = town.api("GET", f"/projects/{town.project}/documents", params={"limit": 200})["items"]
    for document in documents:
        town.send("suggest", "suggest", 1, town.project, [document["id"]])
    eventually("the worker to be at it", lambda: 0 < town.redis.llen("suggest") < len(documents) - 2)
    broker = town.service("redis-server")

    broker.suspend()
    began = time.monotonic()
    told = town.ready()
    eventually("a long stop", lambda: time.monotonic() - began > STOPPED_SECONDS)
    broker.resume()

    assert (told.status_code, told.json()["redis"]) == (503, "TimeoutError")
    began = time.monotonic()
    eventually("answers again", town.suggests, PATIENCE)
    print("answers after", time.monotonic() - began)
    eventually("all workers to be well", lambda: all(town.ready().json()["workers"].values()), PATIENCE)
    log = (town.install.data_dir / "logs" / "suggest.log").read_text()
    assert "Couldn't ack" not in log
    assert "worker_is_deaf" not in log
    print((town.install.data_dir / "launch.log").read_text())
