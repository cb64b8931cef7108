"""A project's progress in numbers, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Count, Q

from annotator import suggestions, zones
from annotator.finding.models import Facet
from annotator.models import Annotation, Decision, Document, Label, Project, User
from annotator.spans import Schema
from annotator.verdicts import of_dictionary

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


# Answers that count: of each document as many as are wanted, whoever gave more.
_GIVEN = """
SELECT {by}, sum(least(a.answers, p.annotators_per_document)),
       count(*) FILTER (WHERE a.answers >= p.annotators_per_document)
FROM (
    SELECT project_id, document_id, count(*) AS answers FROM annotator_annotation
    WHERE project_id = ANY(%s) AND state = 'submitted' GROUP BY project_id, document_id
) a JOIN annotator_project p ON p.id = a.project_id JOIN annotator_document d ON d.id = a.document_id
GROUP BY 1
"""


def progress(project: Project) -> dict[str, Any]:
    """How far it is by split, how often each label was given, who did how much, and what became of suggestions."""
    annotators, dictionary = _annotators(project), of_dictionary(project)
    return {
        **work(project),
        "imported": sum(one["imported"] for one in annotators),
        "labels": labels(project),
        "annotators": annotators,
        "acceptance": suggestions.acceptance(project),
        "dictionary": dictionary.as_json() if dictionary.decided else None,
    }


def work(project: Project) -> dict[str, Any]:
    """Answers wanted and given, and documents that have all of theirs, in all and by split.

    Of a document as many answers count as are wanted. One that came with an import counts like any other, since nobody
    is asked for it.
    """
    splits = _splits(project)
    whole = {name: sum(split[name] for split in splits.values()) for name in ("documents", "done", "wanted", "given")}
    return {**whole, "splits": splits}


def imported(project: Project) -> int:
    """Answers that came with an import and stand as they came: nobody's work."""
    return Annotation.objects.filter(project=project, state=Annotation.State.SUBMITTED, imported=True).count()


def given(project: Project) -> dict[str, int]:
    """Answers ``wanted`` and ``given``, of the whole project alone."""
    documents = Document.objects.filter(project=project).count()
    found = _given("d.project_id", [project]).get(project.pk, (0, 0))
    return {"wanted": documents * project.annotators_per_document, "given": found[0]}


def own(project: Project, user: User) -> dict[str, int]:
    """Documents that this person has labelled, in all and today, by the day that the project counts in."""
    zone = zones.of_days(project)
    (begun,) = zones.beginnings([zones.today(zone)], zone)
    answers = Annotation.objects.filter(project=project, annotator=user, state=Annotation.State.SUBMITTED)
    return answers.filter(imported=False).aggregate(all=Count("pk"), today=Count("pk", filter=Q(updated_at__gte=begun)))


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
    """For each project of the tenant in scope: its documents, answers wanted and given."""
    documents = dict(Document.objects.values_list("project").annotate(Count("pk")))
    projects = list(Project.objects.filter(pk__in=list(documents)))
    counted = _given("d.project_id", projects)
    return {
        project.pk: {
            "documents": documents[project.pk],
            "wanted": documents[project.pk] * project.annotators_per_document,
            "given": counted.get(project.pk, (0, 0))[0],
        }
        for project in projects
    }


def _splits(project: Project) -> dict[str, dict[str, int]]:
    found = {
        split: dict.fromkeys(("documents", "done", "open", "wanted", "given"), 0) for split in Document.Split.values
    }
    documents = Document.objects.filter(project=project).values_list("split")
    counted = documents.annotate(total=Count("pk"), free=Count("pk", filter=Q(free_slots__gt=0)))
    for split, total, free in counted:
        found[split] |= {"documents": total, "open": free, "wanted": total * project.annotators_per_document}
    for split, (answers, done) in _given("d.split", [project]).items():
        found[split] |= {"given": answers, "done": done}
    return found


def _given(by: str, projects: Sequence[Project]) -> dict[Any, tuple[int, int]]:
    """Answers that count and documents that have all of theirs, by split or by project.

    Where one answer is all that is wanted, the two are the same, and their facet knows them without the answers.
    """
    found: dict[Any, tuple[int, int]] = {}
    single = [project.pk for project in projects if project.annotators_per_document == 1]
    several = [project.pk for project in projects if project.annotators_per_document > 1]
    if single:
        done = Facet.objects.filter(project__in=single, facet=DONE)
        field = "document__split" if by == "d.split" else "project"
        found |= {key: (count, count) for key, count in done.values_list(field).annotate(Count("document"))}
    if several:
        with connection.cursor() as cursor:
            cursor.execute(_GIVEN.format(by=by), [several])
            found |= {key: (int(answers), done) for key, answers, done in cursor.fetchall()}
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
    """What came with an import stands under the name of who imported it, and is none of their work."""
    rows = (
        Annotation.objects.filter(project=project)
        .values_list("annotator__username", "state", "imported")
        .annotate(Count("pk"))
        .order_by("annotator__username")
    )
    found: dict[str, dict[str, Any]] = {}
    for username, state, imported, count in rows:
        nothing = dict.fromkeys((*Annotation.State.values, "imported"), 0)
        found.setdefault(username, {"username": username, **nothing})["imported" if imported else state] += count
    return list(found.values())
