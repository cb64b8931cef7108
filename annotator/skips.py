"""Documents that somebody skipped and that still lack answers: with the reasons, and how to ask those people again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models.functions import Left, Length

from annotator import audit, review, titles
from annotator.models import Annotation, Document, Project, User
from annotator.tenancy import current_tenant

SHOWN = 200  # documents, those skipped last
EXCERPT = 200  # characters

# As many answers as the project asks for make up for a skip. Where each member has answered or skipped, nobody is left.
_LACKING = """
SELECT f.document_id, NOT EXISTS (
    SELECT FROM annotator_membership m JOIN annotator_user u ON u.id = m.user_id
    WHERE m.tenant_id = %(tenant)s AND u.is_active AND NOT EXISTS (
        SELECT FROM annotator_annotation a
        WHERE a.document_id = f.document_id AND a.annotator_id = m.user_id AND a.state <> 'draft'
    )
) AS nobody_left
FROM annotator_facet f JOIN annotator_project p ON p.id = f.project_id
WHERE f.project_id = %(project)s AND f.facet = 'state:skipped' AND p.annotators_per_document > (
    SELECT count(*) FROM annotator_annotation a
    WHERE a.project_id = f.project_id AND a.state = 'submitted' AND a.document_id = f.document_id
)
"""
_COUNT = f"SELECT count(*), count(*) FILTER (WHERE nobody_left) FROM ({_LACKING}) l"
_REASONS = f"""
SELECT btrim(a.comment, E' \\n\\r\\t'), count(DISTINCT a.document_id) FROM ({_LACKING}) l
JOIN annotator_annotation a ON a.document_id = l.document_id AND a.state = 'skipped'
GROUP BY 1 ORDER BY 2 DESC, 1
"""
_CHOSEN = f"""
SELECT l.document_id, l.nobody_left, max(a.updated_at) FROM ({_LACKING}) l
JOIN annotator_annotation a ON a.document_id = l.document_id AND a.state = 'skipped'
WHERE %(reason)s::text IS NULL OR btrim(a.comment, E' \\n\\r\\t') = %(reason)s
GROUP BY 1, 2 ORDER BY 3 DESC, 1 DESC
"""


@dataclass(frozen=True)
class Counts:
    """Documents that somebody skipped and that lack answers; those of them that nobody is left to be asked about."""

    documents: int
    nobody_left: int


@dataclass(frozen=True)
class Skip:
    """Somebody skipped it, then; perhaps they said why."""

    username: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Skipped:
    """A document with all its skips. ``nobody_left``: every member has answered or skipped it."""

    document: Document
    excerpt: str
    length: int
    nobody_left: bool
    skips: list[Skip] = field(default_factory=list)

    @property
    def title(self) -> str:
        return titles.title(self.document.external_id, self.document.sha256, self.excerpt)

    @property
    def below(self) -> str:
        """The excerpt without the words that the title says, and a sign where the text goes on."""
        shown = titles.below(self.document.external_id, self.document.sha256, self.excerpt)
        return f"{shown.rstrip()}…" if self.length > len(self.excerpt) else shown


def count(project: Project) -> Counts:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, _values(project))
        return Counts(*cursor.fetchone())


def reasons(project: Project) -> list[tuple[str, int]]:
    """What people said, most frequent first, with the number of documents; empty where they said nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_REASONS, _values(project))
        return list(cursor.fetchall())


def listed(project: Project, *, reason: str | None = None, most: int = SHOWN) -> list[Skipped]:
    """Those skipped last; ``reason`` is one of reasons(), None: whatever it was."""
    chosen = dict(_chosen(project, reason)[:most])
    rows = Document.objects.filter(pk__in=list(chosen)).defer("text", "meta")
    rows = rows.annotate(excerpt=Left("text", EXCERPT), length=Length("text"))
    there = {row.pk: Skipped(row, row.excerpt, row.length, chosen[row.pk]) for row in rows}
    found = {pk: there[pk] for pk in chosen if pk in there}
    skips = Annotation.objects.filter(document__in=list(found), state=Annotation.State.SKIPPED).order_by("updated_at")
    for pk, username, said, at in skips.values_list("document", "annotator__username", "comment", "updated_at"):
        found[pk].skips.append(Skip(username, said.strip(), at))
    return list(found.values())


def put_back(
    project: Project, *, documents: Collection[int] | None = None, reason: str | None = None, actor: User | None
) -> int:
    """Ask those who skipped again: about these documents, about those skipped for this reason, or about all that are
    listed; how many documents. What is put back already stays as it is.
    """
    keys = [pk for pk, _ in _chosen(project, reason)]
    if documents is not None:
        wanted = set(documents)
        keys = [pk for pk in keys if pk in wanted]
    if keys:
        review.reopen(project, keys)
        audit.record(actor, "skips.put_back", project.name, project=project.pk, count=len(keys), documents=keys[:100])
    return len(keys)


def _chosen(project: Project, reason: str | None) -> list[tuple[int, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(_CHOSEN, _values(project) | {"reason": reason})
        return [(pk, nobody_left) for pk, nobody_left, _ in cursor.fetchall()]


def _values(project: Project) -> dict[str, str | int | None]:
    return {"project": project.pk, "tenant": current_tenant().pk}
