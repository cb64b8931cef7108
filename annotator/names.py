"""Labels by the names they have today.

A label can be renamed, merged into another and retired, while people have the old label set open, while models
still answer with old names, and while the ledger holds them for ever. So each label remembers its former names, and
whatever comes in under one is read as the label's own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

Name = tuple[str, str | None, str]  # kind, question (of a choice), name

JOINERS = "\u200c\u200d"  # scripts and emoji need them, though they show nothing by themselves
_UNSEEN = {"Cc", "Cf", "Zl", "Zp"}  # controls, marks of direction and the like, separators of lines
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs by their kind that are drawn as nothing


def look(name: str) -> str:
    """What is the same for all names that people take for one: without case, spacing and what does not show."""
    plain = unicodedata.normalize("NFKC", name.translate(dict.fromkeys(map(ord, JOINERS)))).casefold()
    return " ".join(plain.split())


def invisible(name: str) -> str:
    """The first character that a name cannot have because nobody sees it; empty when there is none."""
    return next((one for one in name if _is_unseen(one) and one not in JOINERS), "")


def shows(name: str) -> bool:
    """Whether there is anything to see of it."""
    return not all(_is_unseen(character) or character.isspace() for character in name)


def _is_unseen(character: str) -> bool:
    return character in _BLANK or unicodedata.category(character) in _UNSEEN


@dataclass(frozen=True)
class Names:
    """Which labels are retired, and which names of labels and of questions are former ones of another."""

    retired: frozenset[Name] = frozenset()
    former: Mapping[Name, str] = field(default_factory=dict)
    questions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str | None, str, bool, list[str], list[str] | None]]) -> Self:
        """From each label's kind, question, name, whether it is retired, its former names and those of its question."""
        retired: set[Name] = set()
        former: dict[Name, str] = {}
        questions: dict[str, str] = {}
        for kind, question, name, is_retired, names, asked_before in rows:
            if is_retired:
                retired.add((kind, question, name))
            former |= {(kind, question, old): name for old in names}
            if question is not None:
                questions |= dict.fromkeys(asked_before or (), question)
        return cls(frozenset(retired), former, questions)

    def asked(self, question: str) -> str:
        """The name of a question today."""
        return self.questions.get(question, question)

    def now(self, kind: str, question: str | None, name: str) -> str:
        """The name that this one stands for today: itself, unless it is a former one."""
        return self.former.get((kind, self.asked(question) if question is not None else None, name), name)

    def item(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """A suggested item by the names that its label and its question have today."""
        question = item.get("question")
        named = {**item, "label": self.now(item["kind"], question, item["label"])}
        return named if question is None else {**named, "question": self.asked(question)}

    def items(self, items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Suggested items as they may be shown today: no retired labels, and nothing twice that once had two names."""
        shown: dict[str, dict[str, Any]] = {}
        seen: set[tuple[Any, ...]] = set()
        for item in map(self.item, items):
            question = item.get("question")
            is_relation = item["kind"] == "relation"
            ends = ("head", "tail") if is_relation else ("start", "end")
            key = (item["kind"], question, item["label"], *(item.get(end) for end in ends))
            lost = is_relation and not (item["head"] in shown and item["tail"] in shown)
            if key not in seen and not lost and (item["kind"], question, item["label"]) not in self.retired:
                seen.add(key)
                shown[item["id"]] = item
        return list(shown.values())

    def answer(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """An answer as it was sent, in today's names. What is malformed stays as it is, to be refused by its name."""
        if not self.former and not self.questions:
            return raw
        spans, places = self._spans(raw.get("spans"))
        relations = self._relations(raw.get("relations"), places)
        classes = raw.get("classes")
        if isinstance(classes, Mapping):
            # Whoever sent both names meant today's.
            old_first = sorted(classes, key=lambda question: question not in self.questions)
            classes = {self.asked(question): self._chosen(question, classes[question]) for question in old_first}
        return {**raw, "spans": spans, "classes": classes, "relations": relations}

    def line(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """A line of an export in today's names: its answer, and what is disputed in it."""
        disputed = [self._disputed(item) for item in raw.get("disputed") or ()]
        return {**self.answer(raw), "disputed": disputed} if disputed else self.answer(raw)

    def _disputed(self, item: Mapping[str, Any]) -> dict[str, Any]:
        ends = {end: self._renamed("span", item[end])[0] for end in ("head", "tail") if end in item}
        return {**self.item(item), **ends}

    def _spans(self, raw: Any) -> tuple[Any, dict[int, int]]:
        """Spans by today's names, and where each went: two that have become the same are one."""
        if not isinstance(raw, list):
            return raw, {}
        kept: list[Any] = []
        places: dict[int, int] = {}
        first: dict[tuple[int, int, str], tuple[int, bool]] = {}
        for i, given in enumerate(raw):
            item, renamed = self._renamed("span", given)
            places[i] = len(kept)
            if _is_span(item):
                key = (item["start"], item["end"], item["label"])
                place, was_renamed = first.setdefault(key, (len(kept), renamed))
                if place < len(kept) and (renamed or was_renamed):
                    places[i] = place
                    continue
            kept.append(item)
        return kept, places

    def _relations(self, raw: Any, places: Mapping[int, int]) -> Any:
        if not isinstance(raw, list):
            return raw
        kept: list[Any] = []
        for given in raw:
            item, changed = self._renamed("relation", given)
            if isinstance(item, Mapping):
                moved = {end: places[item[end]] for end in ("head", "tail") if _is_place(item.get(end), places)}
                changed = changed or any(item[end] != place for end, place in moved.items())
                item = {**item, **moved}
            if not (changed and item in kept):
                kept.append(item)
        return kept

    def _renamed(self, kind: str, item: Any) -> tuple[Any, bool]:
        label = item.get("label") if isinstance(item, Mapping) else None
        if not isinstance(label, str) or (kind, None, label) not in self.former:
            return item, False
        return {**item, "label": self.former[kind, None, label]}, True

    def _chosen(self, question: Any, chosen: Any) -> Any:
        if not isinstance(chosen, list) or not all(isinstance(choice, str) for choice in chosen):
            return chosen
        names = [self.now("choice", question, choice) for choice in chosen]
        return names if names == chosen else list(dict.fromkeys(names))


def _is_span(item: Any) -> bool:
    return (
        isinstance(item, Mapping)
        and type(item.get("start")) is type(item.get("end")) is int
        and isinstance(item.get("label"), str)
    )


def _is_place(value: Any, places: Mapping[int, int]) -> bool:
    return type(value) is int and value in places
