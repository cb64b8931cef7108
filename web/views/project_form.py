"""The form in which a project and its label set are typed: rows in, the spec of ``create_project`` out.

It works as a plain form: rows left blank count for nothing, and a button asks for more of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from django.http import QueryDict
from django.utils.translation import gettext_lazy

from annotator.errors import Conflict, Detail, Invalid, Refusal
from annotator.projects import COLORS
from annotator.said import Said, here

SPARE = 3  # blank rows that a plain form offers
NUMBERS = (
    (
        "annotators_per_document",
        gettext_lazy("People per document"),
        gettext_lazy("How many label each document, independently."),
    ),
    (
        "check_share",
        gettext_lazy("Held out, in percent"),
        gettext_lazy(
            "Documents labelled without suggestions; every model is judged on them and none learns from them. 0 to 50."
        ),
    ),
    (
        "random_share",
        gettext_lazy("Drawn at random, in percent"),
        gettext_lazy("The rest of the queue begins with what the model is least sure of. 0 to 100."),
    ),
)
# Shares are typed in percent: what is wrong with one is said in percent, too.
PERCENTAGES = {
    "check_share": gettext_lazy("must be a percentage from 0 to 50"),
    "random_share": gettext_lazy("must be a percentage from 0 to 100"),
}


@dataclass
class LabelRow:
    name: str = ""
    color: str = ""
    key: str = ""
    fault: str = ""


@dataclass
class QuestionRow:
    name: str = ""
    multiple: bool = False
    choices: str = ""
    fault: str = ""
    choices_fault: str = ""

    def names(self) -> list[str]:
        return [line.strip() for line in self.choices.splitlines() if line.strip()]


@dataclass
class ProjectForm:
    """What was typed, and what is wrong with it."""

    name: str = ""
    guidelines: str = ""
    annotators_per_document: str = "1"
    check_share: str = "15"
    random_share: str = "20"
    allow_overlap: bool = False
    spans: list[LabelRow] = field(default_factory=list)
    relations: list[LabelRow] = field(default_factory=list)
    questions: list[QuestionRow] = field(default_factory=list)
    more: str = ""
    faults: dict[str, str] = field(default_factory=dict)

    @classmethod
    def blank(cls) -> Self:
        form = cls(spans=[LabelRow(), LabelRow()])
        return form.coloured()

    @classmethod
    def of(cls, sent: QueryDict) -> Self:
        triples = zip(sent.getlist("span_name"), sent.getlist("span_color"), sent.getlist("span_key"), strict=False)
        asked = zip(
            sent.getlist("question_name"), sent.getlist("question_kind"), sent.getlist("question_choices"), strict=False
        )
        form = cls(
            name=sent.get("name", ""),
            guidelines=sent.get("guidelines", ""),
            annotators_per_document=sent.get("annotators_per_document", "1"),
            check_share=sent.get("check_share", "15"),
            random_share=sent.get("random_share", "20"),
            allow_overlap="allow_overlap" in sent,
            spans=[LabelRow(n.strip(), c, k.strip()) for n, c, k in triples if n.strip()],
            relations=[LabelRow(n.strip()) for n in sent.getlist("relation_name") if n.strip()],
            questions=[QuestionRow(n.strip(), kind == "multiple", c) for n, kind, c in asked if n.strip() or c.strip()],
            more=sent.get("more", ""),
        )
        return form._with_spare_rows().coloured() if form.wants_rows else form

    @property
    def numbers(self) -> list[tuple[str, str, str, str, str]]:
        """Field, label, hint, value and fault of each number."""
        faults = in_percent(self.faults)
        return [
            (name, str(label), str(hint), getattr(self, name), faults.get(name, "")) for name, label, hint in NUMBERS
        ]

    @property
    def wants_rows(self) -> bool:
        """Whether a button asked for more rows, not for the project."""
        return self.more in ("spans", "questions", "relations")

    def _with_spare_rows(self) -> Self:
        rows: list[Any] = getattr(self, self.more)
        make = QuestionRow if self.more == "questions" else LabelRow
        rows.extend(make() for _ in range(1 if self.more == "questions" else SPARE))
        return self

    def coloured(self) -> Self:
        """Rows without a colour get the next one."""
        for place, row in enumerate(self.spans):
            row.color = row.color or COLORS[place % len(COLORS)]
        return self

    def spec(self) -> dict[str, Any]:
        """The form that ``create_project`` takes; numbers that are none go through, to be named there."""
        return {
            "name": self.name,
            "guidelines": self.guidelines.replace("\r\n", "\n"),
            "annotators_per_document": number(self.annotators_per_document, int),
            "check_share": share(self.check_share),
            "random_share": share(self.random_share),
            "allow_overlap": self.allow_overlap,
            "spans": [{"name": row.name, "color": row.color, "key": row.key} for row in self.spans],
            "relations": [row.name for row in self.relations],
            "questions": [
                {"name": row.name, "multiple": row.multiple, "choices": row.names()} for row in self.questions
            ],
        }

    def check(self) -> None:
        """What only people at a keyboard need: keys that the desk can tell apart."""
        errors: list[Detail] = []
        taken: dict[str, str] = {}
        for i, row in enumerate(self.spans):
            if row.key and not (row.key.isascii() and row.key.isalnum()):
                reason = Said("its key must be a digit or a letter from a to z")
                errors.append({"field": f"spans[{i}]", "reason": reason})
            elif row.key and row.key.lower() in taken:
                other = taken[row.key.lower()]
                reason = Said("its key %(key)s is that of %(name)s already", key=row.key, name=other)
                errors.append({"field": f"spans[{i}]", "reason": reason})
            taken.setdefault(row.key.lower(), row.name)
        if errors:
            raise Invalid("invalid_project", errors[0]["reason"], errors)

    def take(self, refusal: Refusal) -> None:
        """Put each fault where it belongs; what belongs nowhere stands at the top."""
        if isinstance(refusal, Conflict):
            self.faults["name"] = refusal.said
        for detail in refusal.details:
            self._place(detail.get("field", ""), here(detail.get("reason", "")))
        if not refusal.details and not isinstance(refusal, Conflict):
            self.faults["form"] = refusal.said
        self.coloured()

    def _place(self, path: str, reason: str) -> None:
        kind, _, rest = path.partition("[")
        index, _, part = rest.partition("]")
        rows: list[Any] = getattr(self, kind, None) or [] if kind in ("spans", "relations", "questions") else []
        if not index or int(index) >= len(rows):
            self.faults.setdefault(path if path in self.__dict__ else "form", reason)
        elif part.startswith(".choices"):
            place = part.removeprefix(".choices").strip("[]")
            named = f"“{rows[int(index)].names()[int(place)]}” " if place else ""
            rows[int(index)].choices_fault = named + reason
        else:
            rows[int(index)].fault = reason


def number(typed: str, kind: type[int] | type[float]) -> Any:
    try:
        return kind(typed.strip())
    except ValueError:
        return typed


def in_percent(faults: Mapping[str, str]) -> dict[str, str]:
    """Faults by field, as whoever types percentages understands them."""
    return {name: str(PERCENTAGES.get(name, fault)) for name, fault in faults.items()}


def share(typed: str) -> Any:
    """A percentage as people type it."""
    value = number(typed.replace(",", ".").removesuffix("%"), float)
    return value / 100 if isinstance(value, float) else value
