"""The model's story: how good it is and became, what people made of it, its versions, and the runs that taught it."""

from __future__ import annotations

from typing import Any

from django.db.models import FloatField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import formats
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotator import verdicts
from annotator.accounts import Role
from annotator.models import Label, Project
from trainer.models import ModelVersion, TrainingRun
from web import access, drawing
from web.drawing import Dot, Figure
from web.requests import TenantRequest
from web.views.charts import Curve, Point, curves, reliabilities
from web.views.training import lasted, training

VERSIONS_SHOWN = 12
RUNS_SHOWN, MOST_RUNS = 8, 200
MOST_VERSIONS = 200


@require_safe
def show(request: TenantRequest, project_id: int) -> HttpResponse:
    project = access.project_for(request, project_id)
    context = {
        "project": project,
        "may_manage": access.may(request, Role.MANAGER),
        "training": training(project),
        "all": "all" in request.GET,
        **_versions(project, everything="all" in request.GET),
        **_acceptance(project),
        **_runs(project, everything="all" in request.GET),
    }
    return render(request, "web/model.html", context)


def _versions(project: Project, *, everything: bool) -> dict[str, Any]:
    """The curves go over the latest versions, up to a limit; the table shows some of them unless all are asked for."""
    versions = list(ModelVersion.objects.filter(project=project).order_by("-number")[:MOST_VERSIONS])[::-1]
    drawn = curves(versions)
    live = next((version for version in versions if version.live), None)
    scores = [{point.version.pk: point for point in curve.points} for curve in drawn]
    rows = [(version, [score.get(version.pk) for score in scores]) for version in versions[::-1]]
    return {
        "versions": rows if everything else rows[:VERSIONS_SHOWN],
        "more_versions": 0 if everything else max(0, len(rows) - VERSIONS_SHOWN),
        "curves": drawn,
        "figures": [curve.figure() for curve in drawn],
        "live": live,
        "scores": scores_of(drawn, live),
        "reliabilities": reliabilities(live.metrics) if live else [],
        "pair": [version.number for version in versions[-2:]],
    }


def scores_of(drawn: list[Curve], version: ModelVersion | None) -> list[tuple[Curve, Point]]:
    """A version's score in each curve that has it."""
    return [(curve, point) for curve in drawn for point in curve.points if version and point.version.pk == version.pk]


def _acceptance(project: Project) -> dict[str, Any]:
    spent, weekly = verdicts.over_time(project)
    colors = {(label.kind, label.name): label.color for label in Label.objects.filter(project=project)}
    of_labels = verdicts.by_label(project)
    return {
        "acceptance": _over_time(spent, weekly) if spent else None,
        "of_labels": [(one, colors.get((one.kind, one.name), "")) for one in of_labels],
        "latest": verdicts.LATEST,
        "by_dictionary": verdicts.of_dictionary(project),
    }


def _over_time(spent: list[Any], weekly: bool) -> Figure:
    names = [formats.date_format(when, "j M") for when, _counts in spent]
    rows = [
        [name, f"{100 * c.rate:.0f}", str(c.accept), str(c.correct), str(c.reject), str(c.leave)]
        for name, (_when, c) in zip(names, spent, strict=True)
    ]
    told = _("%(when)s: %(rate)s %% of %(decided)d accepted")
    dots = [
        Dot(place, c.rate, told % {"when": name, "rate": row[1], "decided": c.decided}, strong=True)
        for place, (name, row, (_when, c)) in enumerate(zip(names, rows, spent, strict=True))
    ]
    label = _("Share of suggestions that people accepted, over time. The table has the numbers.")
    head = [_("Week from") if weekly else _("Day"), _("Percent"), _("Accepted"), _("Corrected"), _("Rejected")]
    note = _("percent of all that people saw, by week") if weekly else _("percent of all that people saw, by day")
    return Figure(
        _("Suggestions accepted"), note, drawing.line(label, names, dots), [*head, _("Left alone")], rows[::-1]
    )


def _runs(project: Project, *, everything: bool) -> dict[str, Any]:
    """The history without what is under way, which stands above."""
    cpu = Cast(KeyTextTransform("cpu_seconds", "metrics"), FloatField())
    over = TrainingRun.objects.filter(project=project).exclude(state__in=TrainingRun.ACTIVE)
    found = list(
        over.select_related("started_by")
        .annotate(cpu=cpu)
        .defer("metrics")
        .order_by("-pk")[: MOST_RUNS if everything else RUNS_SHOWN + 1]
    )
    shown = found if everything else found[:RUNS_SHOWN]
    numbers = dict(ModelVersion.objects.filter(run__in=shown).values_list("run", "number"))
    rows = [(run, numbers.get(run.pk), _took(run)) for run in shown]
    return {"runs": rows, "more_runs": len(found) > len(shown)}


def _took(run: TrainingRun) -> str:
    return lasted(run.started_at, run.finished_at) if run.started_at and run.finished_at else ""
