"""Answers about a text: their form, and the rules that every one of them obeys.

Offsets count Unicode code points (Python's own string indices), end exclusive. The text is never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from annotator.errors import Detail, Invalid
from annotator.models import Label, Project
from annotator.names import Names
from annotator.said import Said


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
    """What a project asks: the labels that its answers may use.

    All labels are in it, because what was answered stays; ``names`` knows those that are not given any more. ``pairs``
    are the labels that a relation may join, where not any.
    """

    spans: frozenset[str] = frozenset()
    questions: Mapping[str, Choices] = field(default_factory=dict)
    relations: frozenset[str] = frozenset()
    allow_overlap: bool = False
    names: Names = field(default_factory=Names)
    pairs: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project) -> Schema:
        """The project's schema, in one query."""
        rows = list(Label.objects.filter(project=project).select_related("question"))
        kinds: dict[str, set[str]] = {"span": set(), "relation": set()}
        multiple: dict[str, bool] = {}
        choices: dict[str, set[str]] = {}
        for label in rows:
            if label.question:
                multiple[label.question.name] = label.question.multiple
                choices.setdefault(label.question.name, set()).add(label.name)
            else:
                kinds[label.kind].add(label.name)
        return cls(
            frozenset(kinds["span"]),
            {question: Choices(multiple[question], frozenset(names)) for question, names in choices.items()},
            frozenset(kinds["relation"]),
            project.allow_overlap,
            Names.of(map(_named, rows)),
            pairs_by_name(rows),
        )

    def gives(self, kind: str, question: str | None, name: str) -> bool:
        """Whether this label can be given today."""
        asked = self.questions.get(question) if question is not None else None
        known = {"span": self.spans, "relation": self.relations}.get(kind, asked.names if asked else frozenset())
        return name in known and (kind, question, name) not in self.names.retired

    def joins(self, relation: str, head: str, tail: str) -> bool:
        """Whether this relation may go from the one span label to the other."""
        return relation not in self.pairs or (head, tail) in self.pairs[relation]

    def as_json(self) -> dict[str, Any]:
        """The form that training reads."""
        return {
            "spans": sorted(self.spans),
            "relations": sorted(self.relations),
            "questions": {q: {"multiple": c.multiple, "choices": sorted(c.names)} for q, c in self.questions.items()},
        }


def _named(label: Label) -> tuple[str, str | None, str, bool, list[str], list[str] | None]:
    """A label as Names wants it."""
    asked = label.question
    named = (asked.name, asked.former) if asked else (None, None)
    return label.kind, named[0], label.name, label.retired, label.former, named[1]


def pairs_by_name(labels: Iterable[Label]) -> dict[str, frozenset[tuple[str, str]]]:
    """The pairs of span labels that each relation may join, for those that may not join any."""
    labels = list(labels)
    names = {label.pk: label.name for label in labels}
    return {
        label.name: frozenset((names[head], names[tail]) for head, tail in label.pairs)
        for label in labels
        if label.kind == Label.Kind.RELATION and label.pairs
    }


def clean_answer(raw: Mapping[str, Any], text: str, schema: Schema, stood: Sequence[Answer] = ()) -> Answer:
    """The answer in its one canonical form (spans in text order), or Invalid naming every broken rule.

    What stood in this person's answers before (``stood``) may stay, though its label is retired by now or its relation
    does not join such labels any more.
    """
    errors: list[Detail] = []
    raw = schema.names.answer(raw)
    rules = _Rules(schema, frozenset(thing for old in stood for thing in things(old)))
    spans, places = _clean_spans(raw.get("spans") or [], text, rules, errors)
    classes = _clean_classes(raw.get("classes") or {}, rules, errors)
    relations = _clean_relations(raw.get("relations") or [], _Ends(spans, places), rules, errors)
    if errors:
        first = errors[0]
        raise Invalid("invalid_answer", f"{first['field']}: {first['reason']}", errors)
    return {"spans": spans, "classes": classes, "relations": relations}


Thing = tuple[Any, ...]


@dataclass(frozen=True)
class _Rules:
    """What may be said: what the schema gives today, and what stood before."""

    schema: Schema
    stood: frozenset[Thing]

    def retired(self, kind: str, question: str | None, label: str, thing: Thing) -> str:
        """Why this label cannot be given here; empty when it can."""
        if (kind, question, label) not in self.schema.names.retired or thing in self.stood:
            return ""
        return Said("the label %(label)s is retired: it is not given any more", label=repr(label))

    def disjoint(self, label: str, head: Span, tail: Span, thing: Thing) -> str:
        """Why this relation cannot join these spans; empty when it can."""
        if self.schema.joins(label, head["label"], tail["label"]) or thing in self.stood:
            return ""
        allowed = ", ".join(f"{one} to {other}" for one, other in sorted(self.schema.pairs[label]))
        return Said(
            "%(label)s does not go from %(head)s to %(tail)s, but from %(allowed)s",
            label=repr(label),
            head=head["label"],
            tail=tail["label"],
            allowed=allowed,
        )


@dataclass(frozen=True)
class _Ends:
    """The cleaned spans, and where each given one went."""

    spans: list[Span]
    places: Mapping[int, int]

    def of(self, item: Mapping[str, Any]) -> tuple[Span, Span]:
        return self.spans[self.places[item["head"]]], self.spans[self.places[item["tail"]]]


def things(answer: Answer) -> Iterator[Thing]:
    """Each thing that an answer says, as a value."""
    spans = [_place(span) for span in answer["spans"]]
    yield from (("span", *span) for span in spans)
    for question, chosen in answer["classes"].items():
        yield from (("choice", question, choice) for choice in chosen)
    for relation in answer["relations"]:
        yield "relation", spans[relation["head"]], spans[relation["tail"]], relation["label"]


def _clean_spans(raw: Any, text: str, rules: _Rules, errors: list[Detail]) -> tuple[list[Span], dict[int, int]]:
    """Cleaned spans in text order, and where each given one went (relations point at them)."""
    if not isinstance(raw, list):
        errors.append({"field": "spans", "reason": "must be a list"})
        return [], {}
    good: list[tuple[Span, int]] = []
    for i, item in enumerate(raw):
        reason = _span_fault(item, text, rules)
        if reason:
            errors.append({"field": f"spans[{i}]", "reason": reason})
        else:
            good.append(({"start": item["start"], "end": item["end"], "label": item["label"]}, i))
    good.sort(key=lambda pair: (pair[0]["start"], -pair[0]["end"], pair[0]["label"]))
    _check_neighbours(good, rules.schema.allow_overlap, errors)
    return [span for span, _ in good], {i: place for place, (_, i) in enumerate(good)}


def _span_fault(item: Any, text: str, rules: _Rules) -> str:
    fault = span_fault(item, text, rules.schema)
    if fault:
        return fault
    start, end, label = item["start"], item["end"], item["label"]
    return rules.retired("span", None, label, ("span", start, end, label))


def span_fault(item: Any, text: str, schema: Schema) -> str:
    """Why this is no span of the text with a label of the project; empty when it is one."""
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
            errors.append({"field": f"spans[{i}]", "reason": Said("overlaps another; this project allows none")})
        seen.add(key)
        reach = max(reach, span["end"])


def _clean_classes(raw: Any, rules: _Rules, errors: list[Detail]) -> dict[str, list[str]]:
    if not isinstance(raw, Mapping):
        errors.append({"field": "classes", "reason": "must map each question to a list of choices"})
        return {}
    classes = {}
    for question, chosen in raw.items():
        reason = _choice_fault(question, chosen, rules)
        if reason:
            errors.append({"field": f"classes.{question}", "reason": reason})
        elif chosen or rules.schema.questions[question].multiple:  # none of several is an answer, too
            classes[question] = sorted(chosen)
    return classes


def _choice_fault(question: Any, chosen: Any, rules: _Rules) -> str:
    asked = rules.schema.questions.get(question)
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
        return Said("takes one choice, not %(count)s", count=str(len(chosen)))
    faults = (rules.retired("choice", question, choice, ("choice", question, choice)) for choice in chosen)
    return next(filter(None, faults), "")


def _clean_relations(raw: Any, ends: _Ends, rules: _Rules, errors: list[Detail]) -> list[Relation]:
    if not isinstance(raw, list):
        errors.append({"field": "relations", "reason": "must be a list"})
        return []
    relations: list[Relation] = []
    seen: set[tuple[int, int, str]] = set()
    for i, item in enumerate(raw):
        reason = _relation_fault(item, ends, rules)
        if reason:
            errors.append({"field": f"relations[{i}]", "reason": reason})
            continue
        relation: Relation = {
            "head": ends.places[item["head"]],
            "tail": ends.places[item["tail"]],
            "label": item["label"],
        }
        key = (relation["head"], relation["tail"], relation["label"])
        if key in seen:
            errors.append({"field": f"relations[{i}]", "reason": "is given twice"})
        seen.add(key)
        relations.append(relation)
    return sorted(relations, key=lambda r: (r["head"], r["tail"], r["label"]))


def _relation_fault(item: Any, ends: _Ends, rules: _Rules) -> str:
    if not isinstance(item, Mapping):
        return "must be an object with head, tail and label"
    for end in ("head", "tail"):
        if type(item.get(end)) is not int or item[end] not in ends.places:
            return f"{end} must be the index of a valid span of this answer"
    if ends.places[item["head"]] == ends.places[item["tail"]]:
        return Said("a span cannot be related to itself")
    label = item.get("label")
    if not isinstance(label, str) or label not in rules.schema.relations:
        return f"there is no relation label {label!r} in this project"
    head, tail = ends.of(item)
    thing = ("relation", _place(head), _place(tail), label)
    return rules.retired("relation", None, label, thing) or rules.disjoint(label, head, tail, thing)


def _place(span: Span) -> tuple[int, int, str]:
    return span["start"], span["end"], span["label"]


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
        return Said("has a NUL character at %(place)s", place=str(text.index(chr(0))))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return Said("has a lone surrogate, which is no character, at %(place)s", place=str(error.start))
    return ""
