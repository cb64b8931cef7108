"""What changed between two versions, document by document, and whether people say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator import blinding, consensus
from annotator.consensus import Consensus
from annotator.items import CHOICE, RELATION, SPAN, Change
from annotator.models import Annotation, Document, Project
from annotator.spans import Schema
from trainer import compared, runs
from trainer.compared import Comparison
from trainer.models import ModelVersion
from web import access
from web.requests import TenantRequest

PAGE = 20
AROUND = 30  # characters before and after, so that one sees where it stands
LONGEST_QUOTE = 80


@dataclass(frozen=True)
class Told:
    """One change as the page tells it: gained, lost or changed; what people say of each side (None: nobody knows)."""

    kind: str
    change: Change
    was_right: bool | None
    is_right: bool | None
    left: str = ""
    quote: str = ""
    right: str = ""
    tail: str = ""

    @property
    def what(self) -> str:
        if self.change.before is None:
            return "gained"
        return "lost" if self.change.after is None else "changed"


@require_safe
def show(request: TenantRequest, project_id: int) -> HttpResponse:
    project = access.project_for(request, project_id)
    before, after = (_version(project, request.GET.get(name, "")) for name in ("before", "after"))
    context: dict[str, Any] = {"project": project, "before": before, "after": after, **_choices(project)}
    if before and after:
        try:
            found = compared.compare(before, after)
        except compared.NotKept as reason:
            context["not_kept"] = reason.version
        else:
            counts = {"asked": found.asked, "differ": len(found.changes)}
            # Which documents they are, and what is said of them, whoever labels must not know.
            context |= counts | (_page(request, project, found) if access.sees_all(request) else {"blind": True})
    return render(request, "web/compare.html", context)


def _version(project: Project, typed: str) -> ModelVersion | None:
    if not (typed.isascii() and typed.isdecimal() and len(typed) < 10):
        return None
    return ModelVersion.objects.filter(project=project, number=int(typed)).defer("metrics").first()


def _choices(project: Project) -> dict[str, Any]:
    live = runs.live_version(project)
    numbers = ModelVersion.objects.filter(project=project).order_by("-number").values_list("number", flat=True)
    return {"numbers": list(numbers), "live": live.number if live else None}


def _page(request: TenantRequest, project: Project, found: Comparison) -> dict[str, Any]:
    label = request.GET.get("label", "")
    shown = found.only(label) if label else found
    told = _told_about(request, project, list(shown.changes))
    keys = sorted(told)
    first = min(_whole(request.GET.get("from", "")), len(keys))
    page = keys[first : first + PAGE]
    asked = {"before": request.GET["before"], "after": request.GET["after"], "label": label}
    return {
        "labels": found.labels,
        "label": label,
        "documents": _documents(project, {key: shown.changes[key] for key in page}),
        "first": first + 1,
        "last": first + len(page),
        "total": len(keys),
        "withheld": len(shown.changes) - len(keys),
        "earlier": urlencode(asked | {"from": max(0, first - PAGE)}) if first else "",
        "later": urlencode(asked | {"from": first + PAGE}) if first + PAGE < len(keys) else "",
    }


def _told_about(request: TenantRequest, project: Project, keys: Sequence[str]) -> list[str]:
    """Those of the documents about which this person may be told what models say."""
    documents = Document.objects.filter(project=project, external_id__in=keys).defer("text", "meta")
    return [document.external_id for document in blinding.may_be_told(documents, project, request.user)]


def _whole(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 10 else 0


def _documents(project: Project, changes: Mapping[str, Sequence[Change]]) -> list[tuple[Document, list[Told]]]:
    documents = Document.objects.filter(project=project, external_id__in=list(changes)).order_by("external_id")
    answers = Annotation.objects.filter(document__in=documents, state=Annotation.State.SUBMITTED)
    schema, texts = Schema.of(project), {document.pk: document.text for document in documents}
    given = consensus.given_to(answers.values_list("document", "annotator", "answer", "complete"), schema)
    together = {document_id: consensus.of(one, schema, texts[document_id]) for document_id, one in given.items()}
    return [
        (
            document,
            [_told(document.text, change, together.get(document.pk)) for change in changes[document.external_id]],
        )
        for document in documents
    ]


def _told(text: str, change: Change, said: Consensus | None) -> Told:
    was_right, is_right = (_right(change, label, said) for label in (change.before, change.after))
    if change.kind == CHOICE:
        return Told(change.kind, change, was_right, is_right, quote=change.place[0])
    start, end = change.place[0], change.place[1]
    tail = _short(text[slice(*change.place[2:])]) if change.kind == RELATION else ""
    left, right = around(text, start, end) if change.kind == SPAN else ("", "")
    return Told(change.kind, change, was_right, is_right, left, _short(text[start:end]), right, tail)


def around(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and after, in whole words where there are any; dots for what is left out."""
    left, right = text[max(0, start - AROUND) : start], text[end : end + AROUND]
    if start > AROUND:
        left = "…" + (left.partition(" ")[2] or left)
    if end + AROUND < len(text):
        right = (right.rpartition(" ")[0] or right) + "…"
    return left, right


def _right(change: Change, label: str | None, said: Consensus | None) -> bool | None:
    return None if said is None or label is None else said.says((change.kind, change.place, label))


def _short(quote: str) -> str:
    return quote if len(quote) <= LONGEST_QUOTE else quote[:LONGEST_QUOTE] + "…"
