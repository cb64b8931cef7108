"""What somebody decided about a row as a whole where it is no yes: its labels were rejected, or the row left aside.

Tools write that in many ways: Prodigy's ``answer``, Label Studio's ``was_cancelled``, a ``status`` of Argilla, a flag
such as ``is_valid``. No such row is a label, whatever stands in its fields, and neither is a span that was turned down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

REJECT, IGNORE = "reject", "ignore"

_SAID = {
    **dict.fromkeys(("reject", "rejected"), REJECT),
    **dict.fromkeys(("ignore", "ignored", "skip", "skipped", "discard", "discarded"), IGNORE),
}
# Words that are a verdict only where a field can be about nothing else: an order may be cancelled, too.
_SAID_OF_LABELS = _SAID | {
    **dict.fromkeys(("no", "false", "wrong", "incorrect", "invalid", "declined", "denied", "disapproved"), REJECT),
    **dict.fromkeys(("cancel", "cancelled", "canceled"), IGNORE),
}
_ABOUT_ANYTHING = frozenset(("status", "state"))
_ABOUT_LABELS = frozenset((
    "accept", "answer", "annotationstate", "annotationstatus", "decision", "judgement", "judgment", "labelstatus",
    "qastatus", "recordstatus", "responsestatus", "review", "reviewdecision", "reviewstate", "reviewstatus",
    "validation", "validationstatus", "verdict",
))  # fmt: skip
_YES_IS_GOOD = frozenset((
    "accept", "accepted", "answer", "approved", "correct", "isaccepted", "isapproved", "iscorrect", "isvalid", "valid",
))  # fmt: skip
_YES_IS_BAD = {
    **dict.fromkeys(("invalid", "isinvalid", "isrejected", "reject", "rejected"), REJECT),
    **dict.fromkeys(
        (
            "cancelled", "canceled", "discard", "discarded", "ignore", "ignored", "iscancelled", "isdiscarded",
            "isignored", "isskipped", "skip", "skipped", "wascancelled", "wasskipped",
        ),
        IGNORE,
    ),
}  # fmt: skip
_NAMES = _ABOUT_ANYTHING | _ABOUT_LABELS | _YES_IS_GOOD | _YES_IS_BAD.keys()
_NO, _YES = ("false", "no", "n", "0", "0.0"), ("true", "yes", "y", "1", "1.0")


def said(row: Mapping[str, Any], answer: Mapping[str, Any] | None = None) -> tuple[str, str]:
    """The verdict (reject or ignore) and the field that says it; empty where none does.

    ``row`` holds the fields that are not read; ``answer`` those that are, in whose items a verdict may stand as well.
    """
    for name, value in row.items():
        if verdict := _verdict(_plain(name), value):
            return verdict, name
    for part, item in _items(answer or {}):
        for name, value in item.items():
            if verdict := _verdict(_plain(name), value):
                return verdict, f"{part}.{name}"
    return "", ""


def _items(answer: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for part in ("spans", "relations"):
        given = answer.get(part)
        yield from ((part, item) for item in (given if isinstance(given, list) else ()) if isinstance(item, Mapping))


def _verdict(name: str, value: Any) -> str:
    if name not in _NAMES or not isinstance(value, str | int | float):
        return ""
    told = str(value).strip().casefold()
    if name in _YES_IS_GOOD and told in _NO:
        return REJECT
    if told in _YES:
        return _YES_IS_BAD.get(name, "")
    words = _SAID_OF_LABELS if name in _ABOUT_LABELS else _SAID if name in _ABOUT_ANYTHING else {}
    return words.get(told, "")


@lru_cache(maxsize=4096)  # the same names stand in row after row
def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
