"""CSV for spreadsheets: a table of spans and choices."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from annotator import offsets
from annotator.exporting import cells
from annotator.exporting.formats import Report, Row

_SPAN = ("id", "start", "end", "label", "words")
_STATE = ("state", "complete", "disputed")
_WHO = ("annotator", "revision", "submitted_at")


class Table:
    """A line a span, and one for a document without any; each with the document's choices, a column a question.

    ``state`` and ``complete`` say what an empty cell means: nothing where a submitted answer is complete, else that
    nothing is known; ``disputed``, in how many things people differ. ``questions``: the names of their choices.
    ``raw``: cells as they are, for programs.
    """

    def __init__(
        self,
        questions: Mapping[str, Sequence[str]],
        *,
        people: bool = False,
        unit: str = "codepoints",
        raw: bool = False,
    ) -> None:
        self.questions = questions
        self.people = people
        self.unit = unit
        self.raw = raw
        self.report = Report()

    def head(self) -> str:
        ours, asked = {*_SPAN, *_STATE, *_WHO}, list[str]()
        for name in self.questions:
            while name in ours or name in asked:
                name += " (question)"  # noqa: PLW2901
            asked.append(name)
        return "\ufeff" + self._csv([[*_SPAN, *asked, *_STATE, *(_WHO if self.people else ())]])

    def lines(self, row: Row) -> str:
        self.report.written += 1
        self.report.relations += len(row.get("relations") or [])
        about = [*self._chosen(row), *_state(row), *((row.get(name) for name in _WHO) if self.people else ())]
        found = row.get("spans") or []
        words = [row["text"][span["start"] : span["end"]] for span in found]
        spans = [
            [row["id"], span["start"], span["end"], span["label"], piece, *about]
            for span, piece in zip(offsets.spans_to(found, row["text"], self.unit), words, strict=True)
        ]
        return self._csv(spans or [[row["id"], "", "", "", "", *about]])

    def _chosen(self, row: Row) -> list[str]:
        classes = row.get("classes") or {}
        return [cells.choices(classes.get(question) or [], names) for question, names in self.questions.items()]

    def _csv(self, rows: Sequence[Sequence[Any]]) -> str:
        lines = io.StringIO()
        csv.writer(lines).writerows([self._cell(cell) for cell in row] for row in rows)
        return lines.getvalue()

    def _cell(self, cell: Any) -> Any:
        if self.raw or not isinstance(cell, str):
            return cell
        told = cells.safe(cell)
        self.report.neutralised_cells += told != cell
        return told


def _state(row: Row) -> tuple[str, str, int | str]:
    if "complete" not in row:
        return row.get("state") or "unlabelled", "", ""
    disputed = len(row["disputed"]) if "disputed" in row else ""
    return row.get("state") or "submitted", "true" if row["complete"] else "false", disputed
