"""What the API takes and gives, described for OpenAPI. What comes in is strict: an unknown field is an error."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from annotator.spans import storable_fault


def _storable(text: str) -> str:
    fault = storable_fault(text)
    if fault:
        raise ValueError(fault)
    return text


Text = Annotated[str, AfterValidator(_storable)]
Key = Annotated[StrictInt, Field(ge=1, lt=2**63)]


class Given(Schema):
    """Base of all that is sent to us."""

    model_config = ConfigDict(extra="forbid")


class Fault(Schema):
    line: int | None = Field(None, description="Line of an imported file.", examples=[7])
    field: str | None = Field(None, examples=["spans[0]"])
    reason: str = Field(examples=["start 9 must come before end 4"])


class ErrorBody(Schema):
    code: str = Field(description="Stable, for programs.", examples=["stale_revision"])
    message: str = Field(description="A sentence for people.")
    details: list[Fault] = Field(description="What is wrong, and where.")


class Error(Schema):
    """The one shape of every error. Nothing was changed."""

    error: ErrorBody


class LabelGiven(Given):
    name: Text = Field(max_length=100, examples=["PERSON"])
    color: str = Field("", description="Chosen for you when empty.", examples=["#2563eb"])
    key: str = Field("", max_length=1, description="Key that sets it; chosen for you when empty.", examples=["1"])


def _named(label: Any) -> Any:
    return {"name": label} if isinstance(label, str) else label


NamedLabel = Annotated[LabelGiven, BeforeValidator(_named, json_schema_input_type=str | LabelGiven)]


class QuestionGiven(Given):
    name: Text = Field(max_length=100, examples=["topic"])
    multiple: StrictBool = Field(False, description="Whether several choices may be right.")
    choices: list[NamedLabel] = Field(examples=[["billing", "delivery"]])


class ProjectGiven(Given):
    name: Text = Field(max_length=200, examples=["Customer mails"])
    guidelines: Text = Field("", description="What annotators should know.")
    spans: list[NamedLabel] = Field([], description="Labels of spans.", examples=[["PERSON", "PLACE"]])
    relations: list[NamedLabel] = Field([], description="Labels of pairs of spans.", examples=[["lives_in"]])
    questions: list[QuestionGiven] = Field([], description="Questions about a whole document.")
    annotators_per_document: StrictInt = Field(1, description="How many people each document goes to.")
    check_share: float = Field(0.15, description="Share held out, labelled blind, to judge models. 0 to 0.5.")
    random_share: float = Field(0.2, description="Share of the queue drawn at random. 0 to 1.")
    allow_overlap: StrictBool = Field(False, description="Whether spans may overlap.")


class LabelAdded(LabelGiven):
    kind: Literal["span", "relation", "choice"]
    question: Text | None = Field(None, description="Of a choice: the question it answers.")


class Label(Schema):
    id: int
    kind: Literal["span", "relation", "choice"]
    name: str
    color: str
    key: str
    question: str | None


class Question(Schema):
    name: str
    multiple: bool


class ProjectItem(Schema):
    id: int
    name: str
    guidelines: str
    annotators_per_document: int
    check_share: float
    random_share: float
    allow_overlap: bool
    created_at: datetime


class Project(ProjectItem):
    labels: list[Label]
    questions: list[Question]
    live_version: int | None = Field(description="Number of the model version whose suggestions people see.")


class Projects(Schema):
    items: list[ProjectItem]


class Labels(Schema):
    items: list[Label]
    questions: list[Question]


class Me(Schema):
    username: str
    role: str = Field(description="What you may do in this tenant: annotator, reviewer, manager or admin.")
    tenant: str
    tenant_name: str
    by_token: bool


class DocumentItem(Schema):
    id: int
    external_id: str
    split: Literal["pool", "check"] = Field(description="check: held out, labelled without suggestions.")
    excerpt: str = Field(description="The first 200 characters.")
    length: int = Field(description="Characters (code points).")
    done: bool = Field(description="Whether somebody has submitted an answer.")
    open: bool = Field(description="Whether it may still be handed out.")


class Documents(Schema):
    items: list[DocumentItem]
    next: str | None = Field(description="Send it as `cursor` to go on; null at the end.")


class Document(Schema):
    id: int
    project: int
    external_id: str
    text: str
    sha256: str
    meta: Any
    split: Literal["pool", "check"]
    free_slots: int


class SpanGiven(Given):
    start: StrictInt
    end: StrictInt = Field(description="Exclusive.")
    label: str
    quote: str | None = Field(None, description="What the text has there; refused if it has something else.")


class RelationGiven(Given):
    head: StrictInt = Field(description="Index into spans.")
    tail: StrictInt
    label: str


class DecisionGiven(Given):
    suggestion: StrictInt = Field(description="The suggestion's id.")
    item: Text = Field(examples=["s0"])
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
    flag: Literal["", "flagged", "help"] = Field("", description="Wants another look, or needs help.")
    comment: Text = Field("", description="To whoever looks at it later; of a skip, the reason. 2,000 characters.")
    milliseconds: StrictInt | None = Field(None, description="For how long you worked on the document, in all.")
    spans: list[SpanGiven] = []
    classes: dict[str, list[str]] = Field({}, examples=[{"topic": ["billing"]}])
    relations: list[RelationGiven] = []
    decisions: list[DecisionGiven] = Field([], description="Verdicts on suggested items. Not kept with a draft.")


class Span(Schema):
    start: int
    end: int
    label: str


class Relation(Schema):
    head: int
    tail: int
    label: str


class Annotation(Schema):
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


class SuggestionAnswer(Schema):
    state: Literal["ready", "pending", "no_model", "blind"] = Field(
        description="pending: a worker was asked, look again soon. blind: a held-out document never has any."
    )
    version: int | None = Field(description="The live version.")
    suggestion: Suggestion | None


class Lease(Schema):
    expires_at: datetime


class NextAsked(Given):
    held: list[Key] = Field(default=[], max_length=100, description="Documents you have at hand: it will be another.")
    ahead: StrictInt = Field(default=0, ge=0, le=5, description="How many more you want for after it.")


class Handed(Schema):
    document: Document
    lease: Lease
    suggestion: SuggestionAnswer
    annotation: Annotation | None = Field(description="Your draft, if you began one.")


class Next(Schema):
    document: Document | None
    reason: Literal["", "done", "taken", "held", "empty"] = Field(
        description="Why there is none: all done by you or enough others, or in your hands; the rest is with others; "
        "you hold as many leases as one may; no documents."
    )
    lease: Lease | None
    suggestion: SuggestionAnswer | None
    annotation: Annotation | None = Field(description="Your draft, if you began one.")
    ahead: list[Handed] = Field(description="Those after it, as many as you asked for and are left.")


class Imported(Schema):
    rows: int
    new: int
    known: int = Field(description="Were there already, with the same text.")
    refused: int
    errors: list[Fault] = Field(description="The first thousand refusals.")


class Job(Schema):
    id: int
    project: int
    kind: Literal["import", "export"]
    state: Literal["queued", "running", "succeeded", "failed"]
    reason: str
    total_bytes: int
    done_bytes: int
    rows: int
    new: int
    known: int
    refused: int
    errors: list[Fault]
    created_at: datetime
    finished_at: datetime | None


class Counted(Schema):
    name: str
    count: int


class LabelCount(Counted):
    kind: Literal["span", "relation", "choice"]
    question: str | None


class SplitProgress(Schema):
    documents: int
    done: int = Field(description="Documents with a submitted answer.")
    open: int = Field(description="Documents that may still be handed out.")


class Work(Schema):
    username: str
    submitted: int
    skipped: int
    draft: int


class Acceptance(Schema):
    version: int
    accept: int
    reject: int
    correct: int
    leave: int = Field(description="Seen, and left alone.")
    rate: float = Field(description="Accepted, of all that was decided on or left alone.")


class Stats(Schema):
    documents: int
    done: int
    splits: dict[str, SplitProgress]
    labels: list[LabelCount] = Field(description="How often each label stands in submitted answers.")
    annotators: list[Work]
    acceptance: list[Acceptance] = Field(description="What became of each version's suggestions.")
    live_version: int | None
