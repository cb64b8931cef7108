"""What each phase of a training costs, told from outside by the progress that it reports."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from time import perf_counter
from typing import Any

import psutil

START = "start"  # Python, the imports and the reading of options: until the first word


class Phases:
    """Listens to a training's stderr, and charges each phase with what was used until the next began.

    A phase that comes again adds up. The last one holds the end of the process, too.
    """

    def __init__(self) -> None:
        self._cpu: defaultdict[str, float] = defaultdict(float)
        self._wall: defaultdict[str, float] = defaultdict(float)
        self._now, self._used, self._since = START, 0.0, perf_counter()

    def listen(self, line: bytes, process: int) -> None:
        """One line of stderr; what is no progress is passed over."""
        phase = _phase(line)
        if phase is None or phase == self._now:
            return
        times = psutil.Process(process).cpu_times()
        self._charge(sum(times[:4]), perf_counter())
        self._now = phase

    def ended(self, cpu_seconds: float) -> dict[str, dict[str, float]]:
        """Seconds of the processor and of the clock by phase, in the order in which they came first."""
        self._charge(cpu_seconds, perf_counter())
        return {name: {"cpu": round(self._cpu[name], 2), "wall": round(self._wall[name], 2)} for name in self._cpu}

    def _charge(self, used: float, now: float) -> None:
        self._cpu[self._now] += used - self._used
        self._wall[self._now] += now - self._since
        self._used, self._since = used, now


def _phase(line: bytes) -> str | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return str(told["phase"]) if isinstance(told, dict) and "phase" in told else None


class Others:
    """What else the machine did meanwhile: the load when it began, and the processors that others kept busy."""

    def __init__(self) -> None:
        self._load = os.getloadavg()[0]
        self._busy, self._since = _busy(), perf_counter()

    def told(self, own_cpu_seconds: float) -> dict[str, float]:
        """`load` is the average over the minute before; `others` counts processors."""
        others = (_busy() - self._busy - own_cpu_seconds) / max(perf_counter() - self._since, 0.01)
        return {"load": round(self._load, 2), "others": round(max(others, 0.0), 2)}


def _busy() -> float:
    times: Any = psutil.cpu_times()
    return float(sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal")))
