"""What needs a manager now, and what happened last. Each is one query over an index."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count

from annotator import skips
from annotator.finding.models import Facet
from annotator.models import AnnotationRevision, Project

RECENT = 8
FACETS = ("flag:flagged", "flag:help", "differs")


@dataclass(frozen=True)
class Attention:
    """Documents that somebody flagged, those where somebody asks for help, those that people answer differently, and
    those that somebody skipped and that still lack answers."""

    flagged: int
    help: int
    disagreements: int
    skipped: skips.Counts

    def __bool__(self) -> bool:
        return bool(self.flagged or self.help or self.disagreements or self.skipped.documents)


def attention(project: Project) -> Attention:
    rows = Facet.objects.filter(project=project, facet__in=FACETS).values_list("facet").annotate(Count("document"))
    counts = dict(rows.order_by())
    flagged, asked, differing = (counts.get(facet, 0) for facet in FACETS)
    return Attention(flagged, asked, differing, skips.count(project))


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
