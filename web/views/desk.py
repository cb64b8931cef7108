"""The desk's page: one document after the other, with all its scripts need to know; without them, an ordinary form."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_safe

from annotator import extra, queue, review, stats, zones
from annotator.errors import Conflict, Refusal
from annotator.models import Annotation, Document, Label, Project, Question, User
from annotator.offsets import CODE_POINTS
from web import access, handed, suggested
from web.requests import TenantRequest
from web.views.desk_form import Plain
from web.views.training import training

FEW = 12  # labels or choices that can be found at a glance; more get a field to search them
SCRIPTS = Path(__file__).resolve().parent.parent / "static" / "web" / "desk"
# All that the page's own script imports, asked for at once.
APART = ("desk.js", "types.js", "rescue.js")
MODULES = ["web/i18n.js", *(f"web/desk/{p.name}" for p in sorted(SCRIPTS.glob("*.js")) if p.name not in APART)]


@ensure_csrf_cookie
@require_safe
def desk(request: TenantRequest, project_id: int) -> HttpResponse:
    """The next document of this person; asked again, the same one."""
    project = access.project_for(request, project_id)
    claim = queue.claim_next(project, request.user)
    if claim is None:
        reason = queue.why_nothing(project, request.user)
        return render(request, "web/desk.html", _frame(request, project, {"first": None, "reason": reason}))
    return _page(request, project, claim.document)


@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def document(request: TenantRequest, document_id: int) -> HttpResponse:
    """One document opened by hand; what is sent from it as a form goes on with the queue."""
    found = access.document_for(request, document_id)
    if request.method == "POST":
        return _take(request, found)
    full = None if "extra" in request.GET else extra.asked_first(found, request.user)
    if full:
        return render(request, "web/full.html", _full(request, found) | asdict(full))
    return _page(request, found.project, found)


def _full(request: TenantRequest, document: Document) -> dict[str, Any]:
    """What asks whether to add an answer to a full document; an open desk finds its token here after a new sign-in."""
    config = {"csrf": get_token(request), "owner": f"{request.tenant.slug}/{request.user.pk}"}
    return {
        "document": document,
        "project": document.project,
        "config": config,
        "sees_all": access.sees_all(request),
    }


def _take(request: TenantRequest, document: Document) -> HttpResponse:
    """What came as a form: the next document, or the page again with all that was typed and what is wrong with it."""
    plain = Plain.sent(request.POST, document)
    try:
        handed.take(document, request.user, plain.submission())
    except Refusal as refusal:
        if isinstance(refusal, Conflict):
            plain.revision = refusal.current.revision if isinstance(refusal.current, Annotation) else 0
            plain.faults.append(
                _("You have answered this document elsewhere meanwhile. Done puts what you see here in its place.")
            )
        else:
            plain.take(refusal)
        return _page(request, document.project, document, plain, status=refusal.status)
    return HttpResponseRedirect(reverse("desk", args=[request.tenant.slug, document.project_id]))


def _page(
    request: TenantRequest, project: Project, document: Document, plain: Plain | None = None, status: int = 200
) -> HttpResponse:
    sees_all = access.sees_all(request)
    own = review.current(document, request.user)
    looked = suggested.beside(document, own, sees_all=sees_all)
    first = handed.sheet(document, looked, own, CODE_POINTS, sees_all=sees_all)
    if plain:
        # What was refused is gone on with; the answer that stands is in nobody's way.
        first["annotation"] = plain.annotation()
    else:
        plain = Plain.standing(document, first["annotation"])
    plain.offer(looked.suggestion)
    return render(
        request, "web/desk.html", _frame(request, project, {"first": first, "reason": ""}, plain), status=status
    )


def _frame(
    request: TenantRequest, project: Project, place: dict[str, Any], plain: Plain | None = None
) -> dict[str, Any]:
    """What is around the text: the label set, and where the scripts find things and for whom they keep work."""
    labels = list(Label.objects.filter(project=project))
    questions = list(Question.objects.filter(project=project))
    slug = request.tenant.slug
    config = place | {
        "api": f"/t/{slug}/api/v1/",
        "csrf": get_token(request),
        "owner": f"{slug}/{request.user.pk}",
        "project": project.pk,
        "desk_url": reverse("desk", args=[slug, project.pk]),
        "document_url": reverse("document", args=[slug, 0]),
        "signin_url": reverse("signin"),
        "allow_overlap": project.allow_overlap,
        "pending_suggestions": project.pending_suggestions,
        "labels": _labels(labels, {question.pk: question.name for question in questions}),
        "questions": [{"name": question.name, "multiple": question.multiple} for question in questions],
        "progress": _progress(project, request.user),
        "model": training(project).as_json(),
        "model_url": reverse("model-state", args=[slug, project.pk]),
    }
    usable = [label for label in labels if not label.retired]
    return {
        "project": project,
        "config": config,
        "modules": MODULES,
        "plain": plain,
        "spans": [label for label in usable if label.kind == Label.Kind.SPAN],
        "relations": [label for label in usable if label.kind == Label.Kind.RELATION],
        "questions": [_asked(question, usable, plain) for question in questions],
        "defined": [label for label in usable if label.definition],
        "few": FEW,
    }


def _asked(question: Question, labels: list[Label], plain: Plain | None) -> dict[str, Any]:
    """A question with its choices, each with whether it is chosen and how sure the model is of it."""
    chosen = plain.classes.get(question.name, []) if plain else []
    scores = plain.suggested(question.name) if plain else {}
    choices = [
        {"label": label, "chosen": label.name in chosen, "percent": scores.get(label.name)}
        for label in labels
        if label.question_id == question.pk
    ]
    return {"name": question.name, "multiple": question.multiple, "pk": question.pk, "choices": choices}


def _labels(labels: list[Label], questions: dict[int, str]) -> list[dict[str, Any]]:
    """The label set for the scripts; the ends that a relation may join by their names."""
    names = {label.pk: label.name for label in labels}
    return [
        {
            "kind": label.kind,
            "name": label.name,
            "color": label.color,
            "key": label.key,
            "question": questions.get(label.question_id or 0),
            "retired": label.retired,
            "pairs": [[names[head], names[tail]] for head, tail in label.pairs if head in names and tail in names],
        }
        for label in labels
    ]


def _progress(project: Project, user: User) -> dict[str, Any]:
    """Answers given and wanted, what this person has labelled, and when their today ends."""
    counted, own = stats.given(project), stats.own(project, user)
    zone = zones.of_days(project)
    (ends,) = zones.beginnings([zones.today(zone) + timedelta(days=1)], zone)
    return {
        "total": counted["wanted"],
        "done": counted["given"],
        "today": own["today"],
        "mine": own["all"],
        "day_ends": ends.timestamp() * 1000,
    }
