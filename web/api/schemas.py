"""What the API takes and gives, described for OpenAPI. What comes in is strict: an unknown field is an error."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from annotator.spans import storable_fault


def _storable(text: str) -> str:
    fault = storable_fault(text)
    if fault:
        raise ValueError(fault)
    return text


Text = Annotated[str, AfterValidator(_storable)]


class Given(Schema):
    """Base of all that is sent to us."""

    model_config = ConfigDict(extra="forbid")


class Fault(Schema):
    line: int | None = Field(None, description="Line of an imported file.", examples=[7])
    item: int | None = Field(None, description="Place in an imported array, from 1.", examples=[3])
    field: str | None = Field(None, examples=["spans[0]"])
    reason: str = Field(examples=["start 9 must come before end 4"])
    rows: int | None = Field(None, description="How many rows of a file have the same, if several do.")
    lines: list[int] | None = Field(None, description="The first of these: lines, or places in an array.")


class ErrorBody(Schema):
    code: str = Field(description="Stable, for programs.", examples=["stale_revision"])
    message: str = Field(description="A sentence for people.")
    details: list[Fault] = Field(description="What is wrong, and where.")


class Error(Schema):
    """The one shape of every error. Nothing was changed."""

    error: ErrorBody


Pending = Literal["leave", "reject", "ask"]
PENDING = "What finishing at the desk does to suggestions that nobody decided on; `ask`: the person says each time."
Pair = Annotated[list[Text], Field(min_length=2, max_length=2, examples=[["PERSON", "PLACE"]])]


class LabelGiven(Given):
    name: Text = Field(max_length=100, examples=["PERSON"])
    color: str = Field("", description="Chosen for you when empty.", examples=["#2563eb"])
    key: str = Field("", max_length=1, description="Key that sets it; chosen for you when empty.", examples=["1"])
    definition: Text = Field("", description="What it means, with examples; 5,000 characters.")


class RelationLabelGiven(LabelGiven):
    pairs: list[Pair] = Field([], description="The span labels it may join, by name; none: any.")


def _named(label: Any) -> Any:
    return {"name": label} if isinstance(label, str) else label


NamedLabel = Annotated[LabelGiven, BeforeValidator(_named, json_schema_input_type=str | LabelGiven)]
NamedRelation = Annotated[RelationLabelGiven, BeforeValidator(_named, json_schema_input_type=str | RelationLabelGiven)]


class QuestionGiven(Given):
    name: Text = Field(max_length=100, examples=["topic"])
    multiple: StrictBool = Field(False, description="Whether several choices may be right.")
    choices: list[NamedLabel] = Field(examples=[["billing", "delivery"]])


class ProjectGiven(Given):
    name: Text = Field(max_length=200, examples=["Customer mails"])
    guidelines: Text = Field("", description="What annotators should know.")
    spans: list[NamedLabel] = Field([], description="Labels of spans.", examples=[["PERSON", "PLACE"]])
    relations: list[NamedRelation] = Field([], description="Labels of pairs of spans.", examples=[["lives_in"]])
    questions: list[QuestionGiven] = Field([], description="Questions about a whole document.")
    annotators_per_document: StrictInt = Field(1, description="How many people each document goes to.")
    check_share: float = Field(0.15, description="Share held out, labelled blind, to judge models. 0 to 0.5.")
    random_share: float = Field(0.2, description="Share of the queue drawn at random. 0 to 1.")
    allow_overlap: StrictBool = Field(False, description="Whether spans may overlap.")
    pending_suggestions: Pending = Field("reject", description=PENDING)
    time_zone: Text = Field("", description="In which days are counted; empty: that of whoever looks.")


class ProjectChanged(Given):
    """What is not sent stays as it is."""

    name: Text | None = Field(None, max_length=200)
    guidelines: Text | None = None
    annotators_per_document: StrictInt | None = Field(None, description="More: documents that are done open again.")
    check_share: float | None = Field(None, description="Of what is imported from now on. 0 to 0.5.")
    random_share: float | None = None
    allow_overlap: StrictBool | None = None
    pending_suggestions: Pending | None = Field(None, description=PENDING)
    show_times: StrictBool | None = Field(None, description="Whether anything tells how long people took.")
    time_zone: Text | None = Field(None, description="In which days are counted; empty: that of whoever looks.")
    archived: StrictBool | None = Field(None, description="Archived: nobody gets its documents; false opens it again.")


class LabelAdded(RelationLabelGiven):
    kind: Literal["span", "relation", "choice"]
    question: Text | None = Field(None, description="Of a choice: the question it answers.")


class LabelChanged(Given):
    """What is not sent stays as it is."""

    name: Text | None = Field(None, max_length=100, description="Rewritten in all answers; the old one is read as it.")
    color: str | None = None
    key: str | None = Field(None, max_length=1)
    definition: Text | None = None
    retired: StrictBool | None = Field(
        None, description="Retired: it stays where it was given and is not given any more."
    )
    pairs: list[Pair] | None = None


class Label(Schema):
    id: int
    kind: Literal["span", "relation", "choice"]
    name: str
    color: str
    key: str
    question: str | None
    definition: str
    retired: bool
    pairs: list[list[str]] = Field(description="Of a relation: the span labels it may join; none: any.")


class LabelEffect(Schema):
    answers: int
    documents: int
    times: int = Field(description="How often it was given, in all.")
    learnt: int = Field(description="Documents that training learns it from.")
    held_out: int = Field(description="Documents that models are judged on.")
    suggested: int = Field(description="How often the newest version suggests it.")
    suggested_in: int


class MergeGiven(Given):
    into: Annotated[StrictInt, Field(ge=1, lt=2**63)]


class QuestionRenamed(Given):
    name: Text = Field(max_length=100)


class Question(Schema):
    id: int
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
    pending_suggestions: Pending = Field(description=PENDING)
    show_times: bool
    time_zone: str
    archived_at: datetime | None = Field(description="Since when nobody gets its documents; null while it is open.")
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
    title: str = Field(description="What pages call it: its id, or its first words where its file gave none.")
    split: Literal["pool", "check"] | None = Field(None, description="check: held out, labelled blind. For reviewers.")
    excerpt: str = Field(description="The first 200 characters.")
    length: int = Field(description="Characters (code points).")
    done: bool = Field(description="Whether it has as many submitted answers as the project wants.")
    answers: int = Field(description="How many it has.")
    open: bool = Field(description="Whether it may still be handed out.")
    facets: list[str] = Field([], description="What is true of its answers, for reviewers: `by:7`, `span:PERSON`, …")
    uncertainty: float | None = Field(None, description="Of the model that looked last; 0 before. For reviewers.")


class Documents(Schema):
    items: list[DocumentItem]
    next: str | None = Field(description="Send it as `cursor` to go on; null at the end.")


class Document(Schema):
    id: int
    project: int
    external_id: str
    title: str = Field(description="What pages call it: its id, or its first words where its file gave none.")
    text: str
    sha256: str
    meta: Any
    split: Literal["pool", "check"] | None = Field(None, description="check: held out, labelled blind. For reviewers.")
    free_slots: int


class SkippedFilters(Given):
    reason: Text | None = Field(None, max_length=2_000, description="One of `reasons`; empty: nothing was said.")
    limit: int = Field(200, ge=1, le=1_000)


class Skip(Schema):
    annotator: str
    reason: str = Field(description="Empty when nothing was said.")
    at: datetime


class SkippedDocument(Schema):
    id: int
    external_id: str
    title: str = Field(description="What pages call it: its id, or its first words where its file gave none.")
    excerpt: str = Field(description="The first 200 characters.")
    nobody_left: bool = Field(description="Every member has answered or skipped it: it waits for a manager.")
    skips: list[Skip]


class ReasonCount(Schema):
    reason: str
    documents: int


class SkippedDocuments(Schema):
    documents: int = Field(description="How many there are in all.")
    nobody_left: int = Field(description="Those of them that nobody is left to be asked about.")
    reasons: list[ReasonCount] = Field(description="The most frequent first.")
    items: list[SkippedDocument]


class PutBackGiven(Given):
    """Without either: all of them."""

    documents: list[Annotated[StrictInt, Field(ge=1, lt=2**63)]] | None = Field(None, max_length=1_000)
    reason: Text | None = Field(None, max_length=2_000, description="One of `reasons`; empty: nothing was said.")


class PutBack(Schema):
    documents: int = Field(description="How many were put back.")


class Reason(Schema):
    field: str = Field(description="Without the place in a list.", examples=["spans"])
    reason: str = Field(
        description="That of the first row.", examples=["there is no span label 'DRUG' in this project"]
    )
    varied: bool = Field(description="Whether other rows have the same with other numbers in it.")
    rows: int
    lines: list[int] = Field(description="The first of these rows: lines, or places in an array.")


class Note(Schema):
    code: str = Field(
        description="unread, beside: a field looks like labels and is not read (beside: others of the row are);"
        " reject, ignore; binary, unsaid, unsaid_relations, unsaid_choices: not complete; empty; edges; line."
    )
    field: str
    like: str = Field(description="What it looks like: spans, tags, names, named, or the tool that writes such.")
    rows: int
    lines: list[int] = Field(description="The first of these rows: lines, or places in an array.")
    message: str


class Told(Schema):
    reasons: list[Reason] = Field(description="All refusals, each reason once.")
    notes: list[Note] = Field(description="What is to be known of rows that go in.")


class Imported(Told):
    rows: int
    new: int
    known: int = Field(description="Were there already, with the same text.")
    refused: int
    errors: list[Fault] = Field(description="The first thousand refusals.")
    job: int | None = Field(description="By which it can be undone, where it brought several documents.")


class ExportReport(Schema):
    """What is in an exported file, and what its format could not hold."""

    written: int = Field(description="Documents, or answers with answers=each.")
    left_out_incomplete: int = Field(description="CoNLL: without a complete answer.")
    left_out_crossing: int = Field(description="CoNLL: with spans that cross.")
    overlapping_spans: int
    blank_spans: int = Field(description="Spans of white space only.")
    relations: int
    choices: int
    neutralised_cells: int = Field(description="CSV: cells with an apostrophe put before them.")
    disputed: int = Field(0, description="Documents in which people's answers leave something open.")
    tags: dict[str, str] = Field(description="CoNLL: labels that are called otherwise in tags.")


class Job(Told):
    id: int
    project: int | None = Field(description="Null when the project itself was deleted.")
    kind: Literal["import", "export", "delete"]
    state: Literal["uploaded", "queued", "running", "succeeded", "failed", "cancelled"]
    reason: str
    total_bytes: int
    done_bytes: int
    rows: int
    new: int
    known: int
    refused: int
    errors: list[Fault]
    report: ExportReport | None = Field(description="Of an export that is done.")
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
    done: int = Field(description="Documents that have all answers that are wanted.")
    open: int = Field(description="Documents that may still be handed out.")
    wanted: int = Field(description="Answers: as many for each document as people are to label it.")
    given: int = Field(description="Of those; beyond what is wanted of a document no answer counts.")


class Work(Schema):
    username: str
    submitted: int
    skipped: int
    draft: int
    imported: int = Field(description="Came with an import in their name; in none of the others.")


class OwnProgress(Schema):
    today: int = Field(description="By the day that the project, or else you, count in.")
    all: int


class Accepted(Schema):
    accept: int
    reject: int
    correct: int
    leave: int = Field(description="Seen, and left alone.")
    rate: float = Field(description="Accepted, of all that was decided on or left alone.")


class Acceptance(Accepted):
    version: int


class Stats(Schema):
    documents: int
    done: int = Field(description="Documents that have all answers that are wanted.")
    wanted: int = Field(description="Answers: documents times people for each.")
    given: int
    imported: int = Field(description="Submitted answers that came with an import.")
    you: OwnProgress = Field(description="Documents that you have labelled.")
    splits: dict[str, SplitProgress] | None = Field(None, description="By split. For reviewers.")
    labels: list[LabelCount] = Field(description="How often each label stands in submitted answers.")
    annotators: list[Work]
    acceptance: list[Acceptance] = Field(description="What became of each version's suggestions.")
    dictionary: Accepted | None = Field(description="And of what the dictionary suggested, if anything was.")
    live_version: int | None
