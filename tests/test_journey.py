"""The product's story, on a whole running install: two tenants teach two models at once, and share nothing.

Real PostgreSQL, Redis, Celery workers and TensorFlow. acme labels English, globex Japanese; gold labels stand in
for the people. Where the corpora are absent, both walk on demo mails in two languages.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from tests import corpora
from tests.install import ROOT, Client, Install, eventually, install
from tests.outside import data_directory

FIRST_ROUND, SECOND_ROUND = 24, 50
LAST_ROUND = 10  # too few for another run: nothing is left to wait for
WORSE = 0.95  # what the gate keeps back
PATIENCE = 900  # seconds for a run, also where the machine has much else to do


@dataclass
class Annotator:
    """Somebody who knows the gold labels: accepts what is right, rejects what is wrong, adds what is missing."""

    api: Client
    project: int
    gold: dict[str, dict[str, Any]]
    answered: dict[str, dict[str, Any]] = field(default_factory=dict)
    # For each version: how many of its suggestions were right.
    right: Counter[int] = field(default_factory=Counter)

    def label(self, count: int) -> None:
        for _ in range(count):
            self.label_one()

    def label_one(self) -> None:
        task = self.api("POST", f"/projects/{self.project}/next")
        document = task["document"]
        assert document is not None, "the queue is empty"
        suggestion = task["suggestion"]["suggestion"]
        gold = self.gold[document["external_id"]]
        answer = {name: gold[name] for name in ("spans", "classes", "relations")}
        if document["split"] == "check":
            assert suggestion is None, "a held-out document was shown a suggestion"
        self.api(
            "PUT",
            f"/documents/{document['id']}/annotation",
            json={
                "submit_id": str(uuid4()), "revision": 0, "state": "submitted", "complete": True,
                **answer, "decisions": self.decide(suggestion, gold),
            },
        )  # fmt: skip
        self.answered[gold["id"]] = answer

    def is_helped_by(self, version: int) -> bool:
        """Whether the next document has that version's suggestions; held-out ones never get any, and are labelled."""
        task = self.api("POST", f"/projects/{self.project}/next")
        if task["document"]["split"] == "check":
            self.label_one()
            return False
        shown = task["suggestion"]["suggestion"]
        return shown is not None and shown["version"] >= version

    def decide(self, suggestion: dict[str, Any] | None, gold: dict[str, Any]) -> list[dict[str, Any]]:
        decisions = []
        items = suggestion["items"] if suggestion else []
        for item in items:
            verdict = "accept" if _is_right(item, items, gold) else "reject"
            decisions.append({"suggestion": suggestion["id"], "item": item["id"], "verdict": verdict})
        if suggestion:
            self.right[suggestion["version"]] += sum(decision["verdict"] == "accept" for decision in decisions)
        return decisions

    def runs(self) -> list[dict[str, Any]]:
        return list(self.api("GET", f"/projects/{self.project}/runs")["items"])

    def versions(self) -> list[dict[str, Any]]:
        """The newest first."""
        return list(self.api("GET", f"/projects/{self.project}/versions")["items"])

    def live(self) -> int:
        """The number of the live version; 0 before the first."""
        return next((version["number"] for version in self.versions() if version["live"]), 0)

    def has_learnt_more(self) -> bool:
        """Whether there is a second version, and no run under way."""
        over = not any(run["state"] in ("queued", "running") for run in self.runs())
        return over and self.versions()[0]["number"] > 1

    def acceptance(self) -> dict[int, int]:
        """How many items of each version were accepted, as the ledger has it."""
        stats = self.api("GET", f"/projects/{self.project}/stats")
        return {row["version"]: row["accept"] for row in stats["acceptance"]}


def _is_right(item: dict[str, Any], items: list[dict[str, Any]], gold: dict[str, Any]) -> bool:
    if item["kind"] == "choice":
        return item["label"] in gold["classes"].get(item["question"], [])
    if item["kind"] == "span":
        return _span(item) in gold["spans"]
    spans = {other["id"]: _span(other) for other in items if other["kind"] == "span"}
    known = [(gold["spans"][r["head"]], gold["spans"][r["tail"]], r["label"]) for r in gold["relations"]]
    return (spans[item["head"]], spans[item["tail"]], item["label"]) in known


def _span(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("start", "end", "label")}


def begin(town: Install, slug: str, person: str, corpus: str, count: int, language: str) -> Annotator:
    """A tenant with its project and its documents, imported over the API without their labels."""
    lines = corpora.load(corpus, count, language=language)
    api = town.tenant(slug, person=person, spec=corpora.label_set("Texts", lines) | {"random_share": 1.0})
    project = api("GET", "/projects")["items"][0]["id"]
    body = "\n".join(json.dumps({"id": line["id"], "text": line["text"]}) for line in lines)
    report = api(
        "POST", f"/projects/{project}/import",
        content=body.encode(), headers={"Content-Type": "application/x-ndjson"},
    )  # fmt: skip
    assert report["new"] == len(lines), report
    return Annotator(api, project, {line["id"]: line for line in lines})


@pytest.fixture(scope="module")
def town() -> Iterator[Install]:
    with data_directory() as data_dir, install(data_dir) as running:
        yield running


def test_two_tenants_teach_their_models_and_share_nothing(town: Install, tmp_path: Path) -> None:
    acme = begin(town, "acme", "alice", "en_wikigold", 145, "en")
    globex = begin(town, "globex", "gil", "ja_stockmark", 145, "de")
    both = (acme, globex)

    # They label at once, and after a few documents each has a model of its own.
    _at_once(both, lambda who: who.label(FIRST_ROUND))
    _at_once(both, lambda who: eventually("a first model", who.live, PATIENCE))

    # Its suggestions appear on the desk; they accept and reject, and the next round learns from that, killed or not.
    _at_once(both, lambda who: _waits_for_help_of(who, 1))
    _at_once(both, lambda who: who.label(SECOND_ROUND))
    _kill_the_train_worker_in_the_middle(town, acme)
    _at_once(both, lambda who: eventually("a later model", who.has_learnt_more, PATIENCE))
    for who in both:
        _what_is_live_is_what_the_gate_let_pass(who)

    # They go on with the last.
    for who in both:
        _promote(who, who.versions()[0]["number"])
    _at_once(both, lambda who: _waits_for_help_of(who, who.live()))
    _at_once(both, lambda who: who.label(LAST_ROUND))
    for who in both:
        assert +Counter(who.acceptance()) == +who.right
        _nothing_was_lost(who)
    # In texts that nobody has labelled it is better than the first. (globex has too few words to find anything.)
    first, last = 1, acme.live()
    assert _f1(town, acme, first, tmp_path) < _f1(town, acme, last, tmp_path)
    _they_share_nothing(acme, globex)
    _tensorflow_lives_in_the_workers_children_alone(town)


def _at_once(people, act) -> None:
    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(act, people))


def _waits_for_help_of(who: Annotator, version: int) -> None:
    eventually(f"suggestions of version {version} on the desk", lambda: who.is_helped_by(version), PATIENCE)


def _kill_the_train_worker_in_the_middle(town: Install, who: Annotator) -> None:
    """kill -9 on the worker and its child while a run trains: the run goes on elsewhere, and ends well."""
    live = who.live()

    def trains() -> dict[str, Any] | None:
        return next((run for run in who.runs() if (run["state"], run["phase"]) == ("running", "train")), None)

    run = eventually("a run to train", trains, PATIENCE)
    worker = town.child("train")
    for process in [*worker.children(), worker]:
        process.send_signal(signal.SIGKILL)
    who.label(3)  # nobody waits for a worker

    def over() -> dict[str, Any] | None:
        now = who.api("GET", f"/runs/{run['id']}")
        return now if now["state"] not in ("queued", "running") else None

    ended = eventually("the run to end", over, PATIENCE)
    assert (ended["state"], ended["attempt"]) == ("succeeded", 2), ended
    assert "fell silent" in ended["log"]
    assert who.live() >= live


def _what_is_live_is_what_the_gate_let_pass(who: Annotator) -> None:
    """Whatever the gate makes of a version is chance in part; that it says so and acts by what it says is not."""
    passed = []
    for version in reversed(who.versions()):
        worse = version["metrics"].get("probability_worse", {})
        kept = max(worse.values(), default=0.0) >= WORSE
        run = who.api("GET", f"/runs/{version['run']}")
        told = "kept, not promoted" if kept else "promoted"
        assert f"version {version['number']}: {told} (" in run["log"], run
        assert run["reason"].startswith("not promoted: worse than the live version") == kept, run
        passed += [] if kept else [version["number"]]
    assert who.live() == passed[-1]


def _promote(who: Annotator, number: int) -> None:
    """By hand, as people may, so that what comes then does not depend on the gate."""
    version = next(version for version in who.versions() if version["number"] == number)
    if not version["live"]:
        who.api("POST", f"/versions/{version['id']}/promote")
    assert who.live() == number


def _f1(town: Install, who: Annotator, number: int, folder: Path) -> float:
    """How well this version finds spans in the texts that nobody has labelled: all that it finds, not what it is sure
    enough of to suggest, which is as much a matter of how many answers its thresholds rest on."""
    lines = [line for ident, line in who.gold.items() if ident not in who.answered]
    data = folder / "unlabelled.jsonl"
    data.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    (export,) = town.data_dir.glob(f"models/*/{who.project}/{number}")
    command = [sys.executable, "-m", "trainer.ml", "evaluate", "--export", str(export), "--data", str(data)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    return float(json.loads(told.stdout)["spans"]["f1"])


def _nothing_was_lost(who: Annotator) -> None:
    """The export holds every answer, exactly as it was given."""
    response = who.api.http.get(f"/projects/{who.project}/export")
    exported = {line["id"]: line for line in map(json.loads, response.text.splitlines())}
    assert exported.keys() == who.answered.keys()
    for ident, answer in who.answered.items():
        line = exported[ident]
        assert line["text"] == who.gold[ident]["text"]
        assert {name: line[name] for name in answer} == answer


def _they_share_nothing(acme: Annotator, globex: Annotator) -> None:
    for path in (f"/projects/{globex.project}", f"/projects/{globex.project}/export"):
        acme.api("GET", path, expect=404)
    elsewhere = str(acme.api.http.base_url).replace("/acme/", "/globex/")
    assert acme.api.http.get(f"{elsewhere}projects").status_code in (401, 404)
    documents = acme.api("GET", f"/projects/{acme.project}/documents", params={"limit": 200})["items"]
    assert {d["external_id"] for d in documents} <= acme.gold.keys()


def _tensorflow_lives_in_the_workers_children_alone(town: Install) -> None:
    def loaded(process: psutil.Process) -> bool:
        return any("tensorflow" in region for region in Path(f"/proc/{process.pid}/maps").read_text().splitlines())

    web = town.child("web")
    parents = [town.child(name) for name in ("train", "suggest", "io", "maintenance", "beat")]
    assert not [p for p in [web, *web.children(), *parents, *town.child("io").children()] if loaded(p)]
    assert all(loaded(child) for child in town.child("suggest").children())
