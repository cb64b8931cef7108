"""Put rows into a project: each document once, whatever is imported how often. The one writer of new documents."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import DataError, connection

from annotator import relabel
from annotator.dictionary import learning
from annotator.errors import Invalid
from annotator.finding import words
from annotator.importing import labelled
from annotator.importing.rows import Refused, Row
from annotator.importing.told import Note, Tally
from annotator.models import Annotation, Document, Job, Label, Project, User
from annotator.spans import Answer, Schema, clean_answer, storable_fault, text_fault
from annotator.tenancy import current_tenant

__all__ = ["Row", "Stored", "store_rows"]

MAX_ID = 200
MAX_DEPTH = 64

_INSERT_DOCUMENTS = """
INSERT INTO annotator_document (tenant_id, project_id, external_id, text, sha256, meta, split, priority, shuffle,
                                free_slots, created_at, job_id)
SELECT %s, %s, r.external_id, r.text, r.sha256, r.meta::jsonb, r.split, 0, r.shuffle, r.free_slots, now(), %s
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::int[])
     AS r(external_id, text, sha256, meta, split, shuffle, free_slots)
ON CONFLICT (project_id, external_id) DO NOTHING
RETURNING id, external_id
"""

# The annotation and the first entry of its history, as review.annotate() writes them.
_INSERT_ANNOTATIONS = """
WITH given AS (
    SELECT * FROM unnest(%(documents)s::bigint[], %(answers)s::text[], %(completes)s::bool[], %(submits)s::uuid[])
        AS r(document_id, answer, complete, submit_id)
), made AS (
    INSERT INTO annotator_annotation (tenant_id, project_id, document_id, annotator_id, revision, state, complete,
                                      answer, submit_id, imported, updated_at)
    SELECT %(tenant)s, %(project)s, document_id, %(user)s, 1, %(state)s, complete, answer::jsonb, submit_id, true, now()
    FROM given RETURNING id, complete, answer, submit_id
)
INSERT INTO annotator_annotationrevision (tenant_id, project_id, annotation_id, revision, state, complete, answer,
                                          submit_id, imported, created_at)
SELECT %(tenant)s, %(project)s, id, 1, %(state)s, complete, answer, submit_id, true, now() FROM made
"""


@dataclass
class Stored:
    """How many rows were new, how many were there already, which were refused, and what is told of all of them."""

    new: int = 0
    known: int = 0
    refused: list[Refused] = field(default_factory=list)
    told: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A row that may go in, with what is derived from it."""

    row: Row
    external_id: str
    sha256: str
    meta: str
    answer: Answer | None
    complete: bool = True
    notes: Sequence[Note] = ()


def store_rows(
    project: Project, rows: Iterable[Row | Refused], *, user: User | None = None, job: Job | None = None
) -> Stored:
    """Store a batch of rows, each new document once; rows with labels become ``user``'s submitted annotations.

    New documents remember the ``job`` that brought them, so that it can be undone.

    An external id that is there already with the same text is known, and nothing changes; with another text
    the row is refused. Refusals of the reader are passed through. Needs the tenant's scope.
    """
    try:
        return _store(project, rows, user, job)
    except DataError as error:  # PostgreSQL cannot hold a value, whatever we looked at before
        first_line = str(error).strip().partition("\n")[0]
        raise Invalid("unstorable", f"The database cannot keep what is in these rows: {first_line}") from error


def _store(project: Project, rows: Iterable[Row | Refused], user: User | None, job: Job | None) -> Stored:
    _wait_for_other_imports(project)
    stored = Stored()
    fresh: dict[str, _Checked] = {}
    check = _Check(project, user)
    for row in rows:
        checked = row if isinstance(row, Refused) else check(row)
        if isinstance(checked, Refused):
            stored.refused.append(checked)
            continue
        stored.told.noted(checked.notes, checked.row.refused("", "").detail())
        if checked.external_id not in fresh:
            fresh[checked.external_id] = checked
        else:
            _settle_known(stored, checked, fresh[checked.external_id].sha256)
    if fresh:
        ids = _insert_documents(project, list(fresh.values()), job)
        stored.new += len(ids)
        words.index(project, [(ids[key], key, c.row.text) for key, c in fresh.items() if key in ids])
        if user is not None:
            made = [(ids[key], c) for key, c in fresh.items() if key in ids and c.answer is not None]
            _insert_annotations(project, user, made)
            _teach(project, [c for _, c in made])
        _settle_clashes(project, stored, [c for key, c in fresh.items() if key not in ids])
        stored.refused.sort(key=lambda refused: (refused.line, refused.item))
    stored.told.rows = stored.new + stored.known + len(stored.refused)
    stored.told.refused(row.detail() for row in stored.refused)
    return stored


def judged(project: Project, rows: Sequence[Row | Refused], *, user: User | None = None) -> Stored:
    """What store_rows would refuse of these rows and tell of them whatever the project holds; nothing is stored."""
    check = _Check(project, user)
    check.schema = Schema.of(project)
    found = Stored()
    for row in rows:
        checked = row if isinstance(row, Refused) else check(row)
        if isinstance(checked, Refused):
            found.refused.append(checked)
        else:
            found.told.noted(checked.notes, checked.row.refused("", "").detail())
    found.told.rows = len(rows)
    found.told.refused(row.detail() for row in found.refused)
    return found


def _wait_for_other_imports(project: Project) -> None:
    """One at a time in a project: two files with the same ids in different order would lock each other.

    Not by a lock on the project's row, because nothing else has to wait for a long import.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"import into {project.pk}"])


class _Check:
    """Checks row after row against one project; its label set is read when the first labels are met."""

    def __init__(self, project: Project, user: User | None) -> None:
        self.project = project
        self.user = user
        self.schema: Schema | None = None
        self._called: tuple[frozenset[str], frozenset[str]] | None = None

    def __call__(self, row: Row) -> _Checked | Refused:
        try:
            return self._checked(row)
        except RecursionError:  # in what is not kept, and so was not looked at for its depth
            return row.refused("row", f"is nested more than {MAX_DEPTH} levels deep")

    def _checked(self, row: Row) -> _Checked | Refused:
        fault = text_fault(row.text)
        if fault:
            return row.refused("text", fault)
        sha256 = hashlib.sha256(row.text.encode()).hexdigest()
        external_id = row.external_id if row.external_id is not None else sha256
        fault = id_fault(external_id)
        if fault:
            return row.refused("id", fault)
        fault = meta_fault(row.meta)
        if fault:
            return row.refused("meta", fault)
        meta = orjson.dumps(row.meta).decode()
        reading = labelled.read(row, *self._names()) if row.source else labelled.read(row)
        if isinstance(reading, Refused):
            return reading
        if reading.answer is None:
            return _Checked(row, external_id, sha256, meta, None, notes=reading.notes)
        try:
            answer, complete, notes = self._answer(row, reading.answer)
        except Invalid as error:
            first = error.details[0]
            return row.refused(first["field"], first["reason"])
        return _Checked(row, external_id, sha256, meta, answer, complete, [*reading.notes, *notes])

    def _names(self) -> tuple[frozenset[str], frozenset[str]]:
        """What labels, questions' choices included, and questions are called in this project, without case."""
        if self._called is None:
            called = list(Label.objects.filter(project=self.project).values_list("name", "question__name"))
            self._called = (
                frozenset(name.casefold() for name, _ in called),
                frozenset(question.casefold() for _, question in called if question),
            )
        return self._called

    def _answer(self, row: Row, given: dict[str, Any]) -> tuple[Answer | None, bool, list[Note]]:
        if self.user is None:
            reason = "the labels need somebody who gave them: import in a person's name"
            raise Invalid("nobody", reason, [{"field": "spans", "reason": reason}])
        if self.schema is None:
            relabel.hold(self.project)
            self.schema = Schema.of(self.project)
        answer = clean_answer(labelled.part_cells(given, self.schema), row.text, self.schema)
        if "spans" not in given and not any(answer.values()):  # an empty list for a question that takes one choice
            return None, True, [Note("empty", ", ".join(sorted(given)))]
        complete, notes = labelled.completeness(row, given, answer, self.schema)
        return answer, complete, [*notes, *labelled.edges(answer, row.text)]


def id_fault(external_id: str) -> str:
    """Why this cannot be a document's external id; empty when it can."""
    if not external_id.strip():
        return "is empty"
    if len(external_id) > MAX_ID:
        return f"has {len(external_id):,} characters; the most is {MAX_ID}"
    return storable_fault(external_id)


def meta_fault(value: object, depth: int = 1) -> str:
    """Why this cannot be stored and given back as it came, in JSON; empty when it can."""
    if isinstance(value, str):
        return storable_fault(value)
    if isinstance(value, int | float):
        # PostgreSQL writes a large one out in full, and as a whole number it is then beyond 64 bits.
        return "" if -(2**63) <= value < 2**64 else f"has the number {value:g}; one that large must be a string"
    if not isinstance(value, dict | list):
        return ""
    if depth > MAX_DEPTH:
        return f"is nested more than {MAX_DEPTH} levels deep"
    parts = (part for pair in value.items() for part in pair) if isinstance(value, dict) else value
    return next(filter(None, (meta_fault(part, depth + 1) for part in parts)), "")


def draw(salt: str, what: str) -> float:
    """A number in [0, 1) that looks random and is the same for the same text in the same project."""
    digest = hashlib.sha256(f"{salt}\n{what}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def split_of(project: Project, text: str) -> str:
    """``check`` for the project's held-out share. Texts that differ in case or spacing alone fall together."""
    held_out = draw(project.salt + "/split", levelled(text)) < project.check_share
    return Document.Split.CHECK if held_out else Document.Split.POOL


def levelled(text: str) -> str:
    """The same for texts that differ in case or spacing alone."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _insert_documents(project: Project, checked: Sequence[_Checked], job: Job | None) -> dict[str, int]:
    """The new documents' primary keys by external id; those that were there already are left out."""
    wanted = project.annotators_per_document
    columns: list[list[Any]] = [
        [c.external_id for c in checked],
        [c.row.text for c in checked],
        [c.sha256 for c in checked],
        [c.meta for c in checked],
        [split_of(project, c.row.text) for c in checked],
        [draw(project.salt + "/shuffle", c.external_id) for c in checked],
        [wanted - (c.answer is not None) for c in checked],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_DOCUMENTS, [current_tenant().pk, project.pk, job.pk if job else None, *columns])
        return {external_id: pk for pk, external_id in cursor.fetchall()}


def _insert_annotations(project: Project, user: User, made: Sequence[tuple[int, _Checked]]) -> None:
    if not made:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT_ANNOTATIONS,
            {
                "tenant": current_tenant().pk,
                "project": project.pk,
                "user": user.pk,
                "state": Annotation.State.SUBMITTED.value,
                "documents": [pk for pk, _ in made],
                "answers": [orjson.dumps(c.answer).decode() for _, c in made],
                "completes": [c.complete for _, c in made],
                "submits": [str(uuid.uuid4()) for _ in made],
            },
        )


def _teach(project: Project, made: Sequence[_Checked]) -> None:
    """What their labels say counts for the dictionary as what people marked does."""
    learned = [
        learning.of_answer(Document(text=c.row.text, split=split_of(project, c.row.text)), c.answer)
        for c in made
        if c.answer is not None
    ]
    learning.learn(project.pk, learning.Lesson.of(learned))


def _settle_clashes(project: Project, stored: Stored, clashes: Sequence[_Checked]) -> None:
    """Rows whose external id the project had before: the same text is known, another is refused."""
    if not clashes:
        return
    there = dict(
        Document.objects.filter(project=project, external_id__in=[c.external_id for c in clashes])
        .values_list("external_id", "sha256")
    )  # fmt: skip
    for clash in clashes:
        _settle_known(stored, clash, there[clash.external_id])


def _settle_known(stored: Stored, checked: _Checked, sha256: str) -> None:
    if checked.sha256 == sha256:
        stored.known += 1
        if checked.answer is not None:
            stored.told.noted([Note("known")], checked.row.refused("", "").detail())
    else:
        reason = f"{checked.external_id!r} is there already, with another text"
        stored.refused.append(checked.row.refused("id", reason))
