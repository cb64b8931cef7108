"""What needs a manager now, and what happened last. Each is one query over an index."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Count

from annotator.models import Annotation, AnnotationRevision, Project

RECENT = 8

# Only where several people answer a document can they differ; PostgreSQL compares the answers where they lie.
_DISAGREEMENTS = """
SELECT count(*) FROM (
    SELECT document_id FROM annotator_annotation WHERE project_id = %(project)s AND state = 'submitted'
    GROUP BY document_id HAVING count(*) > 1 AND min(md5(answer::text)) <> max(md5(answer::text))
) differing
"""


@dataclass(frozen=True)
class Attention:
    """Documents that somebody flagged, those where somebody asks for help, and those that people answer differently."""

    flagged: int
    help: int
    disagreements: int

    def __bool__(self) -> bool:
        return bool(self.flagged or self.help or self.disagreements)


def attention(project: Project) -> Attention:
    flags = Annotation.objects.filter(project=project).exclude(flag="").values_list("flag")
    counts = dict(flags.annotate(Count("document", distinct=True)).order_by())
    differing = disagreements(project) if project.annotators_per_document > 1 else 0
    return Attention(counts.get("flagged", 0), counts.get("help", 0), differing)


def disagreements(project: Project) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_DISAGREEMENTS, {"project": project.pk})
        return int(cursor.fetchone()[0])


def recent(project: Project) -> list[AnnotationRevision]:
    """The last answers that were given."""
    rows = AnnotationRevision.objects.filter(project=project).select_related(
        "annotation__annotator", "annotation__document"
    )
    return list(
        rows.only(
            "state", "revision", "created_at", "annotation__annotator__username", "annotation__document__external_id"
        ).order_by("-pk")[:RECENT]
    )
