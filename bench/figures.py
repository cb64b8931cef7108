"""The figures a measurement ends in: a table to read, JSON to compare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured value. ``aim`` is a bound from above, or from below where more is better."""

    what: str
    value: float
    unit: str
    aim: float | None = None
    more_is_better: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.aim is None:
            return None
        return self.value >= self.aim if self.more_is_better else self.value <= self.aim


def percentiles(what: str, seconds: Sequence[float], aim_p95: float | None = None) -> list[Figure]:
    """Median and 95th percentile in milliseconds."""
    p95 = quantiles(seconds, n=20, method="inclusive")[-1]
    note = f"{len(seconds)} calls"
    return [
        Figure(f"{what}, p50", median(seconds) * 1000, "ms", note=note),
        Figure(f"{what}, p95", p95 * 1000, "ms", aim=aim_p95, note=note),
    ]


def table(figures: Iterable[Figure]) -> str:
    """Markdown, with each aim beside its figure."""
    rows = ["| what | measured | aim | met | how |", "|---|---:|---:|:-:|---|"]
    for figure in figures:
        bound = "≥" if figure.more_is_better else "≤"
        aim = "" if figure.aim is None else f"{bound} {_shown(figure.aim)} {figure.unit}"
        met = {None: "", True: "yes", False: "**no**"}[figure.met]
        rows.append(f"| {figure.what} | {_shown(figure.value)} {figure.unit} | {aim} | {met} | {figure.note} |")
    return "\n".join(rows)


def as_json(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    return [asdict(figure) | {"met": figure.met} for figure in figures]


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
