"""Colours that stay apart, also for eyes that see red, green or blue less.

Distances are taken in OKLab (Ottosson 2020), where equal distances look about equally different, after the colours are
changed into what such eyes see (Machado, Oliveira and Fernandes 2009, full severity). Plain arithmetic: no library does
both with less than this.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import product
from math import cos, dist, radians, sin

Triple = tuple[float, float, float]

# What each eye makes of linear red, green and blue.
EYES: dict[str, tuple[Triple, Triple, Triple]] = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
# Nearer than this, two labels are easily taken for one another at a glance; 0.02 is what can just be seen side by side.
CLOSE = {"all": 0.08, "red": 0.04, "green": 0.04, "blue": 0.04}

MOST_COMPARED = 40  # so many labels cannot be told apart by colour anyway

_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_FROM_LAB = (
    (1.0, 0.3963377774, 0.2158037573),
    (1.0, -0.1055613458, -0.0638541728),
    (1.0, -0.0894841775, -1.2914855480),
)
_FROM_CONES = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)


def close(one: str, other: str) -> list[str]:
    """For which eyes these two colours are hard to tell apart: ``all``, or those that see ``red``, … less."""
    near = [eye for eye in EYES if dist(seen(one, eye), seen(other, eye)) < CLOSE[eye]]
    return ["all"] if "all" in near else near


def clashes(colors: Sequence[str]) -> list[tuple[int, int, list[str]]]:
    """The pairs of these colours that are close, by their places, and for which eyes."""
    pairs = ((i, j, close(colors[i], colors[j])) for j in range(len(colors)) for i in range(j))
    return [(i, j, eyes) for i, j, eyes in pairs if eyes]


def free(used: Iterable[str], count: int) -> list[str]:
    """So many colours that lie farthest from those in use, and from one another."""
    taken = list(dict.fromkeys(used))[-MOST_COMPARED:]
    found: list[str] = []
    for _ in range(count):
        best = max(candidates(), key=lambda color: room(color, [*taken, *found]))
        found.append(best)
    return found


def room(color: str, others: Sequence[str]) -> float:
    """How far the nearest of the others is, for the eyes that find it hardest; 1 is just far enough."""
    return min(
        (dist(seen(color, eye), seen(other, eye)) / CLOSE[eye] for other in others for eye in EYES),
        default=float("inf"),
    )


@cache
def candidates() -> tuple[str, ...]:
    """Colours that can be read as a line on light and on dark paper."""
    grid = product((0.5, 0.58, 0.66), (0.16, 0.1), range(0, 360, 10))
    return tuple(color for color in (_hex(*lch) for lch in grid) if color)


@cache
def seen(color: str, eye: str) -> Triple:
    """A colour in OKLab, as such eyes see it."""
    linear = [_linear(int(color[i : i + 2], 16) / 255) for i in (1, 3, 5)]
    changed = [min(1.0, max(0.0, part)) for part in _times(EYES[eye], linear)]
    return _times(_TO_LAB, [part ** (1 / 3) for part in _times(_TO_CONES, changed)])


def _hex(lightness: float, chroma: float, hue: float) -> str:
    """sRGB of an OKLCH colour; empty where a screen cannot show it."""
    lab = (lightness, chroma * cos(radians(hue)), chroma * sin(radians(hue)))
    linear = _times(_FROM_CONES, [part**3 for part in _times(_FROM_LAB, lab)])
    if not all(-0.001 <= part <= 1.001 for part in linear):
        return ""
    return "#" + "".join(f"{round(255 * _curved(min(1.0, max(0.0, part)))):02x}" for part in linear)


def _times(matrix: Sequence[Triple], vector: Sequence[float]) -> Triple:
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _curved(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
