"""What needs a manager now, and what happened last. Each is one query over an index."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count

from annotator.finding.models import Facet
from annotator.models import AnnotationRevision, Project

RECENT = 8
FACETS = ("flag:flagged", "flag:help", "differs")


@dataclass(frozen=True)
class Attention:
    """Documents that somebody flagged, those where somebody asks for help, and those that people answer differently."""

    flagged: int
    help: int
    disagreements: int

    def __bool__(self) -> bool:
        return bool(self.flagged or self.help or self.disagreements)


def attention(project: Project) -> Attention:
    rows = Facet.objects.filter(project=project, facet__in=FACETS).values_list("facet").annotate(Count("document"))
    counts = dict(rows.order_by())
    return Attention(*(counts.get(facet, 0) for facet in FACETS))


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
