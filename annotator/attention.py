"""What needs a manager now, and what happened last. Each is one query over an index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.db.models.functions import Left

from annotator import skips, titles
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


@dataclass(frozen=True)
class Recent:
    """An answer that somebody gave."""

    at: datetime
    username: str
    state: str
    revision: int
    document: int
    title: str


def recent(project: Project) -> list[Recent]:
    """The last answers that people gave; what was imported is in the list of imports."""
    rows = AnnotationRevision.objects.filter(project=project, imported=False).annotate(
        beginning=Left("annotation__document__text", titles.READ)
    )
    found = rows.order_by("-pk").values_list(
        "created_at", "annotation__annotator__username", "state", "revision", "annotation__document",
        "annotation__document__external_id", "annotation__document__sha256", "beginning",
    )  # fmt: skip
    return [Recent(*row[:5], title=titles.title(*row[5:])) for row in found[:RECENT]]
