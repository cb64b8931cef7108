"""The processes of an install: their memory, their processor time, and how to keep its workers quiet."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator

import psutil

from bench.figures import Figure

MB = 1024 * 1024
WEB_AIM = 150.0
ROLES = ("train", "suggest", "io", "beat")


def memory(launcher: psutil.Process) -> list[Figure]:
    """Proportional and resident memory: shared pages count in parts in the one, in full in the other."""
    sizes: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for process in [launcher, *launcher.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            info = process.memory_full_info()
            sizes[_name(process, launcher)].append((info.pss / MB, info.rss / MB))
    figures = []
    for name in sorted(sizes):
        held = sizes[name]
        together = name in ("postgresql", "redis")
        pss = sum(p for p, _ in held) if together else max(p for p, _ in held)
        count = f"{len(held)} processes{' together' if together else ', the largest'}; " if len(held) > 1 else ""
        aim = WEB_AIM if name == "web worker" else None
        figures.append(
            Figure(f"memory of {name}", pss, "MB PSS", aim, note=f"{count}RSS {max(r for _, r in held):.0f} MB")
        )
    return figures


def processor_seconds(launcher: psutil.Process) -> Counter[str]:
    """What the web workers and PostgreSQL have used so far. Unlike a latency it hardly depends on what else runs."""
    used: Counter[str] = Counter()
    for process in launcher.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            name = _name(process, launcher)
            if name in ("web worker", "postgresql"):
                # With what its ended children used: a database connection is a process that may end meanwhile.
                used[name] += sum(process.cpu_times()[:4])
    return used


@contextlib.contextmanager
def quiet(launcher: psutil.Process) -> Iterator[None]:
    """Stop the train and suggest workers meanwhile, so that web and database are measured alone."""
    workers = [p for p in launcher.children(recursive=True) if _name(p, launcher).startswith(("train", "suggest"))]
    for process in workers:
        process.suspend()
    try:
        yield
    finally:
        for process in workers:
            process.resume()


def _name(process: psutil.Process, launcher: psutil.Process) -> str:
    if process == launcher:
        return "launcher"
    command = " ".join(process.cmdline())
    if "gunicorn" in command:
        return "web master" if process.ppid() == launcher.pid else "web worker"
    for role in ROLES:
        if f"web.worker {role}" in command:
            parent = process.ppid() == launcher.pid
            return role if role == "beat" else f"{role} worker" + (", parent" if parent else ", child")
    if "redis" in command:
        return "redis"
    return "postgresql" if "postgres" in command else process.name()
