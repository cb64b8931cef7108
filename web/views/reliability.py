"""The geometry of a reliability picture: how sure a model said it was, and how often it was right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

SIDE, LEFT, TOP = 180.0, 34.0, 8.0
SMALLEST, LARGEST = 3.0, 8.0


@dataclass(frozen=True)
class Bin:
    """Answers of similar scores, in numbers for the table and in places for the picture."""

    low: float
    high: float
    count: int
    score: float
    right: float
    radius: float

    @property
    def x(self) -> float:
        return LEFT + SIDE * self.score

    @property
    def y(self) -> float:
        return _y(self.right)

    @property
    def y_wished(self) -> float:
        """Where it would lie if the scores were right."""
        return _y(self.score)


@dataclass(frozen=True)
class Reliability:
    """Of one kind of answer. Errors are expected calibration errors, None where there was nothing to measure."""

    title: str
    error: float | None
    error_before: float | None
    events: int
    bins: list[Bin]
    left: float = LEFT
    right: float = LEFT + SIDE
    top: float = TOP
    base: float = TOP + SIDE
    width: float = LEFT + SIDE + 10
    height: float = TOP + SIDE + 36
    middle: float = LEFT + SIDE / 2

    @property
    def points(self) -> str:
        """By how many percentage points scores are off, on average."""
        return f"{100 * (self.error or 0):.1f}"

    @property
    def points_before(self) -> str:
        return f"{100 * (self.error_before or 0):.1f}"

    @property
    def ticks(self) -> list[tuple[str, float, float]]:
        """Text, x and y of the marks along both sides."""
        return [(f"{percent}", LEFT + SIDE * percent / 100, _y(percent / 100)) for percent in (0, 50, 100)]


def reliabilities(metrics: Mapping[str, Any]) -> list[Reliability]:
    """Of spans, each question and relations, as far as the version's metrics tell of them."""
    known = metrics.get("calibration") or {}
    reports = [("Spans", known.get("spans")), *(known.get("questions") or {}).items()]
    reports.append(("Relations", known.get("relations")))
    return [_reliability(title, report) for title, report in reports if report and report["events"]]


def _reliability(title: str, report: Mapping[str, Any]) -> Reliability:
    most = max((one["count"] for one in report["bins"]), default=1)
    bins = [Bin(**one, radius=max(SMALLEST, LARGEST * sqrt(one["count"] / most))) for one in report["bins"]]
    return Reliability(title, report["ece"], report["ece_before"], report["events"], bins)


def _y(share: float) -> float:
    return TOP + SIDE * (1 - share)
