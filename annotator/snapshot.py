"""What training gets of a project: its accepted answers and its texts, as files of JSON lines.

The snapshot is the export of what a majority says, with the spans that people rejected and its mark. Lines go by
document, so the same state of a project gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from django.db.models import Max

from annotator.exporting import jsonl
from annotator.models import Annotation, AnnotationRevision, Document, Project

TEXTS_AT_ONCE = 200
SHORTEST = len(b'{"text":"x"}\n')


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
        for line in jsonl.training_lines(project):
            data = line.encode() + b"\n"
            digest.update(data)
            file.write(data)
            count += 1
    part.rename(path)
    return Snapshot(path, digest.hexdigest(), count, mark)


def write_texts(project: Project, path: Path, most_bytes: int) -> int:
    """Write the project's own texts, labelled or not, as lines with a ``text``; returns how many.

    Where all of them take more than ``most_bytes``, it is as many as go in, drawn by the chance that orders the queue.
    """
    part, count, room = path.with_suffix(".part"), 0, most_bytes
    with part.open("wb") as file:
        for line in _texts(project, most_bytes // SHORTEST):
            room -= len(line)
            if room < 0:
                break
            file.write(line)
            count += 1
    part.rename(path)
    return count


def _texts(project: Project, most: int) -> Iterator[bytes]:
    """By pages: the database orders the keys alone, and never sorts texts."""
    documents = Document.objects.filter(project=project)
    ids = list(documents.order_by("shuffle", "pk").values_list("pk", flat=True)[:most])
    for first in range(0, len(ids), TEXTS_AT_ONCE):
        page = ids[first : first + TEXTS_AT_ONCE]
        texts = dict(documents.filter(pk__in=page).values_list("pk", "text"))
        yield from (orjson.dumps({"text": texts[pk]}) + b"\n" for pk in page)


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
