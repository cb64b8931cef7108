"""The geometry of the one chart there is: a held-out score with its interval, version after version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainer.models import ModelVersion

WIDTH, HEIGHT = 760.0, 230.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 24.0, 22.0, 40.0
MOST_LABELS = 12


@dataclass(frozen=True)
class Point:
    """One version's score, in numbers for the table and in places for the picture."""

    version: ModelVersion
    score: float
    low: float
    high: float
    x: float
    named: bool

    @property
    def y(self) -> float:
        return _y(self.score)

    @property
    def y_low(self) -> float:
        return _y(self.low)

    @property
    def y_high(self) -> float:
        return _y(self.high)

    @property
    def interval(self) -> str:
        return f"{100 * self.low:.0f}–{100 * self.high:.0f}"

    @property
    def percent(self) -> str:
        return f"{100 * self.score:.0f}"


@dataclass(frozen=True)
class Chart:
    title: str
    short: str
    measure: str
    points: list[Point]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT

    @property
    def curve(self) -> str:
        return " ".join(f"{p.x:.1f},{p.y:.1f}" for p in self.points)

    @property
    def band(self) -> str:
        upper = [f"{p.x:.1f},{p.y_high:.1f}" for p in self.points]
        lower = [f"{p.x:.1f},{p.y_low:.1f}" for p in reversed(self.points)]
        return " ".join(upper + lower)

    @property
    def ticks(self) -> list[tuple[str, float]]:
        return [(f"{percent}", _y(percent / 100)) for percent in (0, 25, 50, 75, 100)]

    @property
    def base(self) -> float:
        return HEIGHT - BOTTOM


def charts(versions: Sequence[ModelVersion], *, measured: str = "held_out") -> list[Chart]:
    """Charts of span F1, of answered questions and of relations' F1, each where versions were judged on it.

    ``measured`` says what to go by: on documents that were ``held_out``, or ``out_of_fold`` on those learned from.
    """
    judged = [version for version in versions if version.metrics.get(measured)]
    found = [
        Chart("Spans found exactly", "Spans", "F1", _points(judged, "f1", _span_f1)),
        Chart("Questions answered right", "Questions", "", _points(judged, "accuracy", _accuracy)),
        Chart("Relations found", "Relations", "F1", _points(judged, "relations", _relation_f1)),
    ]
    return [chart for chart in found if chart.points]


def _points(versions: Sequence[ModelVersion], interval: str, score: Any) -> list[Point]:
    judged = [(version, value) for version in versions if (value := score(version.metrics)) is not None]
    step = (WIDTH - LEFT - RIGHT) / max(1, len(judged))
    each = -(-len(judged) // MOST_LABELS)
    points = []
    for place, (version, value) in enumerate(judged):
        low, high = version.metrics.get("intervals", {}).get(interval, (value, value))
        named = (len(judged) - 1 - place) % each == 0
        points.append(Point(version, value, low, high, LEFT + step * (place + 0.5), named))
    return points


def _span_f1(metrics: dict[str, Any]) -> float | None:
    """Where neither the people nor the model marked anything, there is nothing to score."""
    return _f1(metrics.get("spans") or {})


def _relation_f1(metrics: dict[str, Any]) -> float | None:
    return _f1((metrics.get("relations") or {}).get("predicted") or {})


def _f1(scores: dict[str, Any]) -> float | None:
    return float(scores["f1"]) if any(scores.get(count) for count in ("tp", "fp", "fn")) else None


def _accuracy(metrics: dict[str, Any]) -> float | None:
    questions = (metrics.get("questions") or {}).values()
    asked = sum(question["asked"] for question in questions)
    return sum(q["accuracy"] * q["asked"] for q in questions) / asked if asked else None


def _y(score: float) -> float:
    return TOP + (1 - score) * (HEIGHT - TOP - BOTTOM)
