"""What a person does with a document at the desk: decides on what is suggested, and marks by hand what is missing.

    counts, turned_down = at_the_desk(text, gold, suggested)

They go from top to bottom. Whatever they marked or accepted is suggested wherever else its words stand in that text
(``web/static/web/desk/terms.js``, of which this is the rule), and decided on, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from annotator.dictionary.folding import Folded
from annotator.dictionary.lookup import Known, found_in, suggestible

Place = tuple[int, int, str]  # start, end and label of a span


class Counts(NamedTuple):
    """What it came to: suggestions decided on and right, how many of them were repeats of marks, and marks by hand."""

    shown: int
    right: int
    repeated: int
    repeated_right: int
    by_hand: int


def at_the_desk(text: str, gold: Collection[Place], suggested: Iterable[Place]) -> tuple[Counts, set[Place]]:
    """What a person does who ends with the gold spans, given what is suggested at first; and what they turned down."""
    sheet = _Sheet(Folded(text), set(gold), set(suggested))
    sheet.work()
    return sheet.counts(), sheet.turned_down


@dataclass
class _Sheet:
    text: Folded
    gold: set[Place]
    suggested: set[Place]
    marked: set[Place] = field(default_factory=set)
    turned_down: set[Place] = field(default_factory=set)
    by_hand: int = 0

    def work(self) -> None:
        while (pending := self._pending()) | self.gold - self.marked:
            place = min(pending | self.gold - self.marked)
            if place in self.gold:
                self.by_hand += place not in pending
                self.marked.add(place)
            else:
                self.turned_down.add(place)

    def counts(self) -> Counts:
        decided = len(self.marked) - self.by_hand + len(self.turned_down)
        first = self.suggested & (self.marked | self.turned_down)
        right = len(self.marked) - self.by_hand
        return Counts(decided, right, decided - len(first), right - len(first & self.gold), self.by_hand)

    def _pending(self) -> set[Place]:
        """What is suggested by now, and not decided on yet."""
        first = self.suggested - self.marked - self.turned_down
        taken = self.marked | self.turned_down | self.suggested
        again: set[Place] = set()
        for place in (place for mark in sorted(self.marked) for place in self._again(mark)):
            if not any(_meet(place, other) for other in taken | again):
                again.add(place)
        return first | again

    def _again(self, mark: Place) -> list[Place]:
        """Where the words of a mark stand, unless they are turned down more often there than marked."""
        start, end, label = mark
        term = self.text.term(start, end)
        places = [(first, last, label) for first, last in _everywhere(self.text, term[1])] if term else []
        rejected, marked = (sum(place in of for place in places) for of in (self.turned_down, self.marked))
        return places if rejected <= marked else []


def _everywhere(text: Folded, words: str) -> Iterator[tuple[int, int]]:
    free = 0
    for token, (start, _) in enumerate(text.places):
        until = text.reaches(words, token)
        if until is not None and start >= free:
            free = text.places[until][1]
            yield start, free


def _meet(one: Place, other: Place) -> bool:
    return one[0] < other[1] and other[0] < one[1]


class Terms:
    """The dictionary of a project, as far as answers have taught it."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str, str], list[int]] = {}  # head, words and label: accepted, turned down

    def learn(self, text: str, gold: Iterable[Place], turned_down: Iterable[Place]) -> None:
        """From an answer, and what its annotator turned down."""
        folded = Folded(text)
        for column, places in enumerate((gold, turned_down)):
            for start, end, label in places:
                term = folded.term(start, end)
                if term and (column == 0 or (*term, label) in self.known):
                    self.known.setdefault((*term, label), [0, 0])[column] += 1

    def suggested(self, text: str) -> list[dict[str, Any]]:
        """Spans that it suggests in a text."""
        rows = [
            (head, Known(words, label, *counts, listed=False)) for (head, words, label), counts in self.known.items()
        ]
        return list(found_in(Folded(text), suggestible(rows)))
