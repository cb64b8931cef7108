"""People and pace: documents per day, time per document, labels by person, and how far people agree."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from annotator import pace, zones
from annotator.accounts import Role
from annotator.models import Label, Project
from web import access, drawing
from web.drawing import Figure
from web.requests import TenantRequest


@require_safe
def show(request: TenantRequest, project_id: int) -> HttpResponse:
    project = access.project_for(request, project_id, Role.MANAGER)
    period = next((days for days in pace.PERIODS if str(days) == request.GET.get("days")), pace.DAYS)
    people = pace.people(project, period)
    asked = request.GET.get("person", "") if project.show_times else ""
    alone = next((one for one in people if one.username == asked), None)
    counts = alone.days if alone else [sum(column) for column in zip(*(one.days for one in people), strict=True)]
    # The days of all are those of one where nobody else worked: what a project hides, it hides then, too.
    several = project.show_times or sum(1 for one in people if any(one.days)) > 1
    context = {
        "project": project,
        "figure": _per_day(project, counts, alone.username if alone else "") if any(counts) and several else None,
        "period": period,
        "periods": pace.PERIODS,
        "zone": zones.of_days(project),
        "person": alone.username if alone else "",
        "people": people,
        "imports": any(one.counts["imported"] for one in people),
        "times": pace.times(project, period),
        "agreement": pace.agreed(project),
        "latest": pace.LATEST,
        **_labels(project, [one.username for one in people]),
    }
    return render(request, "web/pace.html", context)


def _per_day(project: Project, counts: list[int], person: str) -> Figure:
    names = [formats.date_format(day, "j M") for day in pace.last_days(project, len(counts))]
    tips = [
        f"{name}: " + ngettext("%(count)d document", "%(count)d documents", count) % {"count": count}
        for name, count in zip(names, counts, strict=True)
    ]
    label = _("Documents labelled each day. The table has the numbers.")
    rows = [[name, str(count)] for name, count in zip(names, counts, strict=True) if count]
    picture = drawing.bars(label, names, counts, tips)
    note = (
        _("by %(person)s, by the day they were last submitted") if person else _("by the day they were last submitted")
    )
    head = [_("Day"), _("Documents")]
    return Figure(_("Documents each day"), note % {"person": person}, picture, head, rows[::-1])


def _labels(project: Project, people: list[str]) -> dict[str, Any]:
    """Each label's share of all that a person gave of its kind: people who read the guidelines alike have like rows."""
    given = pace.labels(project)
    totals: dict[tuple[str, str | None, str], int] = {}
    for (kind, question, _name), counts in given.items():
        for username, count in counts.items():
            key = (kind, question, username)
            totals[key] = totals.get(key, 0) + count
    known = Label.objects.filter(project=project).values_list("kind", "question__name", "name", "color")
    rows = []
    for kind, question, name, color in known:
        counts = given.get((kind, question, name), {})
        shares = [(counts.get(who, 0), counts.get(who, 0) / (totals.get((kind, question, who)) or 1)) for who in people]
        if counts:
            rows.append({"name": name, "question": question, "color": color, "all": sum(counts.values()), "of": shares})
    return {"labels": rows, "names": people}
