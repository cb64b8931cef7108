"""Several people who annotate at once, each a process: how long `next` and submit take, how many get done a second."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from bench.client import Client
from bench.gold import annotate, demo_gold

WARM_UP = 5


@dataclass(frozen=True)
class Worked:
    """What all annotators did together."""

    next_seconds: list[float]
    submit_seconds: list[float]
    per_second: float


def work(url: str, tenant: str, tokens: Sequence[str], project: int, each: int) -> Worked:
    """Everybody answers ``each`` demo mails as fast as the server lets them, after a few to warm up."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(len(tokens)), context.SimpleQueue()
    processes = [
        context.Process(target=_person, args=(url, tenant, token, project, each, barrier, results)) for token in tokens
    ]
    for process in processes:
        process.start()
    done = [results.get() for _ in processes]
    for process in processes:
        process.join()
    seconds = max(end for _, end, _ in done) - min(begin for begin, _, _ in done)
    answered = [answer for _, _, answers in done for answer in answers]
    return Worked([a[0] for a in answered], [a[1] for a in answered], len(answered) / seconds)


def _person(url: str, tenant: str, token: str, project: int, each: int, barrier: Any, results: Any) -> None:
    client = Client(url, tenant, token)
    for _ in range(WARM_UP):
        annotate(client, project, demo_gold)
    barrier.wait()
    begin = perf_counter()
    answers = [answer[:2] for _ in range(each) if (answer := annotate(client, project, demo_gold))]
    results.put((begin, perf_counter(), answers))
