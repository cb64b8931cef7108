"""What the API gives of runs, versions and their answers, described for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ninja import Schema
from pydantic import Field

from web.api.annotating_schemas import Relation, Span
from web.api.schemas import Given, Text


class TextsGiven(Given):
    texts: list[Text] = Field(min_length=1, max_length=100, examples=[["Mrs Berg wrote from Oslo."]])


class ScoredSpan(Span):
    score: float


class ScoredRelation(Relation):
    score: float


class ScoredChoice(Schema):
    label: str
    score: float


class Answer(Schema):
    spans: list[ScoredSpan]
    choices: dict[str, list[ScoredChoice]] = Field(
        description="Choices of each question that it is sure of, best first."
    )
    relations: list[ScoredRelation] = Field(description="Ends are places in the spans of this answer.")


class Answers(Schema):
    version: int
    answers: list[Answer] = Field(description="One a text, in order.")


class ModelState(Schema):
    stage: Literal["collecting", "due", "queued", "training", "failed"] = Field(
        description="collecting: more has to be labelled until a run begins. due: one begins within seconds."
    )
    version: int | None = Field(description="The live version; null before the first.")
    missing: int = Field(description="Documents to be labelled until the next run is due.")
    ahead: list[str] = Field(description="Of a queued run: your projects whose runs come before it.")
    seconds_left: int | None = Field(description="Of a run that is learning, an estimate; null while there is none.")
    run: int | None = Field(description="The run that is queued or under way.")


class Run(Schema):
    id: int
    project: int
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    phase: str
    step: int
    steps: int
    trigger: str
    started_by: str | None
    reason: str = Field(description="Why it failed, was cancelled, or its version was not promoted.")
    examples: int
    attempt: int
    cancel_asked: bool
    metrics: Any
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class RunWithLog(Run):
    log: str


class Runs(Schema):
    items: list[Run]


class Version(Schema):
    id: int
    project: int
    number: int
    run: int
    examples: int
    metrics: Any = Field(description="On the held-out documents.")
    live: bool
    created_at: datetime
    promoted_at: datetime | None


class Versions(Schema):
    items: list[Version]
