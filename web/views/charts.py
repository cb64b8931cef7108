"""What versions reached, as pictures with their tables: scores by labelled documents, and how far to trust scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trainer.models import ModelVersion
from web import drawing
from web.drawing import Dot, Figure

SMALLEST, LARGEST = 3.0, 8.0


@dataclass(frozen=True)
class Point:
    """One version's score with its interval."""

    version: ModelVersion
    score: float
    low: float
    high: float

    @property
    def interval(self) -> str:
        return f"{100 * self.low:.0f}–{100 * self.high:.0f}"

    @property
    def percent(self) -> str:
        return f"{100 * self.score:.0f}"


@dataclass(frozen=True)
class Curve:
    """The scores of all versions for one kind of question."""

    title: str
    short: str
    measure: str
    points: list[Point]

    def figure(self) -> Figure:
        points = sorted(self.points, key=lambda point: (point.version.examples, point.version.number))
        dots = [Dot(p.version.examples, p.score, _told(p), strong=p.version.live) for p in points]
        label = _("%(title)s in percent, by labelled documents. The table has the numbers.") % {"title": self.title}
        note = _("percent of F1, by labelled documents") if self.measure else _("percent, by labelled documents")
        head = [_("Version"), _("Learned from"), self.short, _("95 %% interval") % ()]
        rows = [[f"v{p.version.number}", str(p.version.examples), p.percent, p.interval] for p in points[::-1]]
        picture = drawing.curve(label, dots, [(point.low, point.high) for point in points])
        return Figure(self.title, note, picture, head, rows)


def _told(point: Point) -> str:
    """What the pointer tells over a dot."""
    learned = ngettext("%(count)d document", "%(count)d documents", point.version.examples)
    return f"v{point.version.number}: {point.percent} % ({point.interval}), " + learned % {
        "count": point.version.examples
    }


def curves(versions: Sequence[ModelVersion], *, measured: str = "held_out") -> list[Curve]:
    """Curves of span F1, of answered questions and of relations' F1, each where versions were judged on it.

    ``measured`` says what to go by: on documents that were ``held_out``, or ``out_of_fold`` on those learned from.
    """
    judged = [version for version in versions if version.metrics.get(measured)]
    found = [
        Curve(_("Spans found exactly"), _("Spans"), "F1", _points(judged, "f1", _span_f1)),
        Curve(_("Questions answered right"), _("Questions"), "", _points(judged, "accuracy", _accuracy)),
        Curve(_("Relations found"), _("Relations"), "F1", _points(judged, "relations", _relation_f1)),
    ]
    return [curve for curve in found if curve.points]


def _points(
    versions: Sequence[ModelVersion], interval: str, score: Callable[[dict[str, Any]], float | None]
) -> list[Point]:
    points = []
    for version in versions:
        value = score(version.metrics)
        if value is not None:
            low, high = version.metrics.get("intervals", {}).get(interval, (value, value))
            points.append(Point(version, value, low, high))
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


@dataclass(frozen=True)
class Reliability:
    """Of one kind of answer: by how many points scores are off, and before calibration; None: too few answers to tell.

    Versions of before 0.5 told the error without its interval, even of a handful of answers.
    """

    figure: Figure
    events: int
    points: str | None
    points_before: str | None
    interval: str | None


def reliabilities(metrics: Mapping[str, Any]) -> list[Reliability]:
    """Of spans, each question and relations, as far as the version's metrics tell of them."""
    known = metrics.get("calibration") or {}
    reports = [(_("Spans"), known.get("spans")), *(known.get("questions") or {}).items()]
    reports.append((_("Relations"), known.get("relations")))
    return [_reliability(title, report) for title, report in reports if report and report["events"]]


def _reliability(title: str, report: Mapping[str, Any]) -> Reliability:
    bins = report["bins"]
    most = max((one["count"] for one in bins), default=1)
    rows = [
        [
            f"{100 * b['low']:.0f}–{100 * b['high']:.0f}",
            f"{100 * b['score']:.0f}",
            f"{100 * b['right']:.0f}",
            str(b["count"]),
        ]
        for b in bins
    ]
    told = _("score %(score)s %%, right %(right)s %%")
    dots = []
    for one, row in zip(bins, rows, strict=True):
        radius = max(SMALLEST, LARGEST * sqrt(one["count"] / most))
        dots.append(Dot(one["score"], one["right"], told % {"score": row[1], "right": row[2]}, True, radius))
    label = _("%(title)s: how often answers are right, by their score. The table has the numbers.") % {"title": title}
    head = [_("Scores"), _("Mean"), _("Right"), _("Answers")]
    figure = Figure(title, _("right, by score"), drawing.calibration(label, dots), head, rows)
    error, before, interval = report["ece"], report["ece_before"], report.get("ece_interval")
    between = "–".join(f"{100 * edge:.1f}" for edge in interval) if interval else None
    return Reliability(figure, report["events"], _in_points(error), _in_points(before), between)


def _in_points(error: float | None) -> str | None:
    return None if error is None else f"{100 * error:.1f}"
