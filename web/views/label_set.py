"""The label set for managers: a list to arrange, a page for each label, and what a change does before it is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from annotator import colors, labels, relabel, stats
from annotator.accounts import Role
from annotator.errors import Invalid, Refusal, Unavailable
from annotator.models import Annotation, Label, Project, Question
from annotator.projects import locked
from annotator.spans import pairs_by_name
from web import access, seen
from web.requests import TenantRequest

PROPOSED = 6  # free colours


@dataclass
class Group:
    """Labels that are arranged among themselves: spans, relations, or the choices of a question."""

    title: str
    kind: str
    question: Question | None
    rows: list[dict[str, Any]]

    @property
    def proposed(self) -> str:
        """A colour for one more."""
        return colors.free([row["label"].color for row in self.rows if not row["label"].retired], 1)[0]

    @property
    def slug(self) -> str:
        return f"question-{self.question.pk}" if self.question else self.kind


@require_http_methods(["GET", "POST"])
def index(request: TenantRequest, project_id: int) -> HttpResponse:
    """All labels in their groups; adds one, adds a question, and puts them in order."""
    project = access.project_for(request, project_id, Role.MANAGER)
    fault: Refusal | None = None
    if request.method == "POST":
        try:
            if "question_id" in request.POST:
                return _rename_question(request, project)
            _arrange(request, project)
        except Refusal as refusal:
            fault = refusal
        else:
            return redirect(request.path + _place(request))
    context = {
        "project": project,
        "groups": list(_groups(project)),
        "fault": fault,
        "typed": request.POST,
        "answered": Annotation.objects.filter(project=project, state=Annotation.State.SUBMITTED).exists(),
    }
    return render(request, "web/labels.html", context, status=fault.status if fault else 200)


@require_http_methods(["GET", "POST"])
def one(request: TenantRequest, project_id: int, label_id: int) -> HttpResponse:
    """One label: its name, look and meaning; merge and retire. What touches work asks first."""
    label = access.label_for(request, project_id, label_id)
    faults: dict[str, str] = {}
    status = 200
    if request.method == "POST":
        try:
            # Locked, and read again: whoever saves the same label waits here, and is then told.
            locked(label.project)
            label = access.label_for(request, project_id, label_id)
            seen.require(request, *_as_shown(label))
            effects = _effects(request, label)
            if effects and "sure" not in request.POST:
                return _ask(request, label.project, label.name, request.path, effects)
            _apply(request, label)
        except seen.ChangedMeanwhile as refusal:
            faults, status = {"form": refusal.said, "stands": "yes"}, refusal.status
        except Refusal as refusal:
            faults = refusal.faults("form" if isinstance(refusal, Unavailable) else "name")
            status = refusal.status
        else:
            return redirect("labels", tenant=request.tenant.slug, project_id=project_id)
    return render(request, "web/label.html", _page(request, label, faults), status=status)


def _arrange(request: TenantRequest, project: Project) -> None:
    sent, actor = request.POST, request.user
    if "up" in sent or "down" in sent:
        _step(request, project)
    elif "order" in sent:
        ids = [int(pk) for pk in sent["order"].split(",") if pk.isdecimal() and len(pk) < 19]
        labels.reorder(project, ids, actor=actor)
    elif "question_name" in sent:
        choices = [line.strip() for line in sent.get("question_choices", "").splitlines() if line.strip()]
        name = sent["question_name"].strip()
        labels.add_question(project, name=name, choices=choices, multiple="multiple" in sent, actor=actor)
        messages.success(request, _("The question %(name)s is asked from now on.") % {"name": name})
    else:
        label = labels.add(
            project,
            kind=sent.get("kind", ""),
            question=sent.get("question") or None,
            name=sent.get("name", "").strip(),
            color=sent.get("color", ""),
            key=sent.get("key", "").strip().lower(),
            definition=sent.get("definition", "").strip(),
            actor=actor,
        )
        messages.success(request, _("%(name)s can be given from now on.") % {"name": label.name})


def _rename_question(request: TenantRequest, project: Project) -> HttpResponse:
    """Another name for a question; where it was answered, the page asks first."""
    sent = request.POST
    question = next(
        (one for one in Question.objects.filter(project=project) if str(one.pk) == sent["question_id"]), None
    )
    if question is None:
        raise Http404("There is no such question.")
    name = sent.get("new_name", "").strip()
    answers = relabel.answered(question)
    back = reverse("labels", args=[request.tenant.slug, project.pk])
    if answers and name != question.name and "sure" not in sent:
        return _ask(request, project, question.name, back, _renaming(_answered(answers), name))
    question = labels.rename_question(question, name, actor=request.user)
    messages.success(request, _("%(name)s is saved.") % {"name": question.name})
    return redirect(back)


def _answered(answers: int) -> str:
    said = ngettext("It is answered in %(count)s answer.", "It is answered in %(count)s answers.", answers)
    return said % {"count": f"{answers:,}"}


def _step(request: TenantRequest, project: Project) -> None:
    """One place up or down among its own."""
    name = "up" if "up" in request.POST else "down"
    for group in _groups(project):
        order = [row["label"].pk for row in group.rows]
        places = [place for place, pk in enumerate(order) if str(pk) == request.POST[name]]
        for place in places:
            other = place - 1 if name == "up" else place + 1
            if 0 <= other < len(order):
                order[place], order[other] = order[other], order[place]
                labels.reorder(project, order, actor=request.user)


def _place(request: TenantRequest) -> str:
    """Where on the page one was: its group, or the label that was moved."""
    moved = request.POST.get("up") or request.POST.get("down")
    return f"#label-{moved}" if moved and moved.isdecimal() else ""


def _groups(project: Project) -> Iterator[Group]:
    rows = _rows(project)
    yield Group(_("Spans"), "span", None, [row for row in rows if row["label"].kind == "span"])
    for question in Question.objects.filter(project=project):
        chosen = [row for row in rows if row["label"].question_id == question.pk]
        yield Group(question.name, "choice", question, chosen)
    yield Group(_("Relations"), "relation", None, [row for row in rows if row["label"].kind == "relation"])


def _rows(project: Project) -> list[dict[str, Any]]:
    """Each label with how often it was given, what it joins, and with whose colour its own could be taken."""
    found = list(Label.objects.filter(project=project).select_related("question"))
    pairs = pairs_by_name(found)
    given = {(one["kind"], one["question"], one["name"]): one["count"] for one in stats.labels(project)}
    near = _near(found)
    return [
        {
            "label": label,
            "count": given[label.kind, label.question.name if label.question else None, label.name],
            "pairs": sorted(pairs.get(label.name, ())) if label.kind == "relation" else (),
            "near": near.get(label.pk, ""),
        }
        for label in found
    ]


def _near(found: list[Label]) -> dict[int, str]:
    """What to say of a label whose colour is close to another's of its group, which people see beside it."""
    said: dict[int, str] = {}
    shown = sorted((label for label in found if not label.retired), key=_group)
    for _kind, group in groupby(shown, key=_group):
        beside = list(group)[:40]
        for i, j, eyes in colors.clashes([label.color for label in beside]):
            said.setdefault(beside[j].pk, _closeness(beside[i].name, eyes))
    return said


def _group(label: Label) -> tuple[str, int]:
    return label.kind, label.question_id or 0


def _closeness(name: str, eyes: list[str]) -> str:
    if eyes == ["all"]:
        return _("Its colour is hard to tell from that of %(name)s.") % {"name": name}
    seen = {"red": _("red"), "green": _("green"), "blue": _("blue")}
    said = _("Its colour is hard to tell from that of %(name)s for eyes that see less %(colors)s.")
    return said % {"name": name, "colors": ", ".join(seen[eye] for eye in eyes)}


def _as_shown(label: Label) -> tuple[object, ...]:
    """All that the page of a label changes."""
    return label.name, label.color, label.key, label.definition, label.pairs, label.retired


def _page(request: TenantRequest, label: Label, faults: dict[str, str]) -> dict[str, Any]:
    found = list(Label.objects.filter(project=label.project_id).select_related("question"))
    beside = [other for other in found if other.pk != label.pk]
    spans = [other for other in found if other.kind == Label.Kind.SPAN]
    sent = request.POST if request.method == "POST" else None
    allowed = {f"{head}-{tail}" for head, tail in label.pairs} if sent is None else set(sent.getlist("pair"))
    used = [other.color for other in beside if _group(other) == _group(label) and not other.retired]
    return {
        "project": label.project,
        "label": label,
        "typed": {
            name: sent.get(name, "") if sent else getattr(label, name)
            for name in ("name", "color", "key", "definition")
        },
        "faults": faults,
        "seen": seen.digest(*_as_shown(label)),
        "near": _near([*beside, label]).get(label.pk, ""),
        "proposed": colors.free([*used, label.color], PROPOSED),
        "others": [other for other in beside if _group(other) == _group(label) and not other.retired],
        "spans": spans,
        "matrix": [(head, [(tail, f"{head.pk}-{tail.pk}" in allowed) for tail in spans]) for head in spans],
        "effect": relabel.effect(label),
    }


def _changes(request: TenantRequest, label: Label) -> dict[str, Any]:
    """What a form of this page asks for, beside a new name."""
    sent = request.POST
    act = sent.get("act")
    if act in ("retire", "restore"):
        return {"retired": act == "retire"}
    color = sent.get("proposed") or sent.get("color") or label.color
    changes: dict[str, Any] = {"color": color, "key": sent.get("key", "").strip().lower()}
    changes["definition"] = sent.get("definition", "").replace("\r\n", "\n").strip()
    if label.kind == Label.Kind.RELATION:
        names = {str(pk): name for pk, name in Label.objects.filter(project=label.project_id).values_list("pk", "name")}
        ends = (pair.partition("-")[::2] for pair in sent.getlist("pair"))
        changes["pairs"] = [[names.get(head, ""), names.get(tail, "")] for head, tail in ends]
    return changes


def _apply(request: TenantRequest, label: Label) -> None:
    if request.POST.get("act") == "merge":
        into = labels.merge(label, _into(request), actor=request.user)
        messages.success(request, _("%(name)s is part of %(into)s now.") % {"name": label.name, "into": into.name})
        return
    name = request.POST.get("name", label.name).strip()
    if name != label.name:
        label = labels.rename(label, name, actor=request.user)
    labels.change(label, _changes(request, label), actor=request.user)
    messages.success(request, _("%(name)s is saved.") % {"name": label.name})


def _into(request: TenantRequest) -> int:
    sent = request.POST.get("into", "")
    if not sent.isdecimal() or len(sent) > 18:
        raise Invalid("invalid_label", "into: choose a label", [{"field": "into", "reason": _("choose a label")}])
    return int(sent)


def _ask(request: TenantRequest, project: Project, name: str, back: str, effects: list[str]) -> HttpResponse:
    kept = [(name, value) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken" for value in values]
    context = {
        "project": project,
        "name": name,
        "back": back,
        "effects": effects,
        "kept": kept,
        "act": request.POST.get("act"),
    }
    return render(request, "web/label_sure.html", context)


def _effects(request: TenantRequest, label: Label) -> list[str]:
    """What the change that is asked for does to work that is there, in sentences; none: nobody need be asked."""
    act = request.POST.get("act")
    if act == "merge":
        into = labels.mate(label, _into(request))
        return [*_merging(label, into), _("This cannot be undone.")]
    effect = relabel.effect(label)
    if act == "retire":
        return _retiring(effect)
    name = request.POST.get("name", label.name).strip()
    return _renaming(_stands(effect), name) if name != label.name and (effect.answers or effect.suggested) else []


def _stands(effect: relabel.Effect) -> str:
    said = ngettext(
        "It stands in %(count)s answer, %(times)s times in all.",
        "It stands in %(count)s answers, %(times)s times in all.",
        effect.answers,
    )
    return said % {"count": f"{effect.answers:,}", "times": f"{effect.times:,}"}


def _renaming(stands: str, name: str) -> list[str]:
    return [
        stands,
        _("All of them say %(name)s from then on; earlier revisions keep the word that was said.") % {"name": name},
        _("Models that know the old name go on: what they suggest is shown under the new one."),
        _("Who has a document open loses nothing: an answer with the old name is read as the new one."),
    ]


def _retiring(effect: relabel.Effect) -> list[str]:
    learnt = ngettext(
        "Training goes on learning it from %(count)s document, and exports hold it.",
        "Training goes on learning it from %(count)s documents, and exports hold it.",
        effect.learnt,
    ) % {"count": f"{effect.learnt:,}"}
    hidden = ngettext(
        "%(count)s suggestion of it is hidden.", "%(count)s suggestions of it are hidden.", effect.suggested
    ) % {"count": f"{effect.suggested:,}"}
    return [
        _stands(effect) + " " + _("There it stays."),
        _("Nobody can give it anew, and it is not suggested any more."),
        learnt,
        *([hidden] if effect.suggested else []),
        _("You can bring it back at any time."),
    ]


def _merging(label: Label, into: Label) -> list[str]:
    gone, kept = relabel.effect(label), relabel.effect(into)
    names = {"name": label.name, "into": into.name}
    both = ngettext(
        "Training learns %(into)s from at most %(count)s document then.",
        "Training learns %(into)s from at most %(count)s documents then.",
        gone.learnt + kept.learnt,
    ) % {"into": into.name, "count": f"{gone.learnt + kept.learnt:,}"}
    return [
        _stands(gone),
        _("All of them say %(into)s from then on; where both stood on the same words, it stands there once.") % names,
        _("%(name)s is gone from the label set; what still comes in under that name is read as %(into)s.") % names,
        both,
    ]
