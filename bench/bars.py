"""Stacked horizontal bars as SVG, without a library: small, still text, and legible on light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT = 820, 96, 56
BAR, GAP, GROUP, TOP = 24, 8, 30, 44
LINE, COLUMNS = 20, 4  # of the legend
PER_CHARACTER = 6.2  # pixels of a figure, about
# Of like lightness, so that white figures stand on each; neighbours differ in hue.
COLOURS = (
    "#5b6b7f",
    "#2f7d8c",
    "#3c7a4b",
    "#8a7a1e",
    "#a8562a",
    "#a2425f",
    "#7b53a6",
    "#4a63b5",
    "#2d6fa3",
    "#4f7f73",
    "#8b6f5c",
    "#777777",
)
STYLE = """
    text { font: 12px system-ui, sans-serif; fill: #24292f }
    .paper { fill: #ffffff } .quiet { fill: #57606a } .axis { stroke: #d0d7de }
    .on { fill: #ffffff; text-anchor: middle }
    .title { font-weight: 600 } .end { text-anchor: end }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .paper { fill: #0d1117 } .quiet { fill: #9198a1 } .axis { stroke: #3d444d } .on { fill: #ffffff }
    }
"""


@dataclass(frozen=True)
class Bar:
    """One bar of a group: what it is called, and its parts in order."""

    group: str
    name: str
    parts: Mapping[str, float]


def drawn(title: str, bars: Sequence[Bar]) -> str:
    """The picture. All bars have one scale, so that they can be compared; parts that are nothing are left out."""
    shown = [name for name in dict.fromkeys(part for bar in bars for part in bar.parts) if _any(bars, name)]
    colours = dict(zip(shown, COLOURS, strict=False))
    longest = max((sum(bar.parts.values()) for bar in bars), default=1.0) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / longest
    drawing, y, group = [f'<text class="title" x="16" y="26">{escape(title)}</text>'], TOP, ""
    for bar in bars:
        if bar.group != group:
            group = bar.group
            y += GROUP
            drawing.append(f'<text class="quiet" x="{LEFT}" y="{y - 9}">{escape(group)}</text>')
        drawing += _bar(bar, y, scale, colours)
        y += BAR + GAP
    drawing.append(f'<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="{TOP + GROUP - 4}" y2="{y}"/>')
    legend = _legend(colours, y + 26)
    height = y + 26 + LINE * -(-len(colours) // COLUMNS)
    told = f'role="img" aria-label="{escape(title)}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {told}>',
            f"  <style>{STYLE}  </style>",
            f'  <rect class="paper" width="{WIDTH}" height="{height}"/>',
            *(f"  {element}" for element in [*drawing, *legend]),
            "</svg>\n",
        ]
    )


def _any(bars: Sequence[Bar], part: str) -> bool:
    return any(round(bar.parts.get(part, 0.0), 1) > 0 for bar in bars)


def _bar(bar: Bar, y: int, scale: float, colours: Mapping[str, str]) -> list[str]:
    middle = y + BAR / 2 + 4
    drawing = [f'<text class="end" x="{LEFT - 8}" y="{middle:g}">{escape(bar.name)}</text>']
    x = float(LEFT)
    for part, colour in colours.items():
        value = bar.parts.get(part, 0.0)
        width = max(value, 0.0) * scale
        if width <= 0:
            continue
        figure = f"{value:.1f}"
        hint = f"<title>{escape(part)}: {figure} s</title>"
        drawing.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}">{hint}</rect>')
        if width > PER_CHARACTER * len(figure) + 4:
            drawing.append(f'<text class="on" x="{x + width / 2:.1f}" y="{middle:g}">{figure}</text>')
        x += width
    total = sum(bar.parts.values())
    return [*drawing, f'<text x="{x + 8:.1f}" y="{middle:g}">{total:.1f} s</text>']


def _legend(colours: Mapping[str, str], top: int) -> list[str]:
    drawing = []
    column = (WIDTH - LEFT - 16) / COLUMNS
    for index, (name, colour) in enumerate(colours.items()):
        x, y = LEFT + column * (index % COLUMNS), top + LINE * (index // COLUMNS)
        drawing.append(f'<rect x="{x:.0f}" y="{y - 9}" width="10" height="10" rx="2" fill="{colour}"/>')
        drawing.append(f'<text class="quiet" x="{x + 16:.0f}" y="{y}">{escape(name)}</text>')
    return drawing
