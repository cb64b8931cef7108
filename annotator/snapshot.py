"""A project's accepted answers as a file of JSON lines, for training: the export of latest answers, with its mark.

Lines go by document, so the same state of a project gives the same bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Max

from annotator.exporting import jsonl
from annotator.models import Annotation, AnnotationRevision, Project


@dataclass(frozen=True)
class Snapshot:
    """A written snapshot. ``watermark`` is the last annotation revision that it can hold."""

    path: Path
    sha256: str
    lines: int
    watermark: int


def write(project: Project, path: Path) -> Snapshot:
    """Write the snapshot beside ``path`` and rename it there, so that a reader never sees half of one."""
    mark = watermark(project)
    digest, count = hashlib.sha256(), 0
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        for line in jsonl.lines(project):
            data = line.encode() + b"\n"
            digest.update(data)
            file.write(data)
            count += 1
    part.rename(path)
    return Snapshot(path, digest.hexdigest(), count, mark)


def watermark(project: Project) -> int:
    """The last annotation revision of the project; 0 before the first."""
    return AnnotationRevision.objects.filter(project=project).aggregate(last=Max("pk"))["last"] or 0


def news(project: Project, since: int) -> int:
    """How many documents that training may use have an answer newer than that watermark."""
    return (
        AnnotationRevision.objects.filter(
            project=project,
            pk__gt=since,
            annotation__state=Annotation.State.SUBMITTED,
            annotation__document__split="pool",
        )
        .values("annotation__document")
        .distinct()
        .count()
    )
