"""Offsets for clients that do not count code points: UTF-16 units (JavaScript, Java) or UTF-8 bytes (Go, Rust).

Within the product offsets are code points, always. These functions stand at its door.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from annotator.errors import Detail, Invalid

CODE_POINTS = "codepoints"
# Each unit with the encoding that counts it, and the bytes of one.
_ENCODINGS = {"utf16": ("utf-16-le", 2), "utf8": ("utf-8", 1)}
UNITS = (CODE_POINTS, *_ENCODINGS)


def check_unit(unit: str) -> str:
    """The unit, or Invalid when there is no such."""
    if unit not in UNITS:
        reason = f"must be one of {', '.join(UNITS)}"
        raise Invalid("invalid_offsets", f"offsets: {reason}", [{"field": "offsets", "reason": reason}])
    return unit


def to_units(text: str, offsets: Iterable[int], unit: str) -> dict[int, int]:
    """Each code-point offset into ``text``, counted in ``unit``."""
    if _same(text, check_unit(unit)):
        return {offset: offset for offset in offsets}
    encoding, size = _ENCODINGS[unit]
    found: dict[int, int] = {}
    done = units = 0
    for offset in sorted(set(offsets)):
        units += len(text[done:offset].encode(encoding)) // size
        found[offset], done = units, offset
    return found


def from_units(text: str, offsets: Iterable[int], unit: str) -> dict[int, int]:
    """Each offset in ``unit`` as code points. Offsets outside the text, or inside a character, are left out."""
    wanted = sorted(set(offsets))
    if _same(text, check_unit(unit)):
        return {offset: offset for offset in wanted if 0 <= offset <= len(text)}
    encoding, size = _ENCODINGS[unit]
    data = text.encode(encoding)
    found: dict[int, int] = {}
    done = points = 0
    for offset in wanted:
        if not 0 <= offset * size <= len(data):
            continue
        try:
            points += len(data[done : offset * size].decode(encoding))
        except UnicodeDecodeError:
            continue
        found[offset], done = points, offset * size
    return found


def spans_to(spans: Sequence[Mapping[str, Any]], text: str, unit: str) -> list[dict[str, Any]]:
    """The spans (anything with ``start`` and ``end``) with their offsets counted in ``unit``."""
    places = to_units(text, _ends(spans), unit)
    return [{**span, "start": places[span["start"]], "end": places[span["end"]]} for span in spans]


def spans_from(spans: Any, text: str, unit: str) -> Any:
    """Spans sent with offsets in ``unit``, in code points. Raises Invalid naming each that points at no place.

    Spans that are malformed in another way are passed on as they are: checking them is not done here.
    """
    if check_unit(unit) == CODE_POINTS or not isinstance(spans, list):
        return spans
    good = [span for span in spans if _is_span(span)]
    places = from_units(text, _ends(good), unit)
    errors: list[Detail] = [
        {"field": f"spans[{i}].{end}", "reason": f"{span[end]} is no place between two characters, in {unit} units"}
        for i, span in enumerate(spans)
        if _is_span(span)
        for end in ("start", "end")
        if span[end] not in places
    ]
    if errors:
        raise Invalid("invalid_answer", f"{errors[0]['field']}: {errors[0]['reason']}", errors)
    return [
        {**span, "start": places[span["start"]], "end": places[span["end"]]} if _is_span(span) else span
        for span in spans
    ]


def _same(text: str, unit: str) -> bool:
    return unit == CODE_POINTS or text.isascii()


def _ends(spans: Iterable[Mapping[str, Any]]) -> list[int]:
    return [span[end] for span in spans for end in ("start", "end")]


def _is_span(span: Any) -> bool:
    return isinstance(span, Mapping) and all(type(span.get(end)) is int for end in ("start", "end"))
