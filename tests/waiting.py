"""Waiting for what other processes do: on a condition, with a limit, never for a guessed time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import psutil


def until(condition: Callable[[], object], *, seconds: float = 20, what: str = "the condition") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds} s"
        time.sleep(0.02)


def running(pids: Iterable[int]) -> list[str]:
    """Those of the processes that still run (a zombie does not)."""
    found = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{pid} {' '.join(process.cmdline())}")
        except psutil.NoSuchProcess:
            continue
    return found
