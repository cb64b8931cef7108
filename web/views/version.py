"""A version's page: what it knows, label by label; whether its scores mean what they say; what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Max
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_http_methods, require_safe

from annotator import stats
from annotator.accounts import Role
from annotator.spans import Schema
from trainer import runs
from trainer.models import ModelVersion, TrainingRun
from web import access
from web.refused import told
from web.requests import TenantRequest
from web.views.charts import curves, reliabilities
from web.views.model import scores_of

LEFT_OUT = {
    "off_edges": gettext_lazy("begin or end inside a word"),
    "overlapping": gettext_lazy("overlap with a longer one"),
    "across": gettext_lazy("run across two stretches of text"),
}

# Why a label was not learned or has no threshold of its own, as the model library writes it.
WHY = (gettext_noop("no example"), gettext_noop("not enough evidence yet"))
ONE_CHOICE = "only one choice seen: "

Verdicts = Mapping[tuple[str, str | None, str], Mapping[str, int]]


@dataclass(frozen=True)
class Row:
    """A label, choice question or relation label: its scores, from where on it is suggested, and what became of it."""

    name: str
    scores: Mapping[str, Any]
    threshold: Mapping[str, Any]
    accepted: int
    decided: int
    reason: str = ""
    choices: tuple[tuple[str, Mapping[str, Any]], ...] = ()

    @property
    def why(self) -> str:
        """Why it is not suggested, or only from a score that is high by itself on, in the reader's language."""
        return _said(self.reason or self.threshold.get("reason") or "")

    @property
    def marked(self) -> int:
        """How often people marked it in what was measured."""
        return int(self.scores.get("tp", 0)) + int(self.scores.get("fn", 0))


@require_safe
def show(request: TenantRequest, version_id: int) -> HttpResponse:
    version = access.version_for(request, version_id)
    metrics = version.metrics
    thresholds = metrics.get("thresholds") or {}
    measured = "held_out" if metrics.get("held_out") else "out_of_fold"
    earlier = ModelVersion.objects.filter(project=version.project_id, number__lt=version.number)
    context = {
        "project": version.project,
        "version": version,
        "run": TrainingRun.objects.select_related("started_by").get(pk=version.run_id),
        "figures": scores_of(curves([version], measured=measured), version),
        "tables": tables(version),
        "precision": thresholds.get("precision"),
        "modest": thresholds.get("without_evidence", thresholds.get("precision")),
        "reliabilities": reliabilities(metrics),
        "left_out": left_out(metrics),
        "before": earlier.aggregate(last=Max("number"))["last"],
        "may_manage": access.may(request, Role.MANAGER),
    }
    return render(request, "web/version.html", context)


@require_http_methods(["GET", "POST"])
def promote(request: TenantRequest, version_id: int) -> HttpResponse:
    """Make a version live, forward or back, after a page that says what that means."""
    version = access.version_for(request, version_id, Role.MANAGER)
    if request.method == "GET":
        return render(request, "web/promote.html", _promotion(version))
    with told(request):
        runs.promote(version, actor=request.user)
        live = _("Version %(number)s is live. Its suggestions follow within moments.")
        messages.success(request, live % {"number": version.number})
    return redirect("model", tenant=request.tenant.slug, project_id=version.project_id)


def _promotion(version: ModelVersion) -> dict[str, Any]:
    """Both versions' scores side by side."""
    live = runs.live_version(version.project)
    compared = []
    for curve in curves([one for one in (live, version) if one is not None]):
        of = {point.version.pk: point for point in curve.points}
        compared.append((curve.title, of.get(live.pk) if live else None, of.get(version.pk)))
    back = live is not None and version.number < live.number
    return {"project": version.project, "version": version, "live": live, "compared": compared, "back": back}


def tables(version: ModelVersion) -> list[tuple[str, list[Row]]]:
    """Kind and rows of what the project asks: span labels, questions, relation labels."""
    schema = Schema.of(version.project)
    verdicts = stats.verdicts(version.project, version.number)
    made = [
        ("spans", _rows(version, "spans", "span", schema, verdicts)),
        ("questions", _questions(version, schema, verdicts)),
        ("relations", _rows(version, "relations", "relation", schema, verdicts)),
    ]
    return [(kind, rows) for kind, rows in made if rows]


def _rows(version: ModelVersion, part: str, kind: str, schema: Schema, verdicts: Verdicts) -> list[Row]:
    found = version.metrics.get(part) or {}
    scores = _today((found.get("predicted") or found).get("labels") or {}, kind, schema)
    thresholds = _today(_thresholds(version, part), kind, schema)
    reasons = version.metrics.get("not_learnt") or {}
    return [
        Row(
            name,
            scores.get(name, {}),
            thresholds.get(name, {}),
            *_counted([verdicts.get((kind, None, name), {})]),
            reasons.get(name, ""),
        )
        for name in sorted(schema.spans if kind == "span" else schema.relations)
    ]


def _questions(version: ModelVersion, schema: Schema, verdicts: Verdicts) -> list[Row]:
    names = schema.names
    scores = {names.asked(old): found for old, found in (version.metrics.get("questions") or {}).items()}
    thresholds = {names.asked(old): found for old, found in _thresholds(version, "questions").items()}
    reasons = version.metrics.get("not_learnt") or {}
    rows = []
    for name in schema.questions:
        counts = [count for (_, question, _), count in verdicts.items() if question == name]
        measured = scores.get(name, {}).get("choices") or {}
        choices = tuple(sorted((names.now("choice", name, choice), found) for choice, found in measured.items()))
        rows.append(
            Row(
                name,
                scores.get(name, {}),
                thresholds.get(name, {}),
                *_counted(counts),
                reasons.get(name, ""),
                choices,
            )
        )
    return rows


def _said(reason: str) -> str:
    if reason.startswith(ONE_CHOICE):
        return _("only one choice seen: %(name)s") % {"name": reason.removeprefix(ONE_CHOICE)}
    return _(reason) if reason in WHY else reason


def _today(found: Mapping[str, Any], kind: str, schema: Schema) -> dict[str, Any]:
    """What was measured of labels, by their names of today."""
    return {**{schema.names.now(kind, None, name): value for name, value in found.items()}, **found}


def _thresholds(version: ModelVersion, part: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (version.metrics.get("thresholds") or {}).get(part) or {}
    return found


def _counted(counts: Iterable[Mapping[str, int]]) -> tuple[int, int]:
    """Accepted, and decided at all."""
    counts = list(counts)
    return sum(count.get("accept", 0) for count in counts), sum(sum(count.values()) for count in counts)


def left_out(metrics: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Labelled spans that training could not use, and why."""
    counts = metrics.get("spans_left_out") or {}
    return [(counts[key], str(why)) for key, why in LEFT_OUT.items() if counts.get(key)]
