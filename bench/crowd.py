"""How long does a new model take to be seen while eight people label? From when its run became due, on one more screen.

The people are processes of their own that answer a document, and then read the next one for some seconds, as people do.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Iterator, Sequence
from datetime import datetime
from time import perf_counter, sleep, time
from typing import Any

from bench.client import Client
from bench.figures import Figure
from bench.gold import annotate, demo_gold
from bench.learning import AIMS, LONGEST_ROUND, LOOK_SECONDS, Learner, scores

READING_SECONDS = 8.0
TIMES = 2  # what it may take of the time that it takes while nobody else labels


@contextlib.contextmanager
def labelling(url: str, tenant: str, tokens: Sequence[str], project: int) -> Iterator[None]:
    """Meanwhile, everybody labels demo mails of a project."""
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    people = [
        context.Process(
            target=_person, args=(url, tenant, token, project, READING_SECONDS * number / len(tokens), over)
        )
        for number, token in enumerate(tokens)
    ]
    for person in people:
        person.start()
    try:
        yield
    finally:
        over.set()
        for person in people:
            person.join()


def _person(url: str, tenant: str, token: str, project: int, first: float, over: Any) -> None:
    client = Client(url, tenant, token)
    wait = first  # not all at once
    while not over.wait(wait):
        annotate(client, project, demo_gold)
        wait = READING_SECONDS


def measure(learner: Learner, goals: Sequence[int]) -> Iterator[Figure]:
    """Of each goal the first model that had learnt from so many documents; others label them meanwhile."""
    ahead = sorted(goals)
    seen = None
    while ahead:
        seen, run, seconds = _next_seen(learner, seen)
        if run["examples"] < ahead[0]:
            continue
        goal = ahead.pop(0)
        note = f"at {run['examples']} documents; {scores(run['metrics'])}"
        what = f"run due to new suggestions, after {goal} documents, beside people who label"
        yield Figure(what, seconds, "s", TIMES * AIMS[goal] if goal in AIMS else None, note=note)


def _next_seen(learner: Learner, seen: int | None) -> tuple[int, dict[str, Any], float]:
    """The next version on the screen, its run, and the seconds since that became due."""
    began = perf_counter()
    document = learner.open_pool_document()
    while perf_counter() - began < LONGEST_ROUND:
        shown = learner.client("GET", f"/documents/{document}/suggestions")
        if shown["state"] == "ready" and shown["version"] != seen:
            now, number = time(), int(shown["version"])
            run = next(version["run"] for version in learner.versions() if version["number"] == number)
            told = learner.client("GET", f"/runs/{run}")
            return number, told, now - datetime.fromisoformat(told["created_at"]).timestamp()
        sleep(LOOK_SECONDS)
    raise RuntimeError(f"No new suggestions within {LONGEST_ROUND:g} s.")
