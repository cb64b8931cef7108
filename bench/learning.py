"""How long after the submit that makes a run due are new suggestions seen? One annotator, from the first one on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter, sleep, time
from typing import Any, NamedTuple

from bench.client import Client
from bench.figures import Figure
from bench.gold import Answered, Gold, annotate

AIMS = {20: 5.0, 100: 8.0, 500: 15.0}  # seconds, after so many documents, on two processors with nothing else to do
# What trainer/runs.py waits for before a run is due: so many documents first, then at least this share more.
FIRST_RUN, AT_LEAST, MORE = 10, 10, 0.2
LOOK_SECONDS = 0.05
LONGEST_ROUND = 300.0


@dataclass(frozen=True)
class Round:
    """From one model to the next."""

    documents: int  # answered before its run became due, held-out ones included
    seconds: float  # from sending the submit that made it due to seeing the new version's suggestions
    promoted: bool  # otherwise the gate kept the older version, and the run's end counts
    metrics: dict[str, Any]
    phases: Phases


class Phases(NamedTuple):
    """Seconds of the clock that a round is made of, and of the processor for the run itself."""

    queued: float  # from the submit until a worker takes the run
    run: float
    shown: float  # from the run's end until somebody sees it
    run_cpu: float | None

    def __str__(self) -> str:
        cpu = f" ({self.run_cpu:.1f} CPU s)" if self.run_cpu is not None else ""
        return f"queued {self.queued:.1f} s, run {self.run:.1f} s{cpu}, shown {self.shown:.1f} s later"


class Exhausted(RuntimeError):
    """No document is left to label."""


@dataclass
class Learner:
    """A project that is being labelled by one annotator, in step with its runs."""

    client: Client
    project: int
    gold: Gold
    documents: int = 0

    def rounds(self) -> Iterator[Round]:
        """Round after round, each labelling exactly what makes the next run due, until no document is left."""
        while True:
            runs = self._list("runs")
            live = self._live()
            try:
                last = self._label(max(AT_LEAST, int(MORE * runs[0]["examples"])) if runs else FIRST_RUN)
                documents = self.documents
                waiting = self.open_pool_document()
            except Exhausted:
                return
            run = self._see_new(waiting, live, runs[0]["id"] if runs else 0, last.submitted_at)
            seconds = perf_counter() - last.submitted_at
            self._until_over(run, last.submitted_at)
            done = self._list("runs")[0]
            phases = _phases(done, time() - perf_counter() + last.submitted_at, seconds)
            yield Round(documents, seconds, self._live() != live, done["metrics"], phases)

    def _label(self, pool_documents: int) -> Answered:
        """Label until so many of the pool are done; the last one is of the pool, for held-out ones are no news."""
        while True:
            answered = annotate(self.client, self.project, self.gold)
            if answered is None:
                raise Exhausted
            self.documents += 1
            pool_documents -= answered.split == "pool"
            if pool_documents == 0:
                return answered

    def open_pool_document(self) -> int:
        """The next document as a person has it open. A held-out one never has suggestions: it is answered first."""
        while True:
            document = self.client("POST", f"/projects/{self.project}/next")["document"]
            if document is None:
                raise Exhausted
            if document["split"] == "pool":
                return int(document["id"])
            annotate(self.client, self.project, self.gold)
            self.documents += 1

    def _see_new(self, document: int, live: int | None, last_run: int, since: float) -> int:
        """Look at the open document until another version's suggestions are there, or its run has ended without."""
        while perf_counter() - since < LONGEST_ROUND:
            seen = self.client("GET", f"/documents/{document}/suggestions")
            if seen["state"] == "ready" and seen["version"] != live:
                return int(self._list("runs")[0]["id"])
            run = self._list("runs")[:1]
            if run and run[0]["id"] != last_run and run[0]["reason"]:
                return int(run[0]["id"])
            sleep(LOOK_SECONDS)
        raise RuntimeError(f"No new suggestions within {LONGEST_ROUND:g} s after {self.documents} documents.")

    def _until_over(self, run: int, since: float) -> None:
        while self.client("GET", f"/runs/{run}")["state"] in ("queued", "running"):
            if perf_counter() - since > LONGEST_ROUND:
                raise RuntimeError(f"Run {run} does not end.")
            sleep(LOOK_SECONDS)

    def _live(self) -> int | None:
        return next((version["number"] for version in self.versions() if version["live"]), None)

    def versions(self) -> list[dict[str, Any]]:
        """The versions of the project's model."""
        return self._list("versions")

    def _list(self, what: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.client("GET", f"/projects/{self.project}/{what}")["items"]
        return items


def _phases(run: dict[str, Any], submitted: float, seconds: float) -> Phases:
    """The run's own times beside the client's: both are of one machine's clock."""
    started, ended = (datetime.fromisoformat(run[name]).timestamp() for name in ("started_at", "finished_at"))
    shown = max(submitted + seconds - ended, 0.0)
    return Phases(max(started - submitted, 0.0), ended - started, shown, run["metrics"].get("cpu_seconds"))


def measure(learner: Learner, goals: list[int]) -> Iterator[Figure]:
    """The first round at or after each goal; the rounds between are walked, too, as people would."""
    ahead = sorted(goals)
    for round_ in learner.rounds():
        if round_.documents < ahead[0]:
            continue
        goal = ahead.pop(0)
        ended = "" if round_.promoted else "; the gate kept the older version"
        note = f"at {round_.documents} documents; {round_.phases}; {scores(round_.metrics)}{ended}"
        what = f"submit to new suggestions, after {goal} documents"
        yield Figure(what, round_.seconds, "s", AIMS.get(goal), note=note)
        for one in round_.metrics.get("phases", ()):
            yield Figure(f"of that, after {goal} documents: {one['phase']}", one["seconds"], "s")
        if not ahead:
            return


def scores(metrics: dict[str, Any]) -> str:
    """The held-out scores in a few words."""
    told = [f"{metrics.get('held_out', 0)} held out"]
    spans = metrics.get("spans")
    if spans:
        told.append(f"span F1 {spans['f1']:.2f}")
    told += [f"{name} {found['accuracy']:.2f}" for name, found in (metrics.get("questions") or {}).items()]
    return ", ".join(told)
