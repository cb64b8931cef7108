"""Rows as the JSON of the API (`schemas.py` and `training_schemas.py` describe it)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from annotator import models, offsets, review
from annotator.importing.told import Tally
from annotator.spans import pairs_by_name
from trainer.model_state import ModelState
from trainer.models import ModelVersion, TrainingRun
from web.suggested import Suggested

RUN_FIELDS = (
    "id", "state", "phase", "step", "steps", "trigger", "reason", "examples", "attempt", "cancel_asked", "metrics",
    "created_at", "started_at", "finished_at",
)  # fmt: skip
PROJECT_FIELDS = (
    "id", "name", "guidelines", "annotators_per_document", "check_share", "random_share", "allow_overlap",
    "pending_suggestions", "show_times", "time_zone", "archived_at", "created_at",
)  # fmt: skip
DOCUMENT_FIELDS = ("id", "external_id", "text", "sha256", "meta", "free_slots")


def _fields(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def project(row: models.Project) -> dict[str, Any]:
    return _fields(row, PROJECT_FIELDS)


def label_set(row: models.Project) -> dict[str, Any]:
    """The labels and questions of a project, in two queries."""
    questions = {q.pk: q for q in models.Question.objects.filter(project=row)}
    labels = list(models.Label.objects.filter(project=row))
    pairs = pairs_by_name(labels)
    return {
        "items": [
            label(one, questions[one.question_id] if one.question_id else None, sorted(pairs.get(one.name, ())))
            for one in labels
        ],
        "questions": [question(row) for row in questions.values()],
    }


def question(row: models.Question) -> dict[str, Any]:
    return _fields(row, ("id", "name", "multiple"))


def label(row: models.Label, question: models.Question | None, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    fields = _fields(row, ("id", "kind", "name", "color", "key", "definition", "retired"))
    return {**fields, "question": question.name if question else None, "pairs": list(pairs)}


def document(row: models.Document, *, sees_all: bool) -> dict[str, Any]:
    """Whether it is held out is not told to annotators."""
    told = {**_fields(row, DOCUMENT_FIELDS), "title": row.title, "project": row.project_id}
    return told | {"split": row.split} if sees_all else told


def annotation(row: models.Annotation | None, text: str, unit: str) -> dict[str, Any] | None:
    """As its own annotator left it, draft and all."""
    if row is None:
        return None
    left = review.left(row)
    left["decisions"] = [_decision(decision, text, unit) for decision in left["decisions"]]
    return _annotation(row, left, text, unit)


def _decision(decision: dict[str, Any], text: str, unit: str) -> dict[str, Any]:
    """With its offsets counted in the unit asked for: those of what was suggested, and of what it became."""
    told = {name: decision[name] for name in ("term", "correction") if "start" in (decision.get(name) or {})}
    return decision | {name: spans([span], text, unit)[0] for name, span in told.items()}


def standing(row: models.Annotation, text: str, unit: str, *, times: bool) -> dict[str, Any]:
    """As it counts, for others than its annotator, who must have been selected along; without ``times``, where the
    project hides how long people take."""
    left = _fields(row, review.FIELDS) | ({} if times else {"milliseconds": None})
    return _annotation(row, left, text, unit) | {"annotator": row.annotator.username}


def _annotation(row: models.Annotation, left: dict[str, Any], text: str, unit: str) -> dict[str, Any]:
    answer = left.pop("answer")
    stands = "" if row.state == models.Annotation.State.DRAFT else row.state
    return {
        "document": row.document_id,
        **left,
        "stands": stands,
        **answer,
        "spans": spans(answer["spans"], text, unit),
    }


def spans(rows: list[Any], text: str, unit: str) -> list[Any]:
    """Spans counted in the unit asked for."""
    return rows if unit == offsets.CODE_POINTS else offsets.spans_to(rows, text, unit)


def suggestion(found: Suggested, text: str, unit: str) -> dict[str, Any]:
    row = found.suggestion
    shown = None
    if row is not None:
        shown = {"id": row.pk, "version": row.version, "items": items(row.items, text, unit)}
    return {
        "state": found.state,
        "version": found.version,
        "suggestion": shown,
        "terms": spans(list(found.terms), text, unit),
    }


def items(rows: list[Any], text: str, unit: str) -> list[Any]:
    """A suggestion's items, those that are spans counted in the unit asked for, in their order."""
    if unit == offsets.CODE_POINTS:
        return rows
    counted = iter(offsets.spans_to([item for item in rows if item["kind"] == "span"], text, unit))
    return [next(counted) if item["kind"] == "span" else item for item in rows]


def run(row: TrainingRun) -> dict[str, Any]:
    """``started_by`` must have been selected along."""
    by = row.started_by.username if row.started_by else None
    return {**_fields(row, RUN_FIELDS), "project": row.project_id, "started_by": by}


def model_state(state: ModelState) -> dict[str, Any]:
    names = ("stage", "version", "missing", "ahead", "seconds_left")
    return {**_fields(state, names), "run": state.run.pk if state.run else None}


def version(row: ModelVersion) -> dict[str, Any]:
    names = ("id", "number", "examples", "metrics", "live", "created_at", "promoted_at")
    return {**_fields(row, names), "project": row.project_id, "run": row.run_id}


def job(row: models.Job) -> dict[str, Any]:
    return {
        **_fields(row, ("id", "kind", "state", "reason", "total_bytes", "done_bytes", "created_at", "finished_at")),
        "project": row.project_id,
        "rows": row.rows_read,
        "new": row.rows_new,
        "known": row.rows_known,
        "refused": row.rows_refused,
        "errors": row.row_errors,
        "report": row.report or None,
        **told(Tally(row.told)),
    }


def told(tally: Tally) -> dict[str, Any]:
    """What is told of a file's rows."""
    return {"reasons": tally.reasons(), "notes": tally.notes()}
