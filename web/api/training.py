"""Models: suggestions for texts from outside, training runs, and the versions they make."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpResponse
from ninja import Router

from annotator import blinding
from annotator.accounts import Role
from annotator.errors import Conflict, Detail, Invalid
from annotator.spans import text_fault
from trainer import runs, serving
from trainer.model_state import model_state
from trainer.models import ModelVersion, TrainingRun
from web import access
from web.api import answers, shapes
from web.api import training_schemas as s
from web.api.refusals import errors
from web.requests import TenantRequest

router = Router(tags=["models"])

Unit = Literal["codepoints", "utf16", "utf8"]
SHOWN_RUNS = 100


@router.post("/projects/{int:project_id}/suggest", response={200: s.Answers} | errors(403, 409, 503))
def suggest(request: TenantRequest, project_id: int, sent: s.TextsGiven, offsets: Unit = "codepoints") -> HttpResponse:
    """What the live model is sure enough of to suggest for texts from outside; they are not kept. For reviewers, as it
    would answer about held-out documents, too; 409 for one that you have at hand."""
    project = access.project_for(request, project_id, Role.REVIEWER)
    _check_texts(sent.texts)
    if blinding.at_hand_alike(project, request.user, sent.texts):
        raise Conflict("answering", "One of these texts is held out, and you have it at hand: answer it first.")
    version, found = serving.suggest(project, sent.texts)
    told = [_answer(answer, text, offsets) for answer, text in zip(found, sent.texts, strict=True)]
    return answers.json({"version": version.number, "answers": told})


@router.get("/projects/{int:project_id}/model", response={200: s.ModelState} | errors())
def get_model(request: TenantRequest, project_id: int) -> HttpResponse:
    """What the project's model is doing just now: what it waits for, or how long it still learns."""
    return answers.json(shapes.model_state(model_state(access.project_for(request, project_id))))


@router.get("/projects/{int:project_id}/runs", response={200: s.Runs} | errors())
def list_runs(request: TenantRequest, project_id: int) -> HttpResponse:
    """Training runs, the newest first."""
    project = access.project_for(request, project_id)
    rows = TrainingRun.objects.filter(project=project).select_related("started_by").defer("log").order_by("-pk")
    return answers.json({"items": [shapes.run(run) for run in rows[:SHOWN_RUNS]]})


@router.post("/projects/{int:project_id}/runs", response={201: s.RunWithLog} | errors(403, 409))
def start_run(request: TenantRequest, project_id: int) -> HttpResponse:
    """Train now. For managers; 409 while a run is queued or running."""
    project = access.project_for(request, project_id, Role.MANAGER)
    run = runs.start(project, actor=request.user)
    return answers.json(_with_log(run), status=201)


@router.get("/runs/{int:run_id}", response={200: s.RunWithLog} | errors())
def get_run(request: TenantRequest, run_id: int) -> HttpResponse:
    """A run with its log."""
    return answers.json(_with_log(access.run_for(request, run_id)))


@router.post("/runs/{int:run_id}/cancel", response={200: s.RunWithLog} | errors(403, 409))
def cancel_run(request: TenantRequest, run_id: int) -> HttpResponse:
    """Stop a run: at once if it is queued, soon if it is running. For managers."""
    run = access.run_for(request, run_id, Role.MANAGER)
    return answers.json(_with_log(runs.cancel(run, actor=request.user)))


@router.get("/projects/{int:project_id}/versions", response={200: s.Versions} | errors())
def list_versions(request: TenantRequest, project_id: int) -> HttpResponse:
    """Model versions with their scores on held-out documents, the newest first."""
    project = access.project_for(request, project_id)
    rows = ModelVersion.objects.filter(project=project).order_by("-number")
    return answers.json({"items": [shapes.version(version) for version in rows]})


@router.post("/versions/{int:version_id}/promote", response={200: s.Version} | errors(403))
def promote_version(request: TenantRequest, version_id: int) -> HttpResponse:
    """Make a version live, newer or older than the one that is. For managers; it is on record."""
    version = access.version_for(request, version_id, Role.MANAGER)
    return answers.json(shapes.version(runs.promote(version, actor=request.user)))


def _check_texts(texts: list[str]) -> None:
    faults: list[Detail] = [
        {"field": f"texts[{i}]", "reason": fault} for i, fault in enumerate(map(text_fault, texts)) if fault
    ]
    if faults:
        raise Invalid("invalid_text", f"{faults[0]['field']}: {faults[0]['reason']}", faults)


def _answer(answer: dict[str, Any], text: str, unit: Unit) -> dict[str, Any]:
    return {
        "spans": shapes.spans(answer["spans"], text, unit),
        "choices": answer["choices"],
        "relations": answer["relations"],
    }


def _with_log(run: TrainingRun) -> dict[str, Any]:
    return shapes.run(run) | {"log": run.log}
