"""Labelled lines: reading them, and what is asked of them."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.ml import characters as ch
from trainer.ml.schema import Question
from words.edges import trimmed

_SENTENCE_END = re.compile(r"[.!?]\s|[。！？]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_INITIALS = re.compile(r"(?<!\w)(?:[^\W\d_]\.){2,}")


Triple = tuple[int, int, str]  # start, end and label of a span


class DataError(ValueError):
    """A line that cannot be read; says which, and why."""


@dataclass(frozen=True, order=True)
class Span:
    """Code points `start` to `end` (exclusive) of a text."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, order=True)
class Relation:
    """From one span to another, both by their place in the example's spans."""

    head: int
    tail: int
    label: str


@dataclass(frozen=True)
class Disputed:
    """What people answered differently, without a majority: nobody knows whether it is right."""

    spans: frozenset[Span] = frozenset()
    relations: frozenset[tuple[Span, Span, str]] = frozenset()
    questions: frozenset[str] = frozenset()

    @property
    def places(self) -> frozenset[Triple]:
        """Start, end and label of the spans."""
        return frozenset((span.start, span.end, span.label) for span in self.spans)

    def holds(self, head: Triple, tail: Triple, label: str) -> bool:
        """Whether a relation is open: itself, or one of its spans."""
        return bool(self.places & {head, tail}) or (Span(*head), Span(*tail), label) in self.relations


@dataclass(frozen=True)
class Example:
    """One line: a text and what people said of it.

    Where it is not `complete`, what is not marked is unknown. `rejected` spans are known to be wrong exactly as they
    stand: with those edges and that label. What is `disputed` is unknown in any case, and of a question all of it.
    """

    id: str
    text: str
    spans: tuple[Span, ...] = ()
    relations: tuple[Relation, ...] = ()
    rejected: tuple[Span, ...] = ()
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    complete: bool = True
    check: bool = False
    disputed: Disputed = Disputed()

    def answer_to(self, question: Question) -> tuple[str, ...] | None:
        """What was chosen; None where that is not known. Complete and none of several is an answer."""
        if question.name in self.disputed.questions:
            return None
        chosen = self.classes.get(question.name)
        if question.multiple:
            return () if chosen is None and self.complete else chosen
        return chosen or None


def read(path: Path) -> list[Example]:
    """All examples of a JSON Lines file; DataError names the line that is none."""
    with path.open("rb") as file:
        return [_example(given, number) for number, given in objects(file)]


def objects(lines: Iterable[bytes]) -> Iterator[tuple[int, Any]]:
    """What each line that is not blank holds as JSON, and its number from 1."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _value(line, number)


def _value(line: bytes, number: int) -> Any:
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise DataError(f"line {number}: not UTF-8 ({error.reason} at byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise DataError(f"line {number}: not JSON ({error.msg} at character {error.pos})") from None
    except RecursionError:
        raise DataError(f"line {number}: not JSON that can be read (too deep)") from None


def _example(given: Any, number: int) -> Example:
    try:
        return parse(given, f"line-{number}")
    except DataError as error:
        raise DataError(f"line {number}: {error}") from None


def parse(given: Any, default_id: str = "") -> Example:
    """An example from its JSON form."""
    if not isinstance(given, dict):
        raise DataError("not an object")
    text = given.get("text")
    if not isinstance(text, str):
        raise DataError("text: missing or not a string")
    if given.get("offsets") in ("utf16", "utf8"):
        raise DataError(f"offsets: in {given['offsets']} units; only code points are read, as an export has them")
    classes = given.get("classes") or {}
    if not isinstance(classes, dict) or not all(_are_names(chosen) for chosen in [list(classes), *classes.values()]):
        raise DataError("classes: must be an object of lists of choices")
    spans = tuple(_span(span, f"spans[{i}]", text) for i, span in enumerate(_listed(given, "spans")))
    rejected = (_span(span, f"rejected[{i}]", text) for i, span in enumerate(_listed(given, "rejected")))
    return Example(
        id=str(given.get("id", default_id)),
        text=text,
        spans=spans,
        relations=tuple(_relation(one, i, len(spans)) for i, one in enumerate(_listed(given, "relations"))),
        rejected=tuple(span for span in rejected if span not in spans),  # but for white space that somebody took along
        classes={name: tuple(chosen) for name, chosen in classes.items()},
        # A line of several answers is not complete where they differ, but whatever else there is may be known.
        complete=given.get("complete", True) is not False or given.get("exhaustive") is True,
        disputed=_disputed(given, text),
        check=given.get("split") == "check",
    )


def _listed(given: dict[str, Any], name: str) -> list[Any]:
    listed = given.get(name) or []
    if not isinstance(listed, list):
        raise DataError(f"{name}: must be a list")
    return listed


def _disputed(given: dict[str, Any], text: str) -> Disputed:
    spans, relations, questions = set(), set(), set()
    for i, item in enumerate(_listed(given, "disputed")):
        where = f"disputed[{i}]"
        match item:
            case {"kind": "span"}:
                spans.add(_span(item, where, text))
            case {"kind": "relation", "head": head, "tail": tail, "label": str(label)}:
                relations.add((_span(head, f"{where}.head", text), _span(tail, f"{where}.tail", text), label))
            case {"kind": "choice", "question": str(question)}:
                questions.add(question)
            case _:
                raise DataError(f"{where}: is no span, choice or relation")
    return Disputed(frozenset(spans), frozenset(relations), frozenset(questions))


def _are_names(chosen: Any) -> bool:
    return isinstance(chosen, list) and all(_is_name(choice) for choice in chosen)


def _is_name(given: Any) -> bool:
    """A text that UTF-8 can hold: an export carries it."""
    return isinstance(given, str) and not _SURROGATES.search(given)


def _relation(given: Any, index: int, spans: int) -> Relation:
    where = f"relations[{index}]"
    if not isinstance(given, dict) or not _is_name(given.get("label")):
        raise DataError(f"{where}.label: missing or not a string of UTF-8")
    head, tail = (_place(given, name, where, spans) for name in ("head", "tail"))
    if head == tail:
        raise DataError(f"{where}: a span is not related to itself")
    return Relation(head, tail, given["label"])


def _place(given: dict[str, Any], name: str, where: str, spans: int) -> int:
    place = given.get(name)
    if not isinstance(place, int) or not 0 <= place < spans:
        raise DataError(f"{where}.{name}: {place!r} is not the number of one of the {spans} spans")
    return place


def _span(given: Any, where: str, text: str) -> Span:
    if not isinstance(given, dict) or not _is_name(given.get("label")):
        raise DataError(f"{where}.label: missing or not a string of UTF-8")
    start, end = given.get("start"), given.get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        raise DataError(f"{where}: start and end must be whole numbers")
    if not 0 <= start < end <= len(text):
        raise DataError(f"{where}: {start}–{end} is not within the text's {len(text)} characters")
    # White space that was taken along is no part of the words: neither learned, nor held against a model.
    return Span(*trimmed(text, start, end), given["label"])


def encodable(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot hold, replaced one for one."""
    return _SURROGATES.sub("\ufffd", text)


@dataclass(frozen=True)
class Edges:
    """How spans lie in their texts, which decides how to tokenize."""

    inside_words: float  # share of spans that begin or end inside a run of letters or digits
    across_lines: float
    across_sentences: float


def edges(examples: Iterable[Example]) -> Edges:
    """Measure the spans of the examples."""
    total = inside = lines = sentences = 0
    for example in examples:
        for span in example.spans:
            words = example.text[span.start : span.end]
            total += 1
            inside += _splits_run(example.text, span.start) or _splits_run(example.text, span.end)
            lines += len(words.splitlines()) > 1
            sentences += _SENTENCE_END.search(_INITIALS.sub("", words)) is not None
    return Edges(*(count / max(total, 1) for count in (inside, lines, sentences)))


def _splits_run(text: str, at: int) -> bool:
    if not 0 < at < len(text):
        return False
    kinds = ch.tables().kind
    before, after = (int(kinds[min(ord(c), ch.FAR_IDEOGRAPH)]) for c in text[at - 1 : at + 1])
    return before == after and before in (ch.LETTER, ch.DIGIT)
