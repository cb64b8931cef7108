"""What people made of models' suggestions, over time and label by label, and of the dictionary's, as their last word on
each item has it; each in one query over bounded rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Count, DateTimeField, Func, IntegerField, Value

from annotator import suggestions, zones
from annotator.models import Project
from annotator.spans import Schema

WEEKS = 26
DAILY_UP_TO = 21  # days of decisions; beyond that, weeks
LATEST = 5_000

# The latest decisions alone are taken apart: however long a project runs, its page costs the same.
_BY_LABEL = """
SELECT item->>'kind', item->>'question', item->>'label', v.verdict, count(*)
FROM (SELECT DISTINCT ON (suggestion_id, item, user_id) suggestion_id, item AS id, verdict
      FROM (SELECT * FROM annotator_decision WHERE project_id = %(project)s
            ORDER BY created_at DESC LIMIT %(most)s) latest
      ORDER BY suggestion_id, item, user_id, latest.id DESC) v
JOIN annotator_suggestion s ON s.id = v.suggestion_id
CROSS JOIN LATERAL jsonb_array_elements(s.items) a (item)
WHERE item->>'id' = v.id AND s.version IS NOT NULL
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3
"""


@dataclass
class Counts:
    """How often each verdict was given."""

    accept: int = 0
    correct: int = 0
    reject: int = 0
    leave: int = 0

    @property
    def decided(self) -> int:
        return self.accept + self.correct + self.reject + self.leave

    @property
    def rate(self) -> float:
        """The share of all that people saw which they took as it was."""
        return self.accept / self.decided if self.decided else 0.0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "rate": self.rate}


@dataclass
class OfLabel:
    """Of one label; ``question`` is None unless it is a choice."""

    kind: str
    question: str | None
    name: str
    counts: Counts = field(default_factory=Counts)


def over_time(project: Project) -> tuple[list[tuple[date, Counts]], bool]:
    """Verdicts by day, or by week (from Monday) where there are many days; and whether it is weeks."""
    zone = zones.of_days(project)
    days = zones.last_days(7 * WEEKS, zone)
    beginnings = zones.beginnings(days, zone)
    decisions = suggestions.of_models(project).filter(created_at__gte=beginnings[0]).order_by()
    which = Func(
        "created_at", Value(beginnings, output_field=ArrayField(DateTimeField())),
        function="width_bucket", output_field=IntegerField(),
    )  # fmt: skip
    rows = list(decisions.values_list(which, "verdict").annotate(Count("created_at")))
    weekly = any(place < len(days) - DAILY_UP_TO for place, _verdict, _count in rows)
    found: dict[date, Counts] = {}
    for place, verdict, count in rows:
        day = days[place - 1]
        begun = day - timedelta(days=day.weekday()) if weekly else day
        counts = found.setdefault(begun, Counts())
        setattr(counts, verdict, getattr(counts, verdict) + count)
    return sorted(found.items()), weekly


def of_dictionary(project: Project) -> Counts:
    """Verdicts on what the dictionary suggested, in all."""
    found = suggestions.standing(project).filter(suggestion__version=None).values_list("verdict").annotate(Count("pk"))
    return Counts(**dict(found))


def by_label(project: Project) -> list[OfLabel]:
    """Verdicts on the latest suggested items, label by label, by the names that labels have today."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_LABEL, {"project": project.pk, "most": LATEST})
        rows = cursor.fetchall()
    names = Schema.of(project).names
    found: dict[tuple[str, str | None, str], OfLabel] = {}
    for kind, question, said, verdict, count in rows:
        key = (kind, question and names.asked(question), names.now(kind, question, said))
        counts = found.setdefault(key, OfLabel(*key)).counts
        setattr(counts, verdict, getattr(counts, verdict) + count)
    return list(found.values())
