"""What the API takes and gives in the annotator's round, described for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from web.api.schemas import Document, Error, Given, Text

Key = Annotated[StrictInt, Field(ge=1, lt=2**63)]


class SpanGiven(Given):
    start: StrictInt
    end: StrictInt = Field(description="Exclusive.")
    label: str
    quote: str | None = Field(None, description="What the text has there; refused if it has something else.")


class RelationGiven(Given):
    head: StrictInt = Field(description="Index into spans.")
    tail: StrictInt
    label: str


class TermGiven(Given):
    start: StrictInt
    end: StrictInt = Field(description="Exclusive.")
    label: str
    source: Literal["accepted", "list", "document"] = Field(
        description="As it was suggested; document: the words of a mark in this very document, found by your program."
    )


class DecisionGiven(Given):
    suggestion: StrictInt | None = Field(None, description="The suggestion's id.")
    item: Text | None = Field(None, examples=["s0"])
    term: TermGiven | None = Field(
        None, description="Instead of these two: what the dictionary suggested. It goes on record by your decision."
    )
    verdict: Literal["accept", "reject", "correct", "leave"] = Field(description="leave: seen, and left alone.")
    correction: dict[Text, StrictInt | Text | None] | None = Field(
        None,
        max_length=8,
        description="What a corrected item became.",
        examples=[{"start": 0, "end": 8, "label": "PERSON"}],
    )
    milliseconds: StrictInt | None = Field(None, description="From shown to decided.")


class AnnotationGiven(Given):
    submit_id: UUID = Field(description="Made by you, once an act: sending it again changes nothing.")
    revision: StrictInt = Field(0, description="The revision this was made from; 0 when there was none.")
    state: Literal["draft", "submitted", "skipped"] = "submitted"
    complete: StrictBool = Field(True, description="Whether whatever is not marked is none; false: it is unknown.")
    extra: StrictBool = Field(
        False, description="Whether you mean to add an answer to a document that has its answers, and was never yours."
    )
    flag: Literal["", "flagged", "help"] = Field("", description="Wants another look, or needs help.")
    comment: Text = Field("", description="To whoever looks at it later; of a skip, the reason. 2,000 characters.")
    milliseconds: StrictInt | None = Field(None, description="For how long you worked on the document, in all.")
    spans: list[SpanGiven] = []
    classes: dict[str, list[str]] = Field({}, examples=[{"topic": ["billing"]}])
    relations: list[RelationGiven] = []
    decisions: list[DecisionGiven] = Field([], description="Verdicts on suggested items. A draft keeps them.")
    beside: list[Key] = Field(
        [], max_length=8, description="Documents that you have at hand: the answer has their `terms` as of now."
    )


class Span(Schema):
    start: int
    end: int
    label: str


class Relation(Schema):
    head: int
    tail: int
    label: str


class DecidedTerm(Span):
    source: Literal["accepted", "list", "document"]


class Decided(Schema):
    suggestion: int | None = None
    item: str | None = None
    term: DecidedTerm | None = Field(None, description="Instead of these two, of what the dictionary suggested.")
    verdict: Literal["accept", "reject", "correct", "leave"]
    correction: dict[str, int | str | None] | None = None
    milliseconds: int | None = None


class AnnotationAsItCounts(Schema):
    document: int
    revision: int
    state: Literal["draft", "submitted", "skipped"]
    stands: Literal["", "submitted", "skipped"] = Field(
        description="What counts: a draft over an answer that was submitted or skipped leaves that one standing."
    )
    complete: bool
    flag: Literal["", "flagged", "help"]
    comment: str
    milliseconds: int | None
    spans: list[Span]
    classes: dict[str, list[str]]
    relations: list[Relation]
    submit_id: UUID
    updated_at: datetime


class Annotation(AnnotationAsItCounts):
    decisions: list[Decided] = Field(description="The verdicts in your draft; once submitted they are on record.")


class AnnotationAnswer(Schema):
    annotation: Annotation | None = Field(description="Yours; null when there is none yet.")


class Conflict(Error):
    """What you sent no longer fits the state of things."""

    current: Annotation | None = Field(description="The annotation as it stands, when yours was stale.")


class SuggestedItem(Schema):
    id: str = Field(examples=["s0"])
    kind: Literal["span", "choice", "relation"]
    label: str
    score: float
    start: int | None = None
    end: int | None = None
    question: str | None = None
    head: str | None = Field(None, description="Of a relation: the id of the suggested span where it starts.")
    tail: str | None = None


class Suggestion(Schema):
    id: int
    version: int
    items: list[SuggestedItem] = Field(description="Empty: the model looked, and is sure enough of nothing.")


class SuggestedTerm(Span):
    score: float = Field(description="How often people took it, of all times; not calibrated as a model's scores are.")
    source: Literal["accepted", "list"] = Field(description="Marked by people before, or in the term list alone.")
    times: int = Field(description="How often the words were marked so.")


class AnnotationTaken(AnnotationAnswer):
    terms: dict[str, list[SuggestedTerm]] = Field(
        description="What the dictionary suggests by now in those documents of `beside` that no model has looked at."
    )


class SuggestionAnswer(Schema):
    state: Literal["ready", "pending", "no_model", "blind"] = Field(
        description="pending: a worker was asked, look again soon. blind: a held-out document never has any. To "
        "annotators, who are not told which ones those are, it is pending like any other, then ready, with no items."
    )
    version: int | None = Field(description="The live version.")
    suggestion: Suggestion | None
    terms: list[SuggestedTerm] = Field(
        description="What the dictionary suggests until the live model has looked; none in a held-out document."
    )


class Lease(Schema):
    expires_at: datetime


class NextAsked(Given):
    held: list[Key] = Field(default=[], max_length=100, description="Documents you have at hand: it will be another.")
    ahead: StrictInt = Field(default=0, ge=0, le=5, description="How many more you want for after it.")


class Left(Given):
    documents: list[Key] = Field(max_length=100, description="Those that you have done nothing with.")


class Handed(Schema):
    document: Document
    lease: Lease
    suggestion: SuggestionAnswer
    annotation: Annotation | None = Field(description="Your draft, if you began one.")


class Next(Schema):
    document: Document | None
    reason: Literal["", "done", "taken", "skipped", "held", "empty", "archived"] = Field(
        description="Why there is none: all done by you or enough others, or in your hands; the rest is with others; "
        "you skipped what is left; you hold as many leases as one may; no documents; the project is archived."
    )
    lease: Lease | None
    suggestion: SuggestionAnswer | None
    annotation: Annotation | None = Field(description="Your draft, if you began one.")
    ahead: list[Handed] = Field(description="Those after it, as many as you asked for and are left.")


class OwnFilters(Given):
    state: Literal["draft", "submitted", "skipped"] | None = Field(
        None, description="draft: also answers that you began to change."
    )
    flag: Literal["flagged", "help", "any"] | None = None
    cursor: Text = Field("", max_length=40, description="The `next` of the page before.")
    limit: int = Field(50, ge=1, le=200)


class Own(Schema):
    document: int
    external_id: str
    title: str = Field(description="What pages call it: its id, or its first words where its file gave none.")
    excerpt: str = Field(description="The first 200 characters.")
    state: Literal["draft", "submitted", "skipped"]
    stands: Literal["", "submitted", "skipped"]
    complete: bool
    flag: Literal["", "flagged", "help"]
    comment: str
    updated_at: datetime


class OwnWork(Schema):
    items: list[Own]
    next: str | None = Field(description="Send it as `cursor` to go on; null at the end.")


class AnnotationOf(AnnotationAsItCounts):
    annotator: str


class Annotations(Schema):
    items: list[AnnotationOf]
