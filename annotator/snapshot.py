"""A project's accepted answers as JSON lines: what training reads, and what people export.

A line is ``{"id", "text", "spans", "classes", "relations", "complete", "split", "meta"?}``, one a document: its
latest submitted answer. Lines go by document, so the same state of a project gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import connection
from django.db.models import Max

from annotator.models import Annotation, AnnotationRevision, Project

CHUNK = 2_000

# PostgreSQL writes the JSON: no Python object is made of a row, so a large project streams at disk speed.
_LINES = """
SELECT d.id, json_build_object(
    'id', d.external_id, 'text', d.text, 'spans', a.answer->'spans', 'classes', a.answer->'classes',
    'relations', a.answer->'relations', 'complete', a.complete, 'split', d.split, 'meta', d.meta)::text
FROM annotator_document d
JOIN LATERAL (
    SELECT answer, complete FROM annotator_annotation
    WHERE document_id = d.id AND project_id = d.project_id AND state = 'submitted'
    ORDER BY updated_at DESC, id DESC LIMIT 1
) a ON true
WHERE d.project_id = %s AND d.id > %s ORDER BY d.id LIMIT %s
"""


@dataclass(frozen=True)
class Snapshot:
    """A written snapshot. ``watermark`` is the last annotation revision that it can hold."""

    path: Path
    sha256: str
    lines: int
    watermark: int


def lines(project: Project) -> Iterator[str]:
    """The lines, without line ends, a chunk in memory at a time. Needs the tenant's scope while it runs."""
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_LINES, [project.pk, last, CHUNK])
            rows = cursor.fetchall()
        for _, line in rows:
            yield line
        if len(rows) < CHUNK:
            return
        last = rows[-1][0]


def write(project: Project, path: Path) -> Snapshot:
    """Write the snapshot beside ``path`` and rename it there, so that a reader never sees half of one."""
    mark = watermark(project)
    digest, count = hashlib.sha256(), 0
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        for line in lines(project):
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
