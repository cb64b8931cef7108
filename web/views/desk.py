"""The desk's page: the frame around the text, and what its scripts need to know."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from annotator.models import Annotation, Document, Label, Project, Question
from web import access
from web.requests import TenantRequest


@ensure_csrf_cookie
@require_safe
def desk(request: TenantRequest, project_id: int) -> HttpResponse:
    """Label one document after the other."""
    return _page(request, access.project_for(request, project_id), None)


@ensure_csrf_cookie
@require_safe
def document(request: TenantRequest, document_id: int) -> HttpResponse:
    """One document opened by hand; submitting it goes on with the queue."""
    found = access.document_for(request, document_id)
    return _page(request, found.project, found)


def _page(request: TenantRequest, project: Project, opened: Document | None) -> HttpResponse:
    labels = list(Label.objects.filter(project=project))
    questions = [
        {"name": question.name, "multiple": question.multiple, "choices": _named(labels, question.pk)}
        for question in Question.objects.filter(project=project)
    ]
    asked = {
        "spans": _named([label for label in labels if label.kind == Label.Kind.SPAN]),
        "relations": _named([label for label in labels if label.kind == Label.Kind.RELATION]),
        "questions": questions,
    }
    config = asked | _place(request, project, opened)
    return render(request, "web/desk.html", {"project": project, "config": config, **asked})


def _named(labels: list[Label], question: int | None = None) -> list[dict[str, str]]:
    return [
        {"name": label.name, "color": label.color, "key": label.key}
        for label in labels
        if label.question_id == question
    ]


def _place(request: TenantRequest, project: Project, opened: Document | None) -> dict[str, Any]:
    """Where the scripts find things, and for whom they keep work."""
    slug = request.tenant.slug
    return {
        "api": f"/t/{slug}/api/v1/",
        "csrf": get_token(request),
        "owner": f"{slug}/{request.user.pk}",
        "project": project.pk,
        "document": opened.pk if opened else None,
        "document_url": reverse("document", args=[slug, 0]),
        "allow_overlap": project.allow_overlap,
        "progress": _progress(project),
    }


def _progress(project: Project) -> dict[str, int]:
    done = Annotation.objects.filter(project=project, state=Annotation.State.SUBMITTED)
    return {
        "total": Document.objects.filter(project=project).count(),
        "done": done.values("document").distinct().count(),
    }
