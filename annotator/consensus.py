"""What the answers of several people to one document say together, item by item.

An item (a span, a choice, a relation) has a vote from each person whose answer says something about it: *for* it from
who marked it, *against* it from whose complete answer lacks it. What is missing in an answer that is not complete is
unknown and no vote, unless that person turned it down when a model suggested it, or the same words have another label
there that cannot stand beside it. What most votes are for is kept, what most are against is dropped; where neither is
more, the item is disputed, and nobody knows.

Where answers differ, spans are taken without the white space at their edges: that somebody took a space along is no
other opinion.

A question that takes one choice is one vote a person, and a complete answer that leaves it open votes for that. Without
more than half of the votes on one choice it is left unanswered, and all that was chosen is disputed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotator import suggestions
from annotator.items import CHOICE, RELATION, SPAN, Item, items_of
from annotator.spans import Answer, Schema, Span, Thing, things
from words.edges import trimmed


@dataclass(frozen=True)
class Given:
    """One person's answer, and whether whatever is not marked in it is nothing. ``turned_down``: what they said is
    wrong, when a model suggested it (suggestions.turned_down)."""

    answer: Answer
    complete: bool
    turned_down: frozenset[Thing] = frozenset()


def given_to(rows: Iterable[tuple[int, int, Answer, bool]], schema: Schema) -> dict[int, list[Given]]:
    """What people gave, by document: of (document, person, answer, complete), in their order. One query at most, for a
    complete answer says by itself what is wrong."""
    rows = list(rows)
    partly = {document for document, _, _, complete in rows if not complete}
    wrong = suggestions.turned_down(partly, schema) if partly else {}
    found: dict[int, list[Given]] = {}
    for document, person, answer, complete in rows:
        said = wrong.get((document, person), frozenset())
        found.setdefault(document, []).append(Given(answer, complete, said))
    return found


@dataclass
class Consensus:
    """What is kept, and what is disputed. ``exhaustive``: whatever is neither of both is nothing."""

    spans: list[Span] = field(default_factory=list)
    classes: dict[str, list[str]] = field(default_factory=dict)
    relations: list[dict[str, Any]] = field(default_factory=list)
    disputed: list[dict[str, Any]] = field(default_factory=list)
    exhaustive: bool = True
    text: str = ""

    @property
    def complete(self) -> bool:
        return self.exhaustive and not self.disputed

    def says(self, item: Item) -> bool | None:
        """Whether an item is right; None where nobody knows."""
        if item in items_of(vars(self), self.text):
            return True
        return False if self.exhaustive and item not in set(map(_item, self.disputed)) else None


@dataclass(frozen=True)
class _Votes:
    """How many are for an item, and against it."""

    given: Sequence[Given]
    said: Sequence[frozenset[Thing]]
    allow_overlap: bool

    def on(self, thing: Thing) -> tuple[int, int]:
        pros = cons = 0
        for one, said in zip(self.given, self.said, strict=True):
            if thing in said:
                pros += 1
            elif one.complete or thing in one.turned_down or self._cannot_stand_beside(thing, said):
                cons += 1
        return pros, cons

    def _cannot_stand_beside(self, thing: Thing, said: frozenset[Thing]) -> bool:
        return thing[0] == "span" and not self.allow_overlap and any(_overlap(thing, other) for other in said)


def of(given: Sequence[Given], schema: Schema, text: str) -> Consensus:
    """What these answers about the text, one a person, say together; of none: nothing."""
    found = Consensus(exhaustive=all(one.complete for one in given), text=text)
    if not given:
        return found
    if all(one.answer == given[0].answer for one in given):
        answer = given[0].answer
        found.spans, found.classes = answer["spans"], answer["classes"]
        found.relations = [dict(relation) for relation in answer["relations"]]
        return found
    votes = _Votes(given, [frozenset(things(_trimmed(one.answer, text))) for one in given], schema.allow_overlap)
    every = set().union(*votes.said)
    _spans(found, votes, (thing for thing in every if thing[0] == "span"))
    _relations(found, votes, (thing for thing in every if thing[0] == "relation"))
    for question in sorted({question for one in given for question in one.answer["classes"]}):
        asked = schema.questions.get(question)
        (_several if asked and asked.multiple else _single)(found, votes, question)
    return found


def _trimmed(answer: Answer, text: str) -> Answer:
    spans = []
    for span in answer["spans"]:
        start, end = trimmed(text, span["start"], span["end"])
        spans.append(Span(start=start, end=end, label=span["label"]))
    return Answer(spans=spans, classes=answer["classes"], relations=answer["relations"])


def _spans(found: Consensus, votes: _Votes, spans: Iterable[Thing]) -> None:
    for thing in sorted(spans, key=lambda span: (span[1], -span[2], span[3])):
        pros, cons = votes.on(thing)
        if pros > cons:
            found.spans.append(_span(thing[1:]))
        elif pros == cons:
            found.disputed.append({"kind": "span", **_span(thing[1:]), **_counted(pros, cons)})


def _relations(found: Consensus, votes: _Votes, relations: Iterable[Thing]) -> None:
    """A relation is known only between spans that are kept."""
    places = {(span["start"], span["end"], span["label"]): place for place, span in enumerate(found.spans)}
    disputed = []
    for _, head, tail, label in sorted(relations):
        if head == tail:  # two spans that are one but for white space
            continue
        pros, cons = votes.on(("relation", head, tail, label))
        if pros > cons and head in places and tail in places:
            found.relations.append({"head": places[head], "tail": places[tail], "label": label})
        elif pros >= cons:
            ends = {"head": _span(head), "tail": _span(tail)}
            disputed.append({"kind": "relation", **ends, "label": label, **_counted(pros, cons)})
    found.relations.sort(key=lambda one: (one["head"], one["tail"], one["label"]))
    found.disputed += disputed


def _several(found: Consensus, votes: _Votes, question: str) -> None:
    """Of a question that takes several choices, each is an item of its own."""
    chosen = sorted({choice for one in votes.given for choice in one.answer["classes"].get(question, ())})
    counts = {choice: votes.on(("choice", question, choice)) for choice in chosen}
    kept = [choice for choice, (pros, cons) in counts.items() if pros > cons]
    disputed = {choice: count for choice, count in counts.items() if count[0] == count[1]}
    if kept or not disputed:
        found.classes[question] = kept
    found.disputed += _choices(question, disputed)


def _single(found: Consensus, votes: _Votes, question: str) -> None:
    told = [tuple(one.answer["classes"].get(question, ())) for one in votes.given]
    counts = Counter(choice for choice, one in zip(told, votes.given, strict=True) if choice or one.complete)
    most, all_votes = counts.most_common(1)[0] if counts else ((), 0), counts.total()
    against = {
        choice: sum(not choice_given and not one.complete and ("choice", question, *choice) in one.turned_down
                    for choice_given, one in zip(told, votes.given, strict=True))
        for choice in counts
    }  # fmt: skip
    if 2 * most[1] > all_votes + against.get(most[0], 0):
        if most[0]:
            found.classes[question] = list(most[0])
    else:
        named = {
            choice[0]: (count, all_votes - count + against[choice])
            for choice, count in sorted(counts.items())
            if choice
        }
        found.disputed += _choices(question, named)


def _choices(question: str, counts: Mapping[str, tuple[int, int]]) -> list[dict[str, Any]]:
    return [
        {"kind": "choice", "question": question, "label": choice, **_counted(*count)}
        for choice, count in counts.items()
    ]


def _counted(pros: int, cons: int) -> dict[str, int]:
    return {"for": pros, "against": cons}


def _span(place: Sequence[Any]) -> Span:
    return {"start": place[0], "end": place[1], "label": place[2]}


def _item(disputed: Mapping[str, Any]) -> Item:
    if disputed["kind"] == "choice":
        return CHOICE, (disputed["question"],), disputed["label"]
    if disputed["kind"] == "span":
        return SPAN, (disputed["start"], disputed["end"]), disputed["label"]
    places = (disputed[end][edge] for end in ("head", "tail") for edge in ("start", "end"))
    return RELATION, tuple(places), disputed["label"]


def _overlap(span: Thing, other: Thing) -> bool:
    return bool(other[0] == "span" and span[1] < other[2] and other[1] < span[2])
