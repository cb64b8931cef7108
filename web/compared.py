"""Everybody's answers about one document side by side, and the model's; where they differ, and how they came to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from annotator import blinding, consensus
from annotator.models import Annotation, AnnotationRevision, Document, Label, Suggestion, User
from annotator.spans import Schema
from words.edges import trimmed

SHOWN_CHARACTERS = 50_000
SHOWN_REVISIONS = 200

Key = tuple[Any, ...]  # ("span", start, end, label), ("choice", question, label), ("relation", head, tail, label)


@dataclass(frozen=True)
class Column:
    """One answer: a person's, or the model's with its scores."""

    name: str
    state: str
    items: Mapping[Key, float | None]
    annotation: Annotation | None = None


@dataclass(frozen=True)
class Item:
    """One span, choice or relation that somebody marked; a cell a column: False, or True, or the model's score.

    ``differs``: some of those who submitted have it, and others not. Then it is ``disputed``, or a majority decides
    whether it is ``kept``.
    """

    key: Key
    kind: str
    label: str
    color: str
    words: str
    cells: list[tuple[bool, float | None]]
    differs: bool
    disputed: bool
    kept: bool


def document(row: Document, user: User) -> dict[str, Any]:
    """What the page of a document shows to this reviewer. Seven queries, however many people answered.

    What a model says of a held-out document is told only to who answered it already.
    """
    blind = row.split == Document.Split.CHECK and not blinding.has_answered(row, user)
    annotations = list(Annotation.objects.filter(document=row).select_related("annotator").order_by("pk"))
    columns = [
        Column(a.annotator.username, a.state, dict.fromkeys(_of_answer(a.answer, row.text)), a) for a in annotations
    ]
    suggested = Suggestion.objects.filter(document=row, version__isnull=False)
    if row.split == Document.Split.CHECK:
        suggested = suggested.exclude(items=[])  # an empty one says only that somebody had the document open
    columns += [
        Column(f"v{suggestion.version}", "model", dict(_of_suggestion(suggestion.items)))
        for suggestion in suggested.order_by("-version")[: 0 if blind else 1]
    ]
    labels = Label.objects.filter(project=row.project_id).select_related("question")
    colors = {(one.kind, one.question.name if one.question else None, one.name): one.color for one in labels}
    items = _items(row.text, columns, colors, _consensus(annotations, row))
    return {
        "document": row,
        # In pairs: of an object a template would take the key "items" for the method.
        "facts": list(row.meta.items()),
        "columns": columns,
        "items": items,
        "disputed": sum(item.disputed for item in items),
        "differing": sum(item.differs for item in items),
        "submitted": sum(column.state == Annotation.State.SUBMITTED for column in columns),
        "pieces": _pieces(row.text[:SHOWN_CHARACTERS], items),
        "cut": len(row.text) > SHOWN_CHARACTERS,
        "revisions": AnnotationRevision.objects.filter(annotation__in=annotations)
        .select_related("annotation__annotator")
        .order_by("-pk")[:SHOWN_REVISIONS],
    }


def _of_answer(answer: Mapping[str, Any], text: str) -> Iterable[Key]:
    """Spans without the white space at their edges: that somebody took a space along is no other opinion."""
    given = answer.get("spans", [])
    spans = [("span", *trimmed(text, span["start"], span["end"]), span["label"]) for span in given]
    yield from spans
    for question, chosen in answer.get("classes", {}).items():
        yield from (("choice", question, choice) for choice in chosen)
    for relation in answer.get("relations", []):
        yield "relation", spans[relation["head"]][1:3], spans[relation["tail"]][1:3], relation["label"]


def _of_suggestion(items: list[dict[str, Any]]) -> Iterable[tuple[Key, float]]:
    by_id = {item["id"]: item for item in items}
    for item in items:
        if item["kind"] == "span":
            yield ("span", item["start"], item["end"], item["label"]), item["score"]
        elif item["kind"] == "choice":
            yield ("choice", item["question"], item["label"]), item["score"]
        else:
            ends = [(by_id[item[end]]["start"], by_id[item[end]]["end"]) for end in ("head", "tail")]
            yield ("relation", *ends, item["label"]), item["score"]


def _consensus(annotations: list[Annotation], document: Document) -> consensus.Consensus:
    """What the answers say together that were submitted."""
    schema = Schema.of(document.project)
    rows = [
        (document.pk, one.annotator_id, one.answer, one.complete)
        for one in annotations
        if one.state == Annotation.State.SUBMITTED
    ]
    return consensus.of(consensus.given_to(rows, schema).get(document.pk, []), schema, document.text)


def _disputed(item: Mapping[str, Any]) -> Key:
    if item["kind"] == "span":
        return "span", item["start"], item["end"], item["label"]
    if item["kind"] == "choice":
        return "choice", item["question"], item["label"]
    ends = [(item[end]["start"], item[end]["end"]) for end in ("head", "tail")]
    return "relation", *ends, item["label"]


def _items(text: str, columns: list[Column], colors: Mapping[Key, str], together: consensus.Consensus) -> list[Item]:
    """In the order of the text, choices first."""
    disputed = {_disputed(item) for item in together.disputed}
    kept = set(_of_answer(vars(together), text))
    keys = dict.fromkeys(key for column in columns for key in column.items)
    submitted = [column for column in columns if column.state == Annotation.State.SUBMITTED]
    found = []
    for key in sorted(keys, key=_order):
        votes = sum(key in column.items for column in submitted)
        question = key[1] if key[0] == "choice" else None
        found.append(
            Item(
                key=key,
                kind=key[0],
                label=key[-1],
                color=colors.get((key[0], question, key[-1]), "#6b7280"),
                words=_words(text, key),
                cells=[(key in column.items, column.items.get(key)) for column in columns],
                differs=0 < votes < len(submitted),
                disputed=key in disputed,
                kept=key in kept,
            )
        )
    return found


def _order(key: Key) -> tuple[int, str]:
    place = {"choice": (0, key[1]), "span": (1, f"{key[1]:>9}" if key[0] == "span" else ""), "relation": (2, "")}
    return place[key[0]][0], str(place[key[0]][1]) + str(key)


def _words(text: str, key: Key) -> str:
    if key[0] == "choice":
        return str(key[1])
    if key[0] == "span":
        return text[key[1] : key[2]]
    return " → ".join(text[start:end] for start, end in key[1:3])


def _pieces(text: str, items: list[Item]) -> list[dict[str, Any]]:
    """The text cut where spans of people begin and end; each piece knows those that lie on it, and where one ends."""
    spans = [item for item in items if item.kind == "span" and item.key[1] < len(text)]
    cuts = sorted({0, len(text), *(min(place, len(text)) for item in spans for place in item.key[1:3])})
    pieces, open_now, waiting = [], list[Item](), sorted(spans, key=lambda item: item.key[1])
    for start, end in pairwise(cuts):
        while waiting and waiting[0].key[1] <= start:
            open_now.append(waiting.pop(0))
        open_now = [item for item in open_now if item.key[2] > start]
        pieces.append(
            {
                "text": text[start:end],
                "spans": list(open_now),
                "ending": [item for item in open_now if min(item.key[2], len(text)) == end],
                "disputed": any(item.disputed for item in open_now),
            }
        )
    return pieces
