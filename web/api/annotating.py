"""The annotator's round: the next document, its lease, suggestions, and the answer."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpResponse
from ninja import Query, Router

from annotator import blinding, history, queue, review
from annotator.accounts import Role
from annotator.errors import Conflict
from annotator.models import Annotation, Document
from annotator.offsets import spans_from
from web import access, handed, suggested
from web.api import annotating_schemas as s
from web.api import answers, shapes
from web.api.refusals import errors
from web.requests import TenantRequest

router = Router(tags=["annotating"])

Unit = Literal["codepoints", "utf16", "utf8"]


@router.post("/projects/{int:project_id}/next", response={200: s.Next} | errors())
def next_document(
    request: TenantRequest, project_id: int, asked: s.NextAsked | None = None, offsets: Unit = "codepoints"
) -> HttpResponse:
    """Your next document, leased to you, with its suggestions and your draft. Asked again: the same one.

    The body may name the documents that you have at hand (`held`): then it is another one. `ahead` asks for some more,
    so that the one after is there at once.
    """
    project = access.project_for(request, project_id)
    asked = asked or s.NextAsked()
    claims = queue.claim_several(project, request.user, 1 + asked.ahead, besides=asked.held)
    if not claims:
        nothing: dict[str, Any] = dict.fromkeys(("document", "lease", "suggestion", "annotation"))
        return answers.json(nothing | {"reason": queue.why_nothing(project, request.user), "ahead": []})
    first, *ahead = handed.packets(claims, request.user, offsets, sees_all=access.sees_all(request))
    return answers.json(first | {"reason": "", "ahead": ahead})


@router.post("/documents/{int:document_id}/claim", response={200: s.Lease} | errors(409))
def keep_claim(request: TenantRequest, document_id: int) -> HttpResponse:
    """Prolong your lease; 409 when you hold none any more (you may submit all the same)."""
    expires_at = queue.heartbeat(access.document_for(request, document_id), request.user)
    if expires_at is None:
        raise Conflict("no_lease", "You hold no lease on this document, or it ran out.")
    return answers.json({"expires_at": expires_at})


@router.post("/projects/{int:project_id}/leave", response={204: None} | errors())
def leave(request: TenantRequest, project_id: int, left: s.Left) -> HttpResponse:
    """You go: your leases on these documents end within half a minute, unless you prolong them or ask for the next."""
    project = access.project_for(request, project_id)
    queue.leave(project, request.user, left.documents)
    return HttpResponse(status=204)


@router.delete("/documents/{int:document_id}/claim", response={204: None} | errors())
def give_back(request: TenantRequest, document_id: int) -> HttpResponse:
    """Give the document back unanswered."""
    queue.release(access.document_for(request, document_id), request.user)
    return HttpResponse(status=204)


@router.get("/documents/{int:document_id}/annotation", response={200: s.AnnotationAnswer} | errors())
def get_annotation(request: TenantRequest, document_id: int, offsets: Unit = "codepoints") -> HttpResponse:
    """Your own annotation of the document as it stands."""
    document = access.document_for(request, document_id)
    return _annotated(review.current(document, request.user), document, offsets)


@router.put(
    "/documents/{int:document_id}/annotation",
    response={200: s.AnnotationTaken} | errors(409),
)
def put_annotation(
    request: TenantRequest, document_id: int, sent: s.AnnotationGiven, offsets: Unit = "codepoints"
) -> HttpResponse:
    """Submit (or keep as a draft, or skip). Sent again it changes nothing; from a stale revision it is refused.

    So is an answer to a document that has all the answers its project wants, by somebody who never got it from `next`,
    unless they say `extra`.
    """
    document = access.document_for(request, document_id)
    annotation = handed.take(document, request.user, _submission(sent, document, offsets))
    terms = handed.terms(document.project_id, sent.beside, offsets, sees_all=access.sees_all(request))
    return answers.json({"annotation": shapes.annotation(annotation, document.text, offsets), "terms": terms})


@router.get("/documents/{int:document_id}/suggestions", response={200: s.SuggestionAnswer} | errors())
def get_suggestions(request: TenantRequest, document_id: int, offsets: Unit = "codepoints") -> HttpResponse:
    """What the live model suggests; asks a worker for it when it has not looked at the document yet. Until it has,
    `terms` are what the dictionary suggests: words that people marked before, or that the term list names.

    Beside your draft with decisions in it stays the suggestion that they are about.
    """
    document = access.document_for(request, document_id)
    looked = suggested.beside(document, review.current(document, request.user), sees_all=access.sees_all(request))
    return answers.json(shapes.suggestion(looked, document.text, offsets))


@router.get("/projects/{int:project_id}/mine", response={200: s.OwnWork} | errors())
def own_work(request: TenantRequest, project_id: int, filters: Query[s.OwnFilters]) -> HttpResponse:
    """What you annotated, the newest first, a page at a time."""
    project = access.project_for(request, project_id)
    asked = {name: value or "" for name, value in filters.model_dump(exclude={"limit"}).items()}
    items, cursor = history.own(project, request.user, **asked, limit=filters.limit)
    return answers.json({"items": items, "next": cursor})


@router.get("/documents/{int:document_id}/annotations", response={200: s.Annotations} | errors(403, 409))
def list_annotations(request: TenantRequest, document_id: int, offsets: Unit = "codepoints") -> HttpResponse:
    """Everybody's annotation of the document, as it stands. For reviewers; 409 while you answer a held-out one."""
    document = access.document_for(request, document_id, Role.REVIEWER)
    if blinding.is_answering(document, request.user):
        raise Conflict("answering", "This document is held out, and you have it at hand: answer it first.")
    times = document.project.show_times
    items = [shapes.standing(row, document.text, offsets, times=times) for row in history.of_document(document)]
    return answers.json({"items": items})


def _submission(sent: s.AnnotationGiven, document: Document, unit: Unit) -> review.Submission:
    given = sent.model_dump(exclude_none=True)
    for decision in given["decisions"]:
        for name in ("term", "correction"):
            if name in decision:
                decision[name] = spans_from([decision[name]], document.text, unit)[0]
    return review.Submission(
        submit_id=sent.submit_id,
        revision=sent.revision,
        state=sent.state,
        complete=sent.complete,
        flag=sent.flag,
        comment=sent.comment,
        milliseconds=sent.milliseconds,
        extra=sent.extra,
        answer={
            "spans": spans_from(given["spans"], document.text, unit),
            "classes": given["classes"],
            "relations": given["relations"],
        },
        decisions=given["decisions"],
    )


def _annotated(annotation: Annotation | None, document: Document, unit: Unit) -> HttpResponse:
    return answers.json({"annotation": shapes.annotation(annotation, document.text, unit)})
