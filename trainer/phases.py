"""How long each phase of a run takes, kept with the run, and what that says of the time that a run still needs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Seconds = Mapping[str, float]  # by phase, in the order in which they begin

KEPT = "phases"  # in a run's metrics
LEARNING = "train"
WITHIN_LEARNING = ("evaluate",)  # answers out of fold, between two fits
# Of a small project's first run. The seconds hardly matter: what counts is how they compare.
USUAL: Seconds = {
    "snapshot": 0.1, "prepare": 0.5, "train": 4.0, "export": 1.0, "evaluate": 0.4, "suggest": 0.1, "promote": 0.1
}  # fmt: skip
BEGUN = 0.2  # before this share of a run is done, its own pace says nothing
WEIGHT = 0.2  # of the run before: as much as this share of it, done at its pace
OVERDUE = 2.0  # where a phase takes so many times what it took before, nobody knows how long it will be


class Watch:
    """Measures the phases of a run while they go by."""

    def __init__(self, phase: str) -> None:
        self.phase = phase
        self._seconds: dict[str, float] = {phase: 0.0}
        self._since = time.monotonic()

    def enter(self, phase: str) -> bool:
        """Another phase begins; False where that is still the same, or a part of it."""
        if phase == self.phase or (self.phase == LEARNING and phase in WITHIN_LEARNING):
            return False
        now = time.monotonic()
        self._seconds[self.phase] += now - self._since
        self._seconds.setdefault(phase, 0.0)
        self.phase, self._since = phase, now
        return True

    def told(self) -> list[dict[str, Any]]:
        """The seconds so far, as a run keeps them: a list, for the database keeps no order in an object."""
        seconds = self._seconds | {self.phase: self._seconds[self.phase] + time.monotonic() - self._since}
        return [{"phase": phase, "seconds": round(spent, 3)} for phase, spent in seconds.items()]


def read(kept: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    return {one["phase"]: float(one["seconds"]) for one in kept}


def scaled(seconds: Seconds, total: float) -> Seconds:
    """The same shares of another whole."""
    by = total / sum(seconds.values())
    return {phase: spent * by for phase, spent in seconds.items()}


@dataclass(frozen=True)
class Estimate:
    """``share``: of the run that is behind it. ``seconds``: what it still takes, None while that cannot be told."""

    share: float
    seconds: float | None


@dataclass(frozen=True)
class Underway:
    """Where a run is: the seconds of its phases, the phase at hand, and the share of that which its steps tell."""

    spent: Seconds
    phase: str
    steps_done: float | None = None

    def estimate(self, usual: Seconds, *, known: bool) -> Estimate:
        """``usual`` is what the phases take; ``known``: in this project, and not only by their shares."""
        order, whole = list(usual), sum(usual.values())
        at = order.index(self.phase) if self.phase in usual else sum(phase in self.spent for phase in order)
        before, expected = sum(usual[phase] for phase in order[:at]), usual.get(self.phase, 0.0)
        here = self.spent.get(self.phase, 0.0)
        pace = self._pace(before, expected, WEIGHT * whole if known else 0.0)
        done = expected * self.steps_done if self.steps_done is not None else min(expected, here / pace)
        overdue = self.steps_done is None and here > OVERDUE * expected * pace + 1
        told = not overdue and (known or before + done >= BEGUN * whole)
        left = whole - before - done
        return Estimate(min(1.0, (before + done) / whole), left * pace if told else None)

    def _pace(self, before: float, expected: float, weight: float) -> float:
        """How many times as long as usual things take in this run: by what is over and what its steps count."""
        spent = sum(self.spent.values())
        if self.steps_done is None:
            spent -= self.spent.get(self.phase, 0.0)
        expected = before + expected * (self.steps_done or 0.0)
        return (spent + weight) / (expected + weight) if spent > 0 and expected + weight > 0 else 1.0
