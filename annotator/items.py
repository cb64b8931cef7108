"""An answer taken apart into items that can be compared: with another answer, or with what a model says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from words.edges import trimmed

SPAN, CHOICE, RELATION = "span", "choice", "relation"
# What an item is about: (start, end) of a span, (question,), or (start, end, start, end) of a relation's head and tail.
Place = tuple[Any, ...]
Item = tuple[str, Place, str]


@dataclass(frozen=True)
class Change:
    """One place that two answers differ in; no label: nothing there."""

    kind: str
    place: Place
    before: str | None
    after: str | None

    @property
    def labels(self) -> set[str]:
        return {label for label in (self.before, self.after) if label is not None}


def items_of(answer: Mapping[str, Any], text: str | None = None) -> set[Item]:
    """All that an answer says, in pieces. With its text, spans lie without the white space at their edges, as they must
    where people are compared: that somebody took a space along is no other opinion. Models take none.
    """
    spans = answer["spans"]
    places = [(span["start"], span["end"]) for span in spans]
    if text is not None:
        places = [trimmed(text, *place) for place in places]
    found: set[Item] = {(SPAN, place, span["label"]) for place, span in zip(places, spans, strict=True)}
    found |= {(CHOICE, (question,), name) for question, names in answer["classes"].items() for name in names}
    for relation in answer["relations"]:
        found.add((RELATION, (*places[relation["head"]], *places[relation["tail"]]), relation["label"]))
    return found


def changed(before: set[Item], after: set[Item]) -> list[Change]:
    """What one has and the other has not, in the order of the text; another label at the same place is one change."""
    lost, gained = _by_place(before - after), _by_place(after - before)
    found = []
    for kind, place in sorted(
        {*lost, *gained}, key=lambda where: (where[0], [str(part).zfill(9) for part in where[1]])
    ):
        old, new = lost.get((kind, place), []), gained.get((kind, place), [])
        for row in range(max(len(old), len(new))):
            found.append(Change(kind, place, *(labels[row] if row < len(labels) else None for labels in (old, new))))
    return found


def agreement(one: set[Item], other: set[Item]) -> float:
    """The F1 of one answer against the other; two that say nothing agree."""
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0


def _by_place(items: Iterable[Item]) -> dict[tuple[str, Place], list[str]]:
    found: dict[tuple[str, Place], list[str]] = {}
    for kind, place, label in sorted(items, key=lambda item: item[2]):
        found.setdefault((kind, place), []).append(label)
    return found
