"""What tests of whole processes need: a place for their data, and waiting on a condition instead of for a time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def data_directory() -> Iterator[Path]:
    """A directory of its own: pytest closes the ones it makes to other users, also while another run needs them."""
    with tempfile.TemporaryDirectory(prefix="marginalia-test-") as path:
        yield Path(path)


def until(condition: Callable[[], object], *, seconds: float = 120, what: str = "the condition") -> None:
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
