"""Who did how much, how fast, with which labels, and how far people agree; each in one query over bounded rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations

from django.db import connection

from annotator import titles, zones
from annotator.items import agreement, items_of
from annotator.models import Annotation, Project

PERIODS = (7, 30, 90)  # days that may be looked back
DAYS = 30
LATEST = 5_000  # answers that are taken apart for the labels in them
TWICE = 500  # documents with several answers that are compared

# One pass over the answers for all counts; days are counted from 1, and all before the window are 0.
_WORK = """
SELECT u.username, w.state, w.flag, w.imported, w.day, w.answers FROM (
    SELECT annotator_id, state, flag, imported, day, count(*) AS answers FROM (
        SELECT annotator_id, state, flag, imported, width_bucket(updated_at, %(days)s::timestamptz[]) AS day
        FROM annotator_annotation WHERE project_id = %(project)s
    ) answers GROUP BY annotator_id, state, flag, imported, day
) w JOIN annotator_user u ON u.id = w.annotator_id
"""
_TIMES = """
SELECT u.username, t.answers, t.quarters FROM (
    SELECT annotator_id, count(*) AS answers,
           percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY milliseconds) AS quarters
    FROM annotator_annotation
    WHERE project_id = %(project)s AND state = 'submitted' AND milliseconds > 0 AND updated_at >= %(since)s
    GROUP BY annotator_id
) t JOIN annotator_user u ON u.id = t.annotator_id ORDER BY u.username
"""
_LABELS = """
WITH answers AS (
    SELECT u.username, a.answer FROM annotator_annotation a JOIN annotator_user u ON u.id = a.annotator_id
    WHERE a.project_id = %(project)s AND a.state = 'submitted' AND NOT a.imported ORDER BY a.id DESC LIMIT %(most)s
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
GROUP BY document_id HAVING count(*) > 1 ORDER BY document_id DESC LIMIT %(most)s
"""


@dataclass
class Person:
    """What somebody did: answers by state and by flag, and documents submitted on each of the last days. What they
    imported is counted as that and nothing else."""

    username: str
    counts: Counter[str] = field(default_factory=Counter)
    days: list[int] = field(default_factory=list)

    @property
    def week(self) -> int:
        return sum(self.days[-7:])

    @property
    def a_day(self) -> float:
        """The mean of the days on which they submitted anything; 0 where there is none."""
        worked = [count for count in self.days if count]
        return sum(worked) / len(worked) if worked else 0.0


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
    """Over the latest documents with several answers; ``least``: those with the least, as (document, title, share)."""

    documents: int
    mean: float
    pairs: list[Pair]
    least: list[tuple[int, str, float]]


def people(project: Project, period: int = DAYS) -> list[Person]:
    """Everybody who has answered, with the documents they submitted on each of so many days, by the last time."""
    days = last_days(project, period)
    with connection.cursor() as cursor:
        cursor.execute(_WORK, {"project": project.pk, "days": zones.beginnings(days, zones.of_days(project))})
        rows = cursor.fetchall()
    found: dict[str, Person] = {}
    for username, state, flag, imported, day, count in rows:
        one = found.setdefault(username, Person(username, days=[0] * len(days)))
        one.counts["imported" if imported else state] += count
        one.counts[flag] += count
        if day and not imported and state == Annotation.State.SUBMITTED:
            one.days[day - 1] += count
    return [found[username] for username in sorted(found)]


def last_days(project: Project, period: int = DAYS) -> list[date]:
    """So many days as the project counts them, today the last."""
    return zones.last_days(period, zones.of_days(project))


def times(project: Project, period: int = DAYS) -> list[Times]:
    """Of so many days; none of a project that hides them."""
    if not project.show_times:
        return []
    (since,) = zones.beginnings(last_days(project, period)[:1], zones.of_days(project))
    with connection.cursor() as cursor:
        cursor.execute(_TIMES, {"project": project.pk, "since": since})
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
        "document", "annotator__username", "answer", "document__text", "document__external_id", "document__sha256"
    )
    for document, username, answer, text, external_id, sha256 in rows.iterator():
        name = titles.title(external_id, sha256, text[: titles.READ])
        given[document, name].append((username, frozenset(items_of(answer, text))))
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
