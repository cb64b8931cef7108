"""A project's documents and answers as JSON lines, the form that training reads and importing takes.

A line is ``{"id", "text", "spans", "classes", "relations", "complete", "split", "meta"}``. Where it is made of several
people's answers, it also says of how many (``answers``), what they leave open (``disputed``), and whether whatever is
neither marked nor disputed is nothing (``exhaustive``). Lines are read a page
at a time, in the order of the documents; each page is one consistent view, and a document that changes while a
long export runs is in it as it was either before or after. No transaction stays open between two pages, so a
slow reader at the other end holds up nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import orjson
from django.db import connection
from django.utils import timezone
from django.utils.text import slugify

from annotator import consensus, offsets, suggestions
from annotator.errors import Detail, Invalid
from annotator.exporting.conll import Conll
from annotator.exporting.formats import Format, Report
from annotator.exporting.table import Table
from annotator.models import Annotation, Document, Facet, Label, Project, Question, Tenant
from annotator.said import Said
from annotator.spans import Schema, Span, storable_fault
from annotator.tenancy import tenant_scope

PAGE_ROWS = 2_000
PAGE_BYTES = 4 * 1024 * 1024

# What a page is made of: documents with what a majority says, with their latest answer, or with each; or all documents.
_MAJORITY = """
SELECT a.document_id, max(a.id) AS annotation_id, count(*) AS people, array_agg(a.complete ORDER BY a.id) AS completes,
       array_agg(a.answer ORDER BY a.id) AS given, array_agg(a.annotator_id ORDER BY a.id) AS givers,
       bool_and(a.complete) AS complete, (array_agg(a.answer ORDER BY a.id))[1] AS answer
FROM annotator_annotation a
WHERE a.project_id = %(project)s AND a.state = 'submitted' AND a.document_id > %(document)s{where}
GROUP BY a.document_id ORDER BY a.document_id LIMIT %(rows)s
"""
_LATEST = """
SELECT DISTINCT ON (a.document_id) a.document_id, a.id AS annotation_id, a.annotator_id, a.revision, a.updated_at,
       a.complete, a.answer
FROM annotator_annotation a
WHERE a.project_id = %(project)s AND a.state = 'submitted' AND a.document_id > %(document)s{where}
ORDER BY a.document_id, a.updated_at DESC, a.id DESC LIMIT %(rows)s
"""
_EACH = """
SELECT a.document_id, a.id AS annotation_id, a.annotator_id, a.revision, a.updated_at, a.complete, a.answer,
       a.flag, a.comment, a.milliseconds
FROM annotator_annotation a
WHERE a.project_id = %(project)s AND a.state = 'submitted'
  AND (a.document_id, a.id) > (%(document)s, %(annotation)s) AND a.document_id >= %(document)s{where}
ORDER BY a.document_id, a.id LIMIT %(rows)s
"""
# The inner limit, and the project named twice, keep this fast where the tables have no statistics yet.
_ALL = """
SELECT d.id AS document_id, a.*
FROM (
    SELECT a.id FROM annotator_document a
    WHERE a.project_id = %(project)s AND a.id > %(document)s{where} ORDER BY a.id LIMIT %(rows)s
) d LEFT JOIN LATERAL ({answers}) a ON true
ORDER BY d.id
"""
_LATEST_OF_ALL = """
    SELECT id AS annotation_id, annotator_id, revision, updated_at, complete, answer FROM annotator_annotation
    WHERE project_id = %(project)s AND state = 'submitted' AND document_id = d.id
    ORDER BY updated_at DESC, id DESC LIMIT 1
"""
_MAJORITY_OF_ALL = """
    SELECT max(id) AS annotation_id, count(*) AS people, array_agg(complete ORDER BY id) AS completes,
           array_agg(answer ORDER BY id) AS given, array_agg(annotator_id ORDER BY id) AS givers,
           bool_and(complete) AS complete, (array_agg(answer ORDER BY id))[1] AS answer
    FROM annotator_annotation
    WHERE project_id = %(project)s AND state = 'submitted' AND document_id = d.id HAVING count(*) > 0
"""

_HAS = " AND EXISTS (SELECT FROM annotator_facet f WHERE f.document_id = a.{key} AND f.facet = %({name})s)"
_OPEN = " AND a.free_slots > 0"

# PostgreSQL writes the JSON: no Python object is made of a row, unless several people's answers must be looked at. Then
# the line comes in three parts. ``before`` counts the page's bytes, so that long texts make short pages; lengths are
# known without reading the texts.
_PAGE = """
WITH answers AS ({source}), page AS (
    SELECT n.*, d.external_id, d.text, d.split, d.meta,
           sum(octet_length(d.text)) OVER (ORDER BY n.document_id, n.annotation_id) - octet_length(d.text) AS before
    FROM answers n JOIN annotator_document d ON d.id = n.document_id
)
SELECT document_id, annotation_id, CASE WHEN annotation_id IS NULL
    THEN json_build_object('id', external_id, 'text', text, 'split', split, 'meta', meta){several}
    ELSE json_build_object(
        'id', external_id, 'text', text, 'spans', answer->'spans', 'classes', answer->'classes',
        'relations', answer->'relations', 'complete', complete, 'split', split, 'meta', meta{more})
    END::text{beside}
FROM page p{join} WHERE before < %(bytes)s ORDER BY document_id, annotation_id
"""
_SEVERAL = " WHEN people > 1 THEN json_build_object('id', external_id, 'text', text)"
_BESIDE = """, CASE WHEN people > 1
        THEN json_build_array(to_json(completes), to_json(given), to_json(givers), {rejected})::text END,
    CASE WHEN people > 1 THEN json_build_object('split', split, 'meta', meta)::text END"""
_WHO = """, 'annotator', u.username, 'revision', p.revision, 'submitted_at', p.updated_at,
        'flag', p.flag, 'comment', p.comment, 'milliseconds',
        CASE WHEN (SELECT show_times FROM annotator_project WHERE id = %(project)s) THEN p.milliseconds END"""
_WHO_JOIN = " LEFT JOIN annotator_user u ON u.id = p.annotator_id"

# What training also wants to know of a document that is not complete: the spans that people turned down or changed. Who
# skipped it afterwards says nothing of it any more.
_REJECTED = ", 'rejected', r.spans"
_REJECTED_JOIN = (
    """ LEFT JOIN LATERAL (
    SELECT coalesce(jsonb_agg(DISTINCT o.span ORDER BY o.span), '[]') AS spans
    FROM annotator_suggestion s
    JOIN annotator_decision v ON v.suggestion_id = s.id AND v.verdict IN ('reject', 'correct') AND """
    + suggestions.LAST_WORD
    + """
    JOIN annotator_annotation g
      ON g.document_id = s.document_id AND g.annotator_id = v.user_id AND g.state = 'submitted'
    CROSS JOIN LATERAL jsonb_array_elements(s.items) a (item)
    CROSS JOIN LATERAL (
        SELECT jsonb_build_object('start', a.item->'start', 'end', a.item->'end', 'label', coalesce((
            SELECT to_jsonb(l.name) FROM annotator_label l
            WHERE l.project_id = s.project_id AND l.kind = 'span' AND l.former @> jsonb_build_array(a.item->'label')
        ), a.item->'label')) AS span
    ) o
    WHERE s.document_id = p.document_id AND (p.people > 1 OR NOT p.complete)
      AND a.item->>'kind' = 'span' AND a.item->>'id' = v.item
      AND NOT (p.people = 1 AND p.answer->'spans' @> jsonb_build_array(o.span))
) r ON true"""
)


ANSWERED, OTHERS = ("annotated", "differs"), ("all", "open", "skipped", "flagged")
_FACETS = {"differs": "differs", "skipped": "state:skipped", "flagged": "flag:any"}
FORMATS = ("jsonl", "csv", "conll")
COMMENTS, INCOMPLETE, CELLS = ("none", "all"), ("leave_out", "keep"), ("safe", "raw")
MAJORITY, LATEST, EACH = "majority", "latest", "each"
ANSWERS = (MAJORITY, LATEST, EACH)


@dataclass(frozen=True)
class Options:
    """``documents``: annotated, or those of them whose answers differ; all, or those open, skipped, flagged.
    ``label``: only with this one in an answer, as the list of documents names it. ``answers``: what most of those who
    answered a document say (consensus.py), the latest answer of each document whoever gave it, or each with its
    annotator, revision and time. ``offsets``: what spans are counted in. Of CoNLL, ``comments``: whether there are any,
    and ``incomplete``: whether documents without a complete answer are kept, as comments tell. Of CSV, ``cells``: safe
    in spreadsheets, or raw."""

    documents: str = "annotated"
    answers: str = MAJORITY
    offsets: str = offsets.CODE_POINTS
    format: str = "jsonl"
    label: str = ""
    comments: str = "none"
    incomplete: str = "leave_out"
    cells: str = "safe"

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Options from what a person or a program sent. Raises Invalid naming each that is unknown."""
        allowed: dict[str, Sequence[str]] = {
            "documents": ANSWERED + OTHERS,
            "answers": ANSWERS,
            "offsets": offsets.UNITS,
            "format": FORMATS,
            "comments": COMMENTS,
            "incomplete": INCOMPLETE,
            "cells": CELLS,
        }
        values = {name: value for name, value in given.items() if value not in (None, "")}
        errors: list[Detail] = [
            {"field": name, "reason": f"must be one of {', '.join(allowed[name])}"}
            if name in allowed
            else {"field": name, "reason": "is no option of an export"}
            for name, value in values.items()
            if value not in allowed.get(name, ()) and name != "label"
        ]
        if fault := storable_fault(str(values.get("label", ""))):
            errors.append({"field": "label", "reason": fault})
        if values.get("documents") in OTHERS and values.get("answers") == EACH:
            errors.append({"field": "answers", "reason": "each goes with annotated documents only"})
        if values.get("incomplete") == "keep" and values.get("comments") != "all":
            errors.append({"field": "incomplete", "reason": Said("keep goes with comments=all only, which tell them")})
        if errors:
            raise Invalid("invalid_options", f"{errors[0]['field']}: {errors[0]['reason']}", errors)
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def facets(self) -> list[str]:
        """What must be true of a document."""
        return [facet for facet in (_FACETS.get(self.documents, ""), self.label) if facet]

    def query(self) -> str:
        key = "document_id" if self.documents in ANSWERED else "id"
        where = "".join(_HAS.format(key=key, name=f"facet{i}") for i in range(len(self.facets())))
        if self.documents in OTHERS:
            where += _OPEN if self.documents == "open" else ""
            answers = _MAJORITY_OF_ALL if self.answers == MAJORITY else _LATEST_OF_ALL
            return _page(_ALL.format(where=where, answers=answers), voted=self.answers == MAJORITY)
        if self.answers == EACH:
            return _page(_EACH.format(where=where), more=_WHO, join=_WHO_JOIN)
        voted = self.answers == MAJORITY
        return _page((_MAJORITY if voted else _LATEST).format(where=where), voted=voted)

    def expected(self, project: Project) -> int:
        """About how many lines there will be: for a bar of progress."""
        if self.answers == EACH:
            return Annotation.objects.filter(project=project, state=Annotation.State.SUBMITTED).count()
        facets = self.facets() or (["state:submitted"] if self.documents in ANSWERED else [])
        if facets:
            return min(Facet.objects.filter(project=project, facet=facet).count() for facet in facets)
        return Document.objects.filter(project=project).count()

    def filename(self, project: Project) -> str:
        """What the file is called where it is downloaded."""
        name = slugify(project.name, allow_unicode=True)[:80] or f"project-{project.pk}"
        return f"{name}-{timezone.now():%Y-%m-%d}.{self.format}"


def _page(source: str, *, more: str = "", join: str = "", voted: bool = False, rejected: str = "NULL") -> str:
    """The query of a page of this source; ``voted``: of answers that are to be taken together."""
    several, beside = (_SEVERAL, _BESIDE.format(rejected=rejected)) if voted else ("", ", NULL, NULL")
    return _PAGE.format(source=source, more=more, join=join, several=several, beside=beside)


class Pages:
    """Reads a project's lines page after page. Needs the tenant's scope for each ``next_page()``.

    ``disputed`` counts the lines so far in which people's answers leave something open.
    """

    def __init__(self, project_id: int, options: Options, query: str = "") -> None:
        self._query = query or options.query()
        self._project_id = project_id
        self._place: dict[str, Any] = {"project": project_id, "document": 0, "annotation": 0}
        self._place |= {"rows": PAGE_ROWS, "bytes": PAGE_BYTES}
        self._place |= {f"facet{i}": facet for i, facet in enumerate(options.facets())}
        self.disputed = 0

    def next_page(self) -> list[str]:
        """The next lines, without line ends; an empty list after the last."""
        with connection.cursor() as cursor:
            cursor.execute(self._query, self._place)
            rows = cursor.fetchall()
        if rows:
            self._place |= {"document": rows[-1][0], "annotation": rows[-1][1] or 0}
        several = {row[0]: orjson.loads(row[3]) for row in rows if row[3] is not None}
        if not several:
            return [line for _, _, line, _, _ in rows]
        each = (
            (document, person, answer, complete)
            for document, (completes, given, givers, _) in several.items()
            for person, answer, complete in zip(givers, given, completes, strict=True)
        )
        people = consensus.given_to(each, self._schema)
        return [
            self._together(line, people[document], several[document][3], rest) if document in several else line
            for document, _, line, _, rest in rows
        ]

    def _together(self, line: str, people: list[consensus.Given], rejected: list[Span] | None, rest: str) -> str:
        """The line of a document that several people answered, from its parts. What is beside answers stays as it is,
        letter for letter."""
        found = consensus.of(people, self._schema, orjson.loads(line)["text"])
        self.disputed += bool(found.disputed)
        said = {name: getattr(found, name) for name in ("spans", "classes", "relations", "complete")}
        more = {"answers": len(people), "exhaustive": found.exhaustive, "disputed": found.disputed}
        if rejected is not None:
            more["rejected"] = _turned_down(rejected, found)
        return ", ".join([line[:-1], _inner(said), rest[1:-1], _inner(more)]) + "}"

    @cached_property
    def _schema(self) -> Schema:
        return Schema.of(Project.objects.get(pk=self._project_id))


def _inner(said: dict[str, Any]) -> str:
    """An object's fields, without its braces."""
    return orjson.dumps(said).decode()[1:-1]


def _turned_down(rejected: list[Span], found: consensus.Consensus) -> list[Span]:
    """Of the spans that people turned down those that teach something: neither kept, nor disputed, nor known anyway."""
    if found.exhaustive:
        return []
    open_now = [{name: item[name] for name in ("start", "end", "label")} for item in found.disputed if "start" in item]
    return [span for span in rejected if span not in found.spans and span not in open_now]


def training_lines(project: Project) -> Iterator[str]:
    """What a majority says of each document, in the scope at hand, a page in memory at a time, with what training needs
    beside.

    That is ``rejected``: suggested spans of a document that is not complete which somebody rejected or corrected, and
    which its answer does not hold. A complete document says by itself what is wrong.
    """
    source = _MAJORITY.format(where="")
    query = _page(source, more=_REJECTED, join=_REJECTED_JOIN, voted=True, rejected="r.spans")
    pages = Pages(project.pk, Options(), query)
    while page := pages.next_page():
        yield from page


class Export:
    """The bytes of an export, page after page, each read in a scope of its own.

    ``sha256``, ``count`` and ``report`` speak of what has been handed out so far: of the whole once it is exhausted.
    """

    def __init__(self, tenant: Tenant, project_id: int, options: Options) -> None:
        self._tenant = tenant
        self._project_id = project_id
        self._options = options
        self._pages = Pages(project_id, options)
        self._digest = hashlib.sha256()
        self.count = 0
        self.report = Report()

    def __iter__(self) -> Iterator[bytes]:
        with tenant_scope(self._tenant):
            form = self._format()
        if form:
            self.report = form.report
            yield from self._told(form.head())
        while True:
            with tenant_scope(self._tenant):
                page = self._pages.next_page()
                rows = self._rows(page) if form else []
            if not page:
                return
            self.count += len(page)
            self.report.disputed = self._pages.disputed
            if form:
                yield from self._told("".join(map(form.lines, rows)))
            else:
                self.report.written += len(page)
                yield from self._told("".join(map(self._line, page)))

    def _told(self, text: str) -> Iterator[bytes]:
        if data := text.encode():
            self._digest.update(data)
            yield data

    def _format(self) -> Format | None:
        options, labels = self._options, Label.objects.filter(project_id=self._project_id)
        if options.format == "conll":
            names = labels.filter(kind=Label.Kind.SPAN).values_list("name", flat=True)
            return Conll(names, comments=options.comments == "all", keep=options.incomplete == "keep")
        if options.format == "csv":
            asked: dict[str, list[str]] = {
                name: [] for name in Question.objects.filter(project_id=self._project_id).values_list("name", flat=True)
            }
            for question, name in labels.filter(kind=Label.Kind.CHOICE).values_list("question__name", "name"):
                asked[question].append(name)
            return Table(asked, people=options.answers == EACH, unit=options.offsets, raw=options.cells == "raw")
        return None

    def _line(self, line: str) -> str:
        if self._options.offsets == offsets.CODE_POINTS:
            return line + "\n"
        row = orjson.loads(line)
        if row.get("disputed"):
            row["disputed"] = [_counted_in(item, row["text"], self._options.offsets) for item in row["disputed"]]
        if row.get("spans"):
            row["spans"] = offsets.spans_to(row["spans"], row["text"], self._options.offsets)
        if "spans" in row:
            row["offsets"] = self._options.offsets
        return orjson.dumps(row).decode() + "\n"

    def _rows(self, page: Sequence[str]) -> list[dict[str, Any]]:
        """The lines as objects, which say how far documents are that have no answer."""
        rows: list[dict[str, Any]] = [orjson.loads(line) for line in page]
        if open_ids := [row["id"] for row in rows if "complete" not in row]:
            begun = Annotation.objects.filter(project=self._project_id, document__external_id__in=open_ids).exclude(
                state=Annotation.State.SUBMITTED
            )
            states = dict(begun.order_by("state").values_list("document__external_id", "state"))  # skipped over draft
            for row in rows:
                if "complete" not in row:
                    row["state"] = states.get(row["id"], "unlabelled")
        return rows

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _counted_in(item: dict[str, Any], text: str, unit: str) -> dict[str, Any]:
    """A disputed item with its places counted in this unit."""
    if item["kind"] == "relation":
        return item | {end: offsets.spans_to([item[end]], text, unit)[0] for end in ("head", "tail")}
    return offsets.spans_to([item], text, unit)[0] if item["kind"] == "span" else item
