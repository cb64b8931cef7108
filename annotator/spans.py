"""Answers about a text: their form, and the rules that every one of them obeys.

Offsets count Unicode code points (Python's own string indices), end exclusive. The text is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from annotator.errors import Detail, Invalid
from annotator.models import Label, Project


class Span(TypedDict):
    start: int
    end: int
    label: str


class Relation(TypedDict):
    """``head`` and ``tail`` are indices into the answer's spans."""

    head: int
    tail: int
    label: str


class Answer(TypedDict):
    spans: list[Span]
    classes: dict[str, list[str]]
    relations: list[Relation]


@dataclass(frozen=True)
class Choices:
    multiple: bool
    names: frozenset[str]


@dataclass(frozen=True)
class Schema:
    """What a project asks: the labels that its answers may use."""

    spans: frozenset[str] = frozenset()
    questions: Mapping[str, Choices] = field(default_factory=dict)
    relations: frozenset[str] = frozenset()
    allow_overlap: bool = False

    @classmethod
    def of(cls, project: Project) -> Schema:
        """The project's schema, in one query."""
        kinds: dict[str, set[str]] = {"span": set(), "relation": set()}
        multiple: dict[str, bool] = {}
        choices: dict[str, set[str]] = {}
        rows = Label.objects.filter(project=project).values_list("kind", "name", "question__name", "question__multiple")
        for kind, name, question, many in rows:
            if kind == Label.Kind.CHOICE:
                multiple[question] = many
                choices.setdefault(question, set()).add(name)
            else:
                kinds[kind].add(name)
        questions = {q: Choices(multiple[q], frozenset(names)) for q, names in choices.items()}
        return cls(frozenset(kinds["span"]), questions, frozenset(kinds["relation"]), project.allow_overlap)

    def as_json(self) -> dict[str, Any]:
        """The form that training reads."""
        return {
            "spans": sorted(self.spans),
            "relations": sorted(self.relations),
            "questions": {q: {"multiple": c.multiple, "choices": sorted(c.names)} for q, c in self.questions.items()},
        }


def clean_answer(raw: Mapping[str, Any], text: str, schema: Schema) -> Answer:
    """The answer in its one canonical form (spans in text order), or Invalid naming every broken rule."""
    errors: list[Detail] = []
    spans, places = _clean_spans(raw.get("spans") or [], text, schema, errors)
    classes = _clean_classes(raw.get("classes") or {}, schema, errors)
    relations = _clean_relations(raw.get("relations") or [], places, schema, errors)
    if errors:
        first = errors[0]
        raise Invalid("invalid_answer", f"{first['field']}: {first['reason']}", errors)
    return {"spans": spans, "classes": classes, "relations": relations}


def _clean_spans(raw: Any, text: str, schema: Schema, errors: list[Detail]) -> tuple[list[Span], dict[int, int]]:
    """Cleaned spans in text order, and where each given one went (relations point at them)."""
    if not isinstance(raw, list):
        errors.append({"field": "spans", "reason": "must be a list"})
        return [], {}
    good: list[tuple[Span, int]] = []
    for i, item in enumerate(raw):
        reason = _span_fault(item, text, schema)
        if reason:
            errors.append({"field": f"spans[{i}]", "reason": reason})
        else:
            good.append(({"start": item["start"], "end": item["end"], "label": item["label"]}, i))
    good.sort(key=lambda pair: (pair[0]["start"], -pair[0]["end"], pair[0]["label"]))
    _check_neighbours(good, schema.allow_overlap, errors)
    return [span for span, _ in good], {i: place for place, (_, i) in enumerate(good)}


def _span_fault(item: Any, text: str, schema: Schema) -> str:
    if not isinstance(item, Mapping):
        return "must be an object with start, end and label"
    start, end, label = item.get("start"), item.get("end"), item.get("label")
    if type(start) is not int or type(end) is not int:
        return "start and end must be whole numbers"
    if start < 0 or end > len(text):
        return f"{start}–{end} lies outside the text, which has {len(text)} characters"
    if end <= start:
        return f"start {start} must come before end {end}"
    if not isinstance(label, str) or label not in schema.spans:
        return f"there is no span label {label!r} in this project"
    quote = item.get("quote")
    if quote is not None and quote != text[start:end]:
        return f"the quote {str(quote)[:80]!r} is not what the text has there: {text[start:end][:80]!r}"
    return ""


def _check_neighbours(good: list[tuple[Span, int]], allow_overlap: bool, errors: list[Detail]) -> None:
    reach, seen = 0, set()
    for span, i in good:
        key = (span["start"], span["end"], span["label"])
        if key in seen:
            errors.append({"field": f"spans[{i}]", "reason": "is given twice"})
        elif not allow_overlap and span["start"] < reach:
            errors.append({"field": f"spans[{i}]", "reason": "overlaps another; this project allows none"})
        seen.add(key)
        reach = max(reach, span["end"])


def _clean_classes(raw: Any, schema: Schema, errors: list[Detail]) -> dict[str, list[str]]:
    if not isinstance(raw, Mapping):
        errors.append({"field": "classes", "reason": "must map each question to a list of choices"})
        return {}
    classes = {}
    for question, chosen in raw.items():
        reason = _choice_fault(question, chosen, schema)
        if reason:
            errors.append({"field": f"classes.{question}", "reason": reason})
        elif chosen or schema.questions[question].multiple:  # none of several is an answer, too
            classes[question] = sorted(chosen)
    return classes


def _choice_fault(question: Any, chosen: Any, schema: Schema) -> str:
    asked = schema.questions.get(question)
    if asked is None:
        return "there is no such question in this project"
    if not isinstance(chosen, list) or not all(isinstance(c, str) for c in chosen):
        return "must be a list of choices"
    unknown = [c for c in chosen if c not in asked.names]
    if unknown:
        return f"{unknown[0]!r} is not one of its choices"
    if len(set(chosen)) != len(chosen):
        return "has a choice twice"
    if len(chosen) > 1 and not asked.multiple:
        return f"takes one choice, not {len(chosen)}"
    return ""


def _clean_relations(raw: Any, places: Mapping[int, int], schema: Schema, errors: list[Detail]) -> list[Relation]:
    if not isinstance(raw, list):
        errors.append({"field": "relations", "reason": "must be a list"})
        return []
    relations: list[Relation] = []
    seen: set[tuple[int, int, str]] = set()
    for i, item in enumerate(raw):
        reason = _relation_fault(item, places, schema)
        if reason:
            errors.append({"field": f"relations[{i}]", "reason": reason})
            continue
        relation: Relation = {
            "head": places[item["head"]],
            "tail": places[item["tail"]],
            "label": item["label"],
        }
        key = (relation["head"], relation["tail"], relation["label"])
        if key in seen:
            errors.append({"field": f"relations[{i}]", "reason": "is given twice"})
        seen.add(key)
        relations.append(relation)
    return sorted(relations, key=lambda r: (r["head"], r["tail"], r["label"]))


def _relation_fault(item: Any, places: Mapping[int, int], schema: Schema) -> str:
    if not isinstance(item, Mapping):
        return "must be an object with head, tail and label"
    for end in ("head", "tail"):
        if type(item.get(end)) is not int or item[end] not in places:
            return f"{end} must be the index of a valid span of this answer"
    if item["head"] == item["tail"]:
        return "a span cannot be related to itself"
    label = item.get("label")
    if not isinstance(label, str) or label not in schema.relations:
        return f"there is no relation label {label!r} in this project"
    return ""


MAX_TEXT = 1_000_000


def text_fault(text: Any) -> str:
    """Why this cannot be a document's text; empty when it can."""
    if not isinstance(text, str):
        return "must be a string"
    if not text.strip():
        return "is empty"
    if len(text) > MAX_TEXT:
        return f"has {len(text):,} characters; the most is {MAX_TEXT:,}"
    return storable_fault(text)


def storable_fault(text: str) -> str:
    """Why PostgreSQL could not hold this string (NUL, lone surrogates); empty when it can."""
    if "\x00" in text:
        return f"has a NUL character at {text.index(chr(0))}"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"has a lone surrogate, which is no character, at {error.start}"
    return ""
