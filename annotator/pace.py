"""Who did how much, how fast, with which labels, and how far people agree; each in one query over bounded rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations

from django.db import connection
from django.db.models import Count
from django.db.models.functions import TruncDay
from django.utils import timezone

from annotator.items import agreement, items_of
from annotator.models import Annotation, Project

DAYS = 30
LATEST = 5_000  # answers that are taken apart for the labels in them
TWICE = 500  # documents with several answers that are compared

_TIMES = """
SELECT u.username, count(*), percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY a.milliseconds)
FROM annotator_annotation a JOIN annotator_user u ON u.id = a.annotator_id
WHERE a.project_id = %(project)s AND a.state = 'submitted' AND a.milliseconds > 0
GROUP BY u.username ORDER BY u.username
"""
_LABELS = """
WITH answers AS (
    SELECT u.username, a.answer FROM annotator_annotation a JOIN annotator_user u ON u.id = a.annotator_id
    WHERE a.project_id = %(project)s AND a.state = 'submitted' ORDER BY a.id DESC LIMIT %(most)s
)
SELECT username, 'span', NULL, item->>'label', count(*)
FROM answers, jsonb_array_elements(answer->'spans') item GROUP BY 1, 4
UNION ALL
SELECT username, 'relation', NULL, item->>'label', count(*)
FROM answers, jsonb_array_elements(answer->'relations') item GROUP BY 1, 4
UNION ALL
SELECT username, 'choice', question, choice, count(*)
FROM answers, jsonb_each(answer->'classes') c(question, chosen), jsonb_array_elements_text(chosen) choice
GROUP BY 1, 3, 4
"""
_TWICE = """
SELECT document_id FROM annotator_annotation WHERE project_id = %(project)s AND state = 'submitted'
GROUP BY document_id HAVING count(*) > 1 ORDER BY max(id) DESC LIMIT %(most)s
"""


@dataclass(frozen=True)
class Times:
    """How long a person takes for a document, in seconds: the median, and the quarters around it."""

    username: str
    documents: int
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Pair:
    """How far two people agree on the documents that both answered."""

    one: str
    other: str
    documents: int
    agreement: float


@dataclass(frozen=True)
class Agreement:
    """Over the latest documents with several answers; ``least`` are those with the least, as (document id, share)."""

    documents: int
    mean: float
    pairs: list[Pair]
    least: list[tuple[int, str, float]]


def per_day(project: Project) -> tuple[list[date], dict[str, list[int]]]:
    """The days of the last month, and for each person how many documents they submitted on each, by the last time."""
    today = timezone.now().date()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    rows = (
        Annotation.objects.filter(project=project, state=Annotation.State.SUBMITTED, updated_at__date__gte=days[0])
        .values_list("annotator__username", TruncDay("updated_at"))
        .annotate(Count("pk"))
        .order_by("annotator__username")
    )
    found: dict[str, list[int]] = {}
    for username, when, count in rows:
        found.setdefault(username, [0] * DAYS)[(when.date() - days[0]).days] = count
    return days, found


def people(project: Project) -> list[dict[str, int | str]]:
    """For each person who has answered: how many documents they submitted, skipped, have begun, and asked help with."""
    found: dict[str, dict[str, int | str]] = {}
    rows = Annotation.objects.filter(project=project).values_list("annotator__username", "state", "flag")
    for username, state, flag, count in rows.annotate(Count("pk")).order_by("annotator__username"):
        one = found.setdefault(username, {"username": username, **dict.fromkeys(_COUNTED, 0)})
        for name in {state, flag} & set(_COUNTED):
            one[name] = int(one[name]) + count
    return list(found.values())


_COUNTED = ("submitted", "skipped", "draft", "help")


def times(project: Project) -> list[Times]:
    """None of a project that hides them."""
    if not project.show_times:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_TIMES, {"project": project.pk})
        rows = cursor.fetchall()
    return [Times(username, count, *(part / 1000 for part in quarters)) for username, count, quarters in rows]


def labels(project: Project) -> dict[tuple[str, str | None, str], dict[str, int]]:
    """For each (kind, question, label) in the latest answers: how often each person gave it."""
    with connection.cursor() as cursor:
        cursor.execute(_LABELS, {"project": project.pk, "most": LATEST})
        rows = cursor.fetchall()
    found: defaultdict[tuple[str, str | None, str], dict[str, int]] = defaultdict(dict)
    for username, kind, question, name, count in rows:
        found[kind, question, name][username] = count
    return dict(found)


def agreed(project: Project, *, least: int = 10) -> Agreement | None:
    """How far people agree, by what they marked and chose; None where nobody answered what another did."""
    with connection.cursor() as cursor:
        cursor.execute(_TWICE, {"project": project.pk, "most": TWICE})
        twice = [row[0] for row in cursor.fetchall()]
    if not twice:
        return None
    answers = Annotation.objects.filter(document__in=twice, state=Annotation.State.SUBMITTED)
    given: defaultdict[tuple[int, str], list[tuple[str, frozenset[object]]]] = defaultdict(list)
    rows = answers.order_by("annotator__username").values_list(
        "document", "document__external_id", "annotator__username", "answer"
    )
    for document, name, username, answer in rows:
        given[document, name].append((username, frozenset(items_of(answer))))
    pairs: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    shares = []
    for (document, name), said in given.items():
        found = []
        for (one, mine), (other, theirs) in combinations(said, 2):
            found.append(agreement(set(mine), set(theirs)))  # type: ignore[arg-type]
            pairs[one, other].append(found[-1])
        shares.append((document, name, sum(found) / len(found)))
    differing = sorted((row for row in shares if row[2] < 1), key=lambda row: row[2])
    return Agreement(
        len(shares),
        sum(row[2] for row in shares) / len(shares),
        [Pair(*names, len(found), sum(found) / len(found)) for names, found in sorted(pairs.items())],
        differing[:least],
    )
