"""A project's documents and answers as JSON lines, the form that training reads and importing takes.

A line is ``{"id", "text", "spans", "classes", "relations", "complete", "split", "meta"}``. Lines are read a page
at a time, in the order of the documents; each page is one consistent view, and a document that changes while a
long export runs is in it as it was either before or after. No transaction stays open between two pages, so a
slow reader at the other end holds up nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import orjson
from django.db import connection

from annotator import offsets
from annotator.errors import Detail, Invalid
from annotator.models import Project, Tenant
from annotator.tenancy import tenant_scope

PAGE_ROWS = 2_000
PAGE_BYTES = 4 * 1024 * 1024

# What a page is made of: documents with their latest answer, each answer, or all documents.
_LATEST = """
SELECT DISTINCT ON (a.document_id) a.document_id, a.id AS annotation_id, a.annotator_id, a.revision, a.updated_at,
       a.complete, a.answer
FROM annotator_annotation a
WHERE a.project_id = %(project)s AND a.state = 'submitted' AND a.document_id > %(document)s
ORDER BY a.document_id, a.updated_at DESC, a.id DESC LIMIT %(rows)s
"""
_EACH = """
SELECT a.document_id, a.id AS annotation_id, a.annotator_id, a.revision, a.updated_at, a.complete, a.answer,
       a.flag, a.comment, a.milliseconds
FROM annotator_annotation a
WHERE a.project_id = %(project)s AND a.state = 'submitted'
  AND (a.document_id, a.id) > (%(document)s, %(annotation)s) AND a.document_id >= %(document)s
ORDER BY a.document_id, a.id LIMIT %(rows)s
"""
# The inner limit, and the project named twice, keep this fast where the tables have no statistics yet.
_ALL = """
SELECT d.id AS document_id, a.*
FROM (
    SELECT id FROM annotator_document
    WHERE project_id = %(project)s AND id > %(document)s ORDER BY id LIMIT %(rows)s
) d LEFT JOIN LATERAL (
    SELECT id AS annotation_id, annotator_id, revision, updated_at, complete, answer FROM annotator_annotation
    WHERE project_id = %(project)s AND state = 'submitted' AND document_id = d.id
    ORDER BY updated_at DESC, id DESC LIMIT 1
) a ON true
ORDER BY d.id
"""

# PostgreSQL writes the JSON: no Python object is made of a row. ``before`` counts the page's bytes, so that
# long texts make short pages; lengths are known without reading the texts.
_PAGE = """
WITH answers AS ({source}), page AS (
    SELECT n.*, d.external_id, d.text, d.split, d.meta,
           sum(octet_length(d.text)) OVER (ORDER BY n.document_id, n.annotation_id) - octet_length(d.text) AS before
    FROM answers n JOIN annotator_document d ON d.id = n.document_id
)
SELECT document_id, annotation_id, CASE WHEN annotation_id IS NULL
    THEN json_build_object('id', external_id, 'text', text, 'split', split, 'meta', meta)
    ELSE json_build_object(
        'id', external_id, 'text', text, 'spans', answer->'spans', 'classes', answer->'classes',
        'relations', answer->'relations', 'complete', complete, 'split', split, 'meta', meta{more})
    END::text
FROM page p{join} WHERE before < %(bytes)s ORDER BY document_id, annotation_id
"""
_WHO = """, 'annotator', u.username, 'revision', p.revision, 'submitted_at', p.updated_at,
        'flag', p.flag, 'comment', p.comment, 'milliseconds',
        CASE WHEN (SELECT show_times FROM annotator_project WHERE id = %(project)s) THEN p.milliseconds END"""
_WHO_JOIN = " LEFT JOIN annotator_user u ON u.id = p.annotator_id"

# What training also wants to know of a document that is not complete: the spans that people turned down or changed.
_REJECTED = ", 'rejected', r.spans"
_REJECTED_JOIN = """ LEFT JOIN LATERAL (
    SELECT coalesce(jsonb_agg(DISTINCT o.span ORDER BY o.span), '[]') AS spans
    FROM annotator_suggestion s
    JOIN annotator_decision v ON v.suggestion_id = s.id AND v.verdict IN ('reject', 'correct')
    CROSS JOIN LATERAL jsonb_array_elements(s.items) a (item)
    CROSS JOIN LATERAL (
        SELECT jsonb_build_object('start', a.item->'start', 'end', a.item->'end', 'label', coalesce((
            SELECT to_jsonb(l.name) FROM annotator_label l
            WHERE l.project_id = s.project_id AND l.kind = 'span' AND l.former @> jsonb_build_array(a.item->'label')
        ), a.item->'label')) AS span
    ) o
    WHERE s.document_id = p.document_id AND NOT p.complete AND a.item->>'kind' = 'span' AND a.item->>'id' = v.item
      AND NOT p.answer->'spans' @> jsonb_build_array(o.span)
) r ON true"""


@dataclass(frozen=True)
class Options:
    """``documents``: annotated or all. ``answers``: the latest of each document, or each with its annotator,
    revision and time. ``offsets``: what spans are counted in."""

    documents: str = "annotated"
    answers: str = "latest"
    offsets: str = offsets.CODE_POINTS

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Options from what a person or a program sent. Raises Invalid naming each that is unknown."""
        allowed = {"documents": ("annotated", "all"), "answers": ("latest", "each"), "offsets": offsets.UNITS}
        values = {name: value for name, value in given.items() if value not in (None, "")}
        errors: list[Detail] = [
            {"field": name, "reason": f"must be one of {', '.join(allowed[name])}"}
            if name in allowed
            else {"field": name, "reason": "is no option of an export"}
            for name, value in values.items()
            if value not in allowed.get(name, ())
        ]
        if values.get("documents") == "all" and values.get("answers") == "each":
            errors.append({"field": "answers", "reason": "each goes with annotated documents only"})
        if errors:
            raise Invalid("invalid_options", f"{errors[0]['field']}: {errors[0]['reason']}", errors)
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def query(self) -> str:
        if self.documents == "all":
            return _PAGE.format(source=_ALL, more="", join="")
        if self.answers == "each":
            return _PAGE.format(source=_EACH, more=_WHO, join=_WHO_JOIN)
        return _PAGE.format(source=_LATEST, more="", join="")


class Pages:
    """Reads a project's lines page after page. Needs the tenant's scope for each ``next_page()``."""

    def __init__(self, project_id: int, options: Options, query: str = "") -> None:
        self._query = query or options.query()
        self._unit = options.offsets
        self._place = {"project": project_id, "document": 0, "annotation": 0, "rows": PAGE_ROWS, "bytes": PAGE_BYTES}

    def next_page(self) -> list[str]:
        """The next lines, without line ends; an empty list after the last."""
        with connection.cursor() as cursor:
            cursor.execute(self._query, self._place)
            rows = cursor.fetchall()
        if rows:
            self._place |= {"document": rows[-1][0], "annotation": rows[-1][1] or 0}
        lines = [line for _, _, line in rows]
        return lines if self._unit == offsets.CODE_POINTS else [_recount(line, self._unit) for line in lines]


def training_lines(project: Project) -> Iterator[str]:
    """The project's latest answers in the scope at hand, a page in memory at a time, with what training needs beside.

    That is ``rejected``: suggested spans of a document that is not complete which somebody rejected or corrected, and
    which its answer does not hold. A complete document says by itself what is wrong.
    """
    pages = Pages(project.pk, Options(), _PAGE.format(source=_LATEST, more=_REJECTED, join=_REJECTED_JOIN))
    while page := pages.next_page():
        yield from page


class Export:
    """The bytes of an export, page after page, each read in a scope of its own.

    ``sha256`` and ``count`` speak of what has been handed out so far: of the whole once it is exhausted.
    """

    def __init__(self, tenant: Tenant, project_id: int, options: Options) -> None:
        self._tenant = tenant
        self._pages = Pages(project_id, options)
        self._digest = hashlib.sha256()
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with tenant_scope(self._tenant):
                page = self._pages.next_page()
            if not page:
                return
            data = ("\n".join(page) + "\n").encode()
            self._digest.update(data)
            self.count += len(page)
            yield data

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _recount(line: str, unit: str) -> str:
    row = orjson.loads(line)
    if row.get("spans"):
        row["spans"] = offsets.spans_to(row["spans"], row["text"], unit)
    return orjson.dumps(row).decode()
