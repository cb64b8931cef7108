"""Pictures of numbers as plain SVG. pygal lays them out; colours and letters come from `story.css`, for both themes.

What pygal adds for pages of its own (scripts, styles, tooltips that need them) is taken out again. A picture says
nothing that the table below it does not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any
from xml.etree import ElementTree

import pygal
from django.utils.safestring import SafeString, mark_safe
from pygal.style import Style

# For maps, which nobody draws here, pygal hooks itself into every import, in a way that Python no longer knows.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

WIDTH, WIDE, HEIGHT = 640, 960, 280
# Room for percentages in the large letters of a narrow screen.
MARGINS = {"margin_left": 20, "margin_right": 18, "margin_top": 12, "margin_bottom": 10}
PERCENT = (0.0, 0.25, 0.5, 0.75, 1.0)
MOST_TICKS, MOST_NAMES = 6, 5
_STYLE = Style(label_font_size=14, major_label_font_size=14)
_DROPPED = {"defs", "desc"}


@dataclass(frozen=True)
class Figure:
    """A picture and the numbers in it: caption, what it shows in a sentence, and the table behind it."""

    caption: str
    note: str
    picture: SafeString
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Dot:
    """A point with what the pointer tells over it; a ``strong`` one is filled."""

    x: float
    y: float
    tip: str
    strong: bool = False
    radius: float = 5


def curve(label: str, dots: Sequence[Dot], intervals: Sequence[tuple[float, float]]) -> SafeString:
    """Shares (0 to 1) over a count, each with its interval as an upright line."""
    ticks = round_ticks(max(dot.x for dot in dots))
    chart = _plot(xrange=(0, max(ticks[-1], *(dot.x for dot in dots))), x_labels=ticks, x_value_formatter=_whole)
    upright = zip(dots, intervals, strict=True)
    chart.add("interval", _pieces((dot.x, low, dot.x, high) for dot, (low, high) in upright), show_dots=False)
    chart.add("score", [_point(dot) for dot in dots])
    return _svg(chart, label, "curve")


def calibration(label: str, dots: Sequence[Dot]) -> SafeString:
    """How often answers were right (up) by the score that they had (along); the diagonal is where they should lie."""
    halves = [0, 0.5, 1]
    chart = _plot(
        width=300,
        height=300,
        margin_right=30,
        xrange=(0, 1),
        x_labels=halves,
        y_labels=halves,
        x_value_formatter=_percent,
    )
    chart.add("ideal", [(0, 0), (1, 1)], show_dots=False)
    chart.add("interval", _pieces((dot.x, dot.y, dot.x, dot.x) for dot in dots), show_dots=False)
    chart.add("score", [_point(dot) for dot in dots], stroke=False)
    return _svg(chart, label, "reliability")


def bars(label: str, names: Sequence[str], counts: Sequence[int], tips: Sequence[str]) -> SafeString:
    """A bar for each name; of many names only some are written out."""
    each = -(-len(names) // MOST_NAMES)
    ticks = round_ticks(max(max(counts, default=0), 1))
    chart = pygal.Bar(
        **_common() | {"width": WIDE},
        range=(0, max(ticks[-1], max(counts, default=0))),
        x_labels=list(names),
        x_labels_major=[name for place, name in enumerate(names) if (len(names) - 1 - place) % each == 0],
        show_minor_x_labels=False,
        y_labels=ticks,
        value_formatter=_whole,
        truncate_label=-1,
    )
    chart.add("count", [{"value": count, "tooltip": tip} for count, tip in zip(counts, tips, strict=True)])
    return _svg(chart, label, "bars")


def line(label: str, names: Sequence[str], dots: Sequence[Dot]) -> SafeString:
    """Shares (0 to 1) in the order of names, evenly spaced; ``x`` of a dot is the place of its name."""
    each = -(-len(names) // MOST_NAMES)
    places = [place for place in range(len(names)) if (len(names) - 1 - place) % each == 0]
    chart = _plot(
        xrange=(-0.5, len(names) - 0.5),
        x_labels=[{"label": names[place], "value": place} for place in places],
        x_value_formatter=_whole,
    )
    chart.add("score", [_point(dot) for dot in dots])
    return _svg(chart, label, "curve")


def round_ticks(most: float) -> list[float]:
    """Zero and at most six round numbers, the last of them not below ``most`` by more than a step."""
    step = 10.0 ** floor(log10(max(most, 1)))
    for part in (0.1, 0.2, 0.25, 0.5, 1, 2):
        if most <= step * part * MOST_TICKS and (step * part) % 1 == 0:
            step *= part
            break
    count = int(most // step)
    return [step * n for n in range(count + (1 if most % step == 0 else 2))]


def _plot(**options: Any) -> Any:
    chosen = _common() | {"y_labels": list(PERCENT)} | options
    return pygal.XY(**chosen, range=(0, 1), value_formatter=_percent, allow_interruptions=True)


def _common() -> dict[str, Any]:
    return {
        "css": [], "js": [], "style": _STYLE, "show_legend": False, "width": WIDTH, "height": HEIGHT, **MARGINS,
    }  # fmt: skip


def _point(dot: Dot) -> Mapping[str, Any]:
    kind = "dot strong" if dot.strong else "dot"
    return {"value": (dot.x, dot.y), "tooltip": dot.tip, "node": {"class": kind, "r": dot.radius}}


def _pieces(ends: Iterable[tuple[float, float, float, float]]) -> list[tuple[float | None, float | None]]:
    """Lines that do not join: from (x, y) to (x, y), each ended by an interruption."""
    found: list[tuple[float | None, float | None]] = []
    for x, y, to_x, to_y in ends:
        found += [(x, y), (to_x, to_y), (None, None)]
    return found


def _svg(chart: Any, label: str, kind: str) -> SafeString:
    root = chart.render_tree()
    _tidy(root)
    root.attrib = {
        "viewBox": root.attrib["viewBox"], "class": f"drawn {kind}", "role": "img", "aria-label": label,
        "xmlns": root.attrib["xmlns"],
    }  # fmt: skip
    return mark_safe(ElementTree.tostring(root, encoding="unicode"))  # noqa: S308 - ElementTree escapes


def _tidy(node: Any) -> None:
    for child in list(node):
        if not isinstance(child.tag, str) or child.tag in _DROPPED or _foreign(node, child):
            node.remove(child)
            continue
        child.attrib.pop("style", None)
        _tidy(child)


def _foreign(node: Any, child: Any) -> bool:
    """Backgrounds, tooltips that only scripts show, and titles that repeat what stands there."""
    kinds = child.attrib.get("class", "").split()
    return bool({"background", "tooltip-overlay", "titles"} & set(kinds)) or (
        child.tag == "title" and "dots" not in node.attrib.get("class", "") and node.tag != "a"
        and "bar" not in node.attrib.get("class", "")
    )  # fmt: skip


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _whole(count: float) -> str:
    return f"{count:,.0f}".replace(",", "\u202f")
