"""What a row says about labels: the answer that it makes, if it makes one, and what has to be told about it.

An answer is what somebody said. ``spans``, also an empty list, ``classes`` and ``relations`` that are not empty, and
``complete`` say something. What is empty beside labels that are not read says nothing; nor does what was rejected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from annotator.importing import cells, dismissed, foreign
from annotator.importing.rows import Cell, Refused, Row
from annotator.importing.told import Note, likeness
from annotator.said import Said
from annotator.spans import Answer, Schema
from words.edges import WHITE

UNREAD = "unread_labels"  # the code of a refusal that an option can turn into a document without labels


@dataclass(slots=True)
class Reading:
    """The labels of a row, unchecked, None where it has none; and what is to be told."""

    answer: dict[str, Any] | None
    notes: list[Note] = field(default_factory=list)


def read(row: Row, labels: Collection[str] = (), asked: Collection[str] = ()) -> Reading | Refused:
    """What a row says before its labels are checked; ``labels`` and ``asked`` are what the project's labels (choices
    included) and its questions are called, case-folded.

    Refused where an empty field would say "nothing here" although labels seem to lie in another one.
    """
    if row.like:
        return Reading(None, [Note("line", like=row.like)])
    answer = dict(row.answer) if row.answer is not None else None
    others = foreign.found(row.source, labels, asked)
    verdict, told_by = dismissed.said(row.source, answer)
    if verdict and (answer is not None or others):
        return Reading(None, [Note(verdict, told_by)])
    doubtful = answer is not None and _says_nothing(answer) and [one for one in others if _counts(one, row)]
    if doubtful:
        if not row.may_lose:
            return row.refused(doubtful[0].field, _ask(doubtful[0].like), UNREAD)
        answer = None
    notes = [Note("unread" if answer is None else "beside", one.field, one.like) for one in others if not one.empty]
    if answer is not None and not _says(answer):
        answer = None
        notes += [] if others else [Note("empty", ", ".join(sorted(row.answer or ())))]
    if answer is not None and foreign.is_disputed(row.source):
        notes.append(Note("disputed"))
    return Reading(answer, notes)


def part_cells(answer: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """The answer with the choices that stand in cells of a table as lists."""
    classes = answer.get("classes")
    if not isinstance(classes, dict) or not any(isinstance(given, Cell) for given in classes.values()):
        return answer
    return {**answer, "classes": {asked: _parted(asked, given, schema) for asked, given in classes.items()}}


def completeness(row: Row, given: dict[str, Any], answer: Answer, schema: Schema) -> tuple[bool, list[Note]]:
    """Whether what the row does not mark is nothing: as it says, else where it speaks of all of which a complete answer
    could say "none". ``answer`` is what is ``given``, checked."""
    if row.complete is not None:
        return row.complete, []
    if foreign.is_binary(row.source, given.get("spans")):
        return False, [Note("binary")]
    unsaid = [*_unsaid(given, answer, schema)]
    return not unsaid, unsaid


def _unsaid(given: dict[str, Any], answer: Answer, schema: Schema) -> Iterator[Note]:
    """What the project asks for and nothing is said about. Of a question that takes one choice that is known: it is
    open, whether the answer is complete or not."""
    if schema.spans and given.get("spans") is None:
        yield Note("unsaid")
    if schema.relations and given.get("relations") is None and len(answer["spans"]) > 1:
        yield Note("unsaid_relations")
    for question, asked in schema.questions.items():
        asks = asked.multiple and any(schema.gives("choice", question, choice) for choice in asked.names)
        if asks and question not in answer["classes"]:
            yield Note("unsaid_choices", question)


def edges(answer: Answer, text: str) -> list[Note]:
    """Spans that begin or end with white space are kept as they are, and told."""
    white = any(text[span["start"]] in WHITE or text[span["end"] - 1] in WHITE for span in answer["spans"])
    return [Note("edges")] if white else []


def _says_nothing(answer: dict[str, Any]) -> bool:
    """Whether it would say that there are no spans, or nothing at all, or none of a question's choices."""
    classes = answer.get("classes")
    chosen = any(classes.values()) if isinstance(classes, dict) else classes
    return not answer.get("spans") and ("spans" in answer or not (chosen or answer.get("relations")))


def _says(answer: dict[str, Any]) -> bool:
    return "spans" in answer or any(answer.values())


def _counts(one: foreign.Found, row: Row) -> bool:
    """What is a label's by its name alone, and empty, agrees with a row that says itself that it is complete."""
    return not (one.empty and row.complete)


def _parted(question: str, given: Any, schema: Schema) -> Any:
    if not isinstance(given, Cell):
        return given
    asked = schema.names.asked(question)
    known = schema.questions[asked].names if asked in schema.questions else frozenset()
    former = (name for kind, of, name in schema.names.former if kind == "choice" and of == asked)
    return cells.parted(given, {*known, *former})


def _ask(like: str) -> str:
    return Said(
        "looks like labels (%(like)s), which are not read, while the fields that are read are empty: that would say "
        "“nothing here”. Import such rows without labels (`unread_labels=unlabelled`), write the labels as `spans`, or "
        "put the field into `meta` if it holds none",
        like=likeness(like),
    )
