"""The formats of an export beside JSON lines: a table of spans for spreadsheets, and tokens with tags (CoNLL)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

Row = Mapping[str, Any]
_TOKEN = re.compile(r"\w+|[^\w\s]")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


class Format(Protocol):
    def head(self) -> str: ...
    def lines(self, row: Row) -> str: ...


class Spans:
    """CSV: a line a span, and one for a document without any; each with the document's choices, a column a question."""

    def __init__(self, questions: Sequence[str], *, people: bool) -> None:
        self.questions = questions
        self.people = people

    def head(self) -> str:
        names = ["id", "start", "end", "label", "words", *self.questions]
        return "\ufeff" + _csv([[*names, "annotator", "revision", "submitted_at"] if self.people else names])

    def lines(self, row: Row) -> str:
        classes = row.get("classes") or {}
        chosen = ["; ".join(classes.get(question, [])) for question in self.questions]
        who = [row.get("annotator"), row.get("revision"), row.get("submitted_at")] if self.people else []
        spans = [
            [row["id"], span["start"], span["end"], span["label"], span["words"], *chosen, *who]
            for span in row.get("spans") or []
        ]
        return _csv(spans or [[row["id"], "", "", "", "", *chosen, *who]])


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()


class Conll:
    """A token a line with its tag (B-, I-, O), a blank line between documents, ``# id`` before each.

    Tokens are cut where spans begin and end, so no span is shifted. A tag cannot say that spans overlap: of two that
    do, the one that begins first stands, of those the longer.
    """

    def head(self) -> str:
        return ""

    def lines(self, row: Row) -> str:
        spans = list(_apart(row.get("spans") or []))
        tags = {}
        for span in spans:
            tags[span["start"]] = f"B-{_tag(span['label'])}"
        told = [f"# id = {_tag(row['id'])}"]
        if row.get("annotator"):
            told.append(f"# annotator = {row['annotator']}")
        inside = iter(spans)
        current = next(inside, None)
        for start, end in _tokens(row["text"], {place for span in spans for place in (span["start"], span["end"])}):
            while current and current["end"] <= start:
                current = next(inside, None)
            within = current is not None and current["start"] <= start
            tag = tags.get(start) or (f"I-{_tag(current['label'])}" if within and current else "O")
            told.append(f"{row['text'][start:end]}\t{tag}")
        return "\n".join(told) + "\n\n"


def _apart(spans: Sequence[Row]) -> Iterator[Row]:
    reach = 0
    for span in sorted(spans, key=lambda span: (span["start"], -span["end"])):
        if span["start"] >= reach:
            yield span
            reach = span["end"]


def _tokens(text: str, cuts: set[int]) -> Iterator[tuple[int, int]]:
    for found in _TOKEN.finditer(text):
        start = found.start()
        for end in range(start + 1, found.end() + 1):
            unspaced = _UNSPACED.match(text, end - 1) or _UNSPACED.match(text, end)
            if end == found.end() or end in cuts or unspaced:
                yield start, end
                start = end


def _tag(name: str) -> str:
    """A name without spaces, which would end it."""
    return re.sub(r"\s+", "_", name)
