"""A project's progress in numbers, in a fixed number of queries."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Count, Q

from annotator import suggestions
from annotator.finding.models import Facet
from annotator.models import Annotation, Decision, Document, Label, Project
from annotator.spans import Schema

DONE = "state:submitted"  # the facet of documents that somebody has submitted an answer about

# Each label of each submitted answer, counted where the answers lie.
_LABELS = """
WITH answers AS (
    SELECT answer FROM annotator_annotation WHERE project_id = %(project)s AND state = 'submitted'
)
SELECT 'span', NULL, item->>'label', count(*) FROM answers, jsonb_array_elements(answer->'spans') item GROUP BY 3
UNION ALL
SELECT 'relation', NULL, item->>'label', count(*)
FROM answers, jsonb_array_elements(answer->'relations') item GROUP BY 3
UNION ALL
SELECT 'choice', question, choice, count(*)
FROM answers, jsonb_each(answer->'classes') c(question, chosen), jsonb_array_elements_text(chosen) choice
GROUP BY question, choice
"""

# What became of each item that one version suggested and somebody decided on.
_VERDICTS = f"""
SELECT a.item->>'kind', a.item->>'question', a.item->>'label', v.verdict, count(*)
FROM annotator_suggestion s
JOIN annotator_decision v ON v.suggestion_id = s.id
CROSS JOIN LATERAL jsonb_array_elements(s.items) a (item)
WHERE s.project_id = %(project)s AND s.version = %(version)s AND a.item->>'id' = v.item AND {suggestions.LAST_WORD}
GROUP BY 1, 2, 3, 4
"""


def progress(project: Project) -> dict[str, Any]:
    """Documents done by split, how often each label was given, who did how much, and what became of suggestions."""
    return {
        **work(project),
        "labels": labels(project),
        "annotators": _annotators(project),
        "acceptance": suggestions.acceptance(project),
    }


def work(project: Project) -> dict[str, Any]:
    """Documents, and how many are done, in all and by split."""
    splits = _splits(project)
    return {
        "documents": sum(split["documents"] for split in splits.values()),
        "done": sum(split["done"] for split in splits.values()),
        "splits": splits,
    }


def verdicts(project: Project, version: int) -> dict[tuple[str, str | None, str], dict[str, int]]:
    """For each (kind, question, label) that a version suggested: how often each verdict fell."""
    with connection.cursor() as cursor:
        cursor.execute(_VERDICTS, {"project": project.pk, "version": version})
        rows = cursor.fetchall()
    names = Schema.of(project).names
    found: dict[tuple[str, str | None, str], dict[str, int]] = {}
    for kind, question, label, verdict, count in rows:
        name = (kind, question and names.asked(question), names.now(kind, question, label))
        found.setdefault(name, dict.fromkeys(Decision.Verdict.values, 0))[verdict] += count
    return found


def overview() -> dict[int, dict[str, int]]:
    """For each project of the tenant in scope: its documents, and how many of them are done."""
    found: dict[int, dict[str, int]] = {
        project: {"documents": documents, "done": 0}
        for project, documents in Document.objects.values_list("project").annotate(Count("pk"))
    }
    done = Facet.objects.filter(project__in=list(found), facet=DONE).values_list("project")
    for project, count in done.annotate(Count("document")):
        found[project]["done"] = count
    return found


def _splits(project: Project) -> dict[str, dict[str, int]]:
    found = {split: {"documents": 0, "done": 0, "open": 0} for split in Document.Split.values}
    documents = Document.objects.filter(project=project).values_list("split")
    counted = documents.annotate(total=Count("pk"), free=Count("pk", filter=Q(free_slots__gt=0)))
    for split, total, free in counted:
        found[split] |= {"documents": total, "open": free}
    done = Facet.objects.filter(project=project, facet=DONE).values_list("document__split")
    for split, count in done.annotate(Count("document")):
        found[split]["done"] = count
    return found


def labels(project: Project) -> list[dict[str, Any]]:
    """All labels of the project in its own order, also those that nobody has given yet."""
    with connection.cursor() as cursor:
        cursor.execute(_LABELS, {"project": project.pk})
        given = {(kind, question, name): count for kind, question, name, count in cursor.fetchall()}
    labels = Label.objects.filter(project=project).values_list("kind", "question__name", "name")
    return [
        {"kind": kind, "question": question, "name": name, "count": given.get((kind, question, name), 0)}
        for kind, question, name in labels
    ]


def _annotators(project: Project) -> list[dict[str, Any]]:
    rows = (
        Annotation.objects.filter(project=project)
        .values_list("annotator__username", "state")
        .annotate(Count("pk"))
        .order_by("annotator__username")
    )
    found: dict[str, dict[str, Any]] = {}
    for username, state, count in rows:
        counts = found.setdefault(username, {"username": username, **dict.fromkeys(Annotation.State.values, 0)})
        counts[state] = count
    return list(found.values())
