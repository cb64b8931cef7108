"""Projects, their labels, and who you are."""

from __future__ import annotations

from dataclasses import asdict

from django.http import HttpResponse
from ninja import Router

from annotator import labels, projects, relabel, stats
from annotator.accounts import Role
from annotator.models import Label, Project
from trainer import runs
from web import access
from web.api import answers, shapes
from web.api import schemas as s
from web.api.refusals import errors
from web.requests import TenantRequest

router = Router(tags=["projects"])


@router.get("/me", response={200: s.Me} | errors())
def me(request: TenantRequest) -> HttpResponse:
    """Who you are here, and your role."""
    return answers.json(
        {
            "username": request.user.username,
            "role": request.role,
            "tenant": request.tenant.slug,
            "tenant_name": request.tenant.name,
            "by_token": request.by_token,
        }
    )


@router.get("/projects", response={200: s.Projects} | errors())
def list_projects(request: TenantRequest) -> HttpResponse:  # noqa: ARG001 (ninja wants that name)
    """All projects of the tenant."""
    return answers.json({"items": [shapes.project(project) for project in Project.objects.order_by("pk")]})


@router.post("/projects", response={201: s.Project} | errors(403, 409))
def create_project(request: TenantRequest, sent: s.ProjectGiven) -> HttpResponse:
    """Make a project with its label set. For managers."""
    access.require(request, Role.MANAGER)
    project = projects.create_project(sent.model_dump(), actor=request.user)
    return answers.json(_whole(project), status=201)


@router.get("/projects/{int:project_id}", response={200: s.Project} | errors())
def get_project(request: TenantRequest, project_id: int) -> HttpResponse:
    """A project with its label set and the number of its live model version."""
    return answers.json(_whole(access.project_for(request, project_id)))


@router.patch("/projects/{int:project_id}", response={200: s.Project} | errors(403, 409))
def change_project(request: TenantRequest, project_id: int, sent: s.ProjectChanged) -> HttpResponse:
    """Change a project's name, guidelines and settings; archive it or open it again. For managers."""
    project = access.project_for(request, project_id, Role.MANAGER)
    changes = sent.model_dump(exclude_none=True)
    return answers.json(_whole(projects.change_project(project, changes, actor=request.user)))


@router.get("/projects/{int:project_id}/labels", response={200: s.Labels} | errors())
def list_labels(request: TenantRequest, project_id: int) -> HttpResponse:
    """The label set: span and relation labels, and the choices of each question."""
    return answers.json(shapes.label_set(access.project_for(request, project_id)))


@router.post("/projects/{int:project_id}/labels", response={201: s.Label} | errors(403, 409))
def add_label(request: TenantRequest, project_id: int, sent: s.LabelAdded) -> HttpResponse:
    """Add a label, or a choice to a question that is there. For managers."""
    project = access.project_for(request, project_id, Role.MANAGER)
    label = labels.add(project, **sent.model_dump(), actor=request.user)
    return answers.json(_label(label), status=201)


@router.patch("/projects/{int:project_id}/labels/{int:label_id}", response={200: s.Label} | errors(403, 409))
def change_label(request: TenantRequest, project_id: int, label_id: int, sent: s.LabelChanged) -> HttpResponse:
    """Change a label's look and meaning, retire it or bring it back; a new name stands in all answers. For managers."""
    label = access.label_for(request, project_id, label_id, Role.MANAGER)
    changes = sent.model_dump(exclude_none=True)
    if "name" in changes:
        label = labels.rename(label, changes.pop("name"), actor=request.user)
    return answers.json(_label(labels.change(label, changes, actor=request.user)))


@router.get("/projects/{int:project_id}/labels/{int:label_id}/effect", response={200: s.LabelEffect} | errors(403))
def label_effect(request: TenantRequest, project_id: int, label_id: int) -> HttpResponse:
    """Where a label stands now: what a change of it concerns. For managers."""
    label = access.label_for(request, project_id, label_id, Role.MANAGER)
    return answers.json(asdict(relabel.effect(label)))


@router.post("/projects/{int:project_id}/labels/{int:label_id}/merge", response={200: s.Label} | errors(403))
def merge_label(request: TenantRequest, project_id: int, label_id: int, sent: s.MergeGiven) -> HttpResponse:
    """Make this label part of another, in all answers. It cannot be taken back. For managers."""
    label = access.label_for(request, project_id, label_id, Role.MANAGER)
    return answers.json(_label(labels.merge(label, sent.into, actor=request.user)))


@router.patch("/projects/{int:project_id}/questions/{int:question_id}", response={200: s.Question} | errors(403, 409))
def rename_question(request: TenantRequest, project_id: int, question_id: int, sent: s.QuestionRenamed) -> HttpResponse:
    """Call a question otherwise, in all answers; what comes in under the old name is read as it. For managers."""
    question = access.question_for(request, project_id, question_id, Role.MANAGER)
    return answers.json(shapes.question(labels.rename_question(question, sent.name, actor=request.user)))


@router.get("/projects/{int:project_id}/stats", response={200: s.Stats} | errors())
def get_stats(request: TenantRequest, project_id: int) -> HttpResponse:
    """How far the project is: documents, labels, people, and what became of suggestions."""
    project = access.project_for(request, project_id)
    you = stats.own(project, request.user)
    told = stats.progress(project) | {"you": you, "live_version": _live(project)}
    if not access.sees_all(request):
        del told["splits"]  # with each answer of theirs it would tell what they answered
    return answers.json(told)


def _label(label: Label) -> dict[str, object]:
    whole = shapes.label_set(label.project)["items"]
    return next(one for one in whole if one["id"] == label.pk)


def _whole(project: Project) -> dict[str, object]:
    asked = shapes.label_set(project)
    whole = shapes.project(project) | {"labels": asked["items"], "questions": asked["questions"]}
    return whole | {"live_version": _live(project)}


def _live(project: Project) -> int | None:
    version = runs.live_version(project)
    return version.number if version else None
