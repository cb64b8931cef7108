"""What is told about a file's rows: each reason for a refusal once, with its number of rows, and what else to know."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from annotator.errors import Detail
from annotator.importing import dismissed, foreign
from annotator.importing.rows import short
from annotator.said import Said

FIRST = 5  # rows of each are named
MOST = 200  # different ones are told
_VARYING = re.compile(r"'(?:[^'\\]|\\.)*'|\d[\d,]*")  # what is in quotes is a name, and stays
_PLACE = re.compile(r"\[\d+\]")


class Note(NamedTuple):
    """Something to know about a row that goes in: one of the sentences below, and what stands in it."""

    code: str
    field: str = ""
    like: str = ""


@dataclass
class Counted:
    """How many rows one thing is told of, and the first of them by their lines (in an array: by their places)."""

    field: str
    reason: str = ""
    code: str = ""
    like: str = ""
    varied: bool = False
    rows: int = 0
    lines: list[int] = dataclasses.field(default_factory=list)

    @property
    def key(self) -> tuple[str, ...]:
        return self.field, _VARYING.sub(_plain, self.reason), self.code, self.like


class Tally:
    """The rows of a file, or of a part of it, by what is told of them: ``reasons`` of refusals, ``notes`` on others."""

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        """``kept`` is what a job keeps as JSON."""
        kept = kept or {}
        self.rows: int = kept.get("rows", 0)
        self.by_item: bool = kept.get("by_item", False)  # rows are named by their places in an array, not by lines
        self._counted = {one.key: one for one in (Counted(**given) for given in kept.get("told", ()))}

    def as_json(self) -> dict[str, Any]:
        return {"rows": self.rows, "by_item": self.by_item, "told": [asdict(one) for one in self._counted.values()]}

    def refused(self, details: Iterable[Detail]) -> None:
        for detail in details:
            self._count(Counted(_PLACE.sub("", detail["field"]), detail["reason"]), detail)

    def noted(self, notes: Iterable[Note], detail: Detail) -> None:
        for note in dict.fromkeys(notes):
            self._count(Counted(short(note.field), code=note.code, like=note.like), detail)

    def add(self, other: Tally) -> None:
        """Count the rows of a later part of the file."""
        self.rows += other.rows
        self.by_item |= other.by_item
        for key, one in other._counted.items():
            mine = self._counted.get(key)
            if mine is None:
                if len(self._counted) < MOST:
                    self._counted[key] = replace(one, lines=list(one.lines))
                continue
            mine.rows += one.rows
            mine.lines = (mine.lines + one.lines)[:FIRST]
            mine.varied |= one.varied or mine.reason != one.reason

    def forget_reasons(self) -> None:
        """Reasons quote ids and words of the rows; notes name fields alone."""
        self._counted = {key: one for key, one in self._counted.items() if one.code}

    def reasons(self) -> list[dict[str, Any]]:
        """Each reason with its rows, the most frequent first; ``varied``: the same but for numbers in it."""
        found = sorted((one for one in self._counted.values() if one.reason), key=lambda one: (-one.rows, one.lines))
        names = ("field", "reason", "varied", "rows", "lines")
        return [{name: getattr(one, name) for name in names} for one in found]

    def details(self) -> list[Detail]:
        """Each reason as a detail of an error, with the first row that has it, and how many have."""
        return [_detail(one, self.by_item) for one in sorted(self.reasons(), key=lambda one: one["lines"])]

    def notes(self) -> list[dict[str, Any]]:
        """Each note with its rows and its sentence."""
        found = [one for one in self._counted.values() if one.code]
        found = [one for one in found if one.code != "line" or one.rows * 2 > self.rows]
        names = ("code", "field", "like", "rows", "lines")
        return [
            {name: getattr(one, name) for name in names} | {"message": sentence(Note(one.code, one.field, one.like))}
            for one in found
        ]

    def _count(self, told: Counted, detail: Detail) -> None:
        one = self._counted.get(told.key)
        if one is None:
            if len(self._counted) >= MOST:
                return
            one = self._counted[told.key] = told
        self.by_item |= "item" in detail
        one.rows += 1
        one.varied |= one.reason != told.reason
        if len(one.lines) < FIRST:
            one.lines.append(detail.get("item") or detail["line"])


def _detail(one: Mapping[str, Any], by_item: bool) -> Detail:
    found: Detail = {"field": one["field"], "reason": one["reason"]}
    found = {"item": one["lines"][0], **found} if by_item else {"line": one["lines"][0], **found}
    return found if one["rows"] == 1 else {**found, "rows": one["rows"], "lines": one["lines"]}


def likeness(like: str) -> str:
    """What labels that are not read look like, in words: a shape, or a tool's name."""
    if like == foreign.SPANS:
        return Said("pieces of the text with labels")
    if like == foreign.TAGS:
        return Said("a tag for each token")
    if like == foreign.NAMES:
        return Said("names of this project’s labels")
    return Said("going by its name") if like == foreign.NAMED else like


def sentence(note: Note) -> Said:
    """What a note says to people."""
    field, like = note.field, likeness(note.like)
    match note.code:
        case "unread":
            return Said(
                "The field “%(field)s” seems to hold labels (%(like)s). It is not read: these documents come in"
                " without labels.",
                field=field,
                like=like,
            )
        case "beside":
            return Said(
                "The field “%(field)s” seems to hold labels (%(like)s). It is not read: only the labels in known"
                " fields count.",
                field=field,
                like=like,
            )
        case dismissed.REJECT:
            return Said(
                "“%(field)s” says that these labels are not right: they are not taken, and the documents come in"
                " without labels. A field that says nothing about the labels belongs into `meta`.",
                field=field,
            )
        case dismissed.IGNORE:
            return Said(
                "“%(field)s” says that these rows were left aside: the documents come in without labels. A field that"
                " says nothing about the labels belongs into `meta`.",
                field=field,
            )
        case "binary":
            return Said(
                "These answers are yes or no to one label. Nothing is known of the rest: they are not complete."
            )
        case "empty":
            return Said(
                "“%(field)s” is empty, which alone says nothing: these documents come in without labels.", field=field
            )
        case "unsaid" | "unsaid_relations" | "unsaid_choices":
            return _unsaid(note)
        case "disputed":
            return Said(
                "People’s answers leave something open in these rows. It is not taken: these answers are not complete."
            )
        case "known":
            return Said(
                "These documents were there already, or stand in the file more than once: labels of these rows are not"
                " taken."
            )
        case "edges":
            return Said("Spans begin or end with white space. They are kept exactly as they are.")
        case _:  # told only where most lines look so: one by chance says nothing
            return Said("The lines look like %(like)s, whose tags are not read: each line is a document as it stands.",
                        like=like)  # fmt: skip


def _unsaid(note: Note) -> Said:
    if note.code == "unsaid_choices":
        return Said(
            "Nothing is said about “%(field)s”, where several choices or none may be right: these answers are not"
            " complete.",
            field=note.field,
        )
    if note.code == "unsaid_relations":
        return Said("Nothing is said about relations, which this project asks for: these answers are not complete.")
    return Said("Nothing is said about spans, which this project asks for: these answers are not complete.")


def _plain(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("'") else "#"
