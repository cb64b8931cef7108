"""Find documents of a project: by words, labels, people, states, flags. A page at a time, and no page costs much.

Every condition is an index's: words are looked up in Posting, what follows from answers in Facet. Only a piece of text
that stands across words, or within one, must be looked for in the texts themselves: in those that hold its words, if it
has whole ones, and in so many a page at most.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connection
from django.db.models import CharField, Count, Exists, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat, Left, Length

from annotator import titles
from annotator.errors import Invalid
from annotator.finding import words
from annotator.models import Annotation, Document, Facet, Project, User

OLDEST, NEWEST, UNCERTAIN = "oldest", "newest", "uncertain"
SORTS = (OLDEST, NEWEST, UNCERTAIN)
STATES = ("open", "answered", "done", "skipped", "draft")
_FACETS_OF_STATES = {
    "answered": "state:submitted",
    "done": "state:submitted",
    "skipped": "state:skipped",
    "draft": "state:draft",
}

COUNTED = 10_000  # more than these are not counted
LOOKED_THROUGH = 100_000  # candidates whose texts are read for a page, if it is not full before
FIRST_LOOK = 2_000  # of them, which is enough where many fit
READ_CHARACTERS = 20_000  # of a text, for the excerpt
EXCERPT = 200
_LAST = "\U0010ffff"
_QUOTED = re.compile(r'"([^"]+)"|[“„]([^“”„]+)[”“]')  # also as telephones write it

_PREFIX = "SELECT DISTINCT unnest(documents) FROM annotator_posting WHERE project_id = %s AND word >= %s AND word < %s"
_WORD = "SELECT unnest(documents) FROM annotator_posting WHERE project_id = %s AND word = %s"
_FACET = "SELECT document_id FROM annotator_facet WHERE project_id = %s AND facet = %s"
_ALL = "SELECT id FROM annotator_document WHERE project_id = %s"
_SPLIT = _ALL + " AND split = %s"
_OPEN = _ALL + " AND free_slots > 0"
_DONE = """SELECT document_id FROM annotator_annotation WHERE project_id = %s AND state = 'submitted'
           GROUP BY document_id HAVING count(*) >= %s"""
_PRIORITY = _ALL + " AND priority >= %s"


@dataclass(frozen=True)
class Filters:
    """What is looked for; empty is whatever. ``label`` is a facet's name: ``span:PERSON``, ``choice:topic=praise``."""

    q: str = ""
    state: str = ""
    split: str = ""
    label: str = ""
    annotator: int | None = None
    flag: str = ""
    differs: bool = False
    uncertain: float | None = None
    sort: str = OLDEST
    cursor: str = ""
    limit: int = 50

    def facets(self) -> list[str]:
        """What must be true of a document's answers."""
        found = [_FACETS_OF_STATES.get(self.state, ""), self.label]
        found.append(f"by:{self.annotator}" if self.annotator is not None else "")
        found.append("comment" if self.flag == "comment" else f"flag:{self.flag}" if self.flag else "")
        found.append("differs" if self.differs else "")
        return [facet for facet in found if facet]


@dataclass(frozen=True)
class Found:
    """A document in the list; ``heading`` and ``marked`` are the pieces of its title and of its excerpt, every other
    one found. The excerpt does not say again what the title says."""

    pk: int
    external_id: str
    title: str
    split: str
    open: bool
    answers: int
    wanted: int
    length: int
    uncertainty: float
    excerpt: str
    heading: list[str]
    marked: list[str]
    facets: list[str]

    @property
    def done(self) -> bool:
        """Whether it has as many answers as are wanted."""
        return self.answers >= self.wanted

    def has(self, facet: str) -> bool:
        return facet in self.facets


@dataclass(frozen=True)
class Page:
    """``following`` is the next page's cursor, None at the end. ``unfinished``: it goes on though few were found."""

    rows: list[Found] = field(default_factory=list)
    following: str | None = None
    unfinished: bool = False


def page(project: Project, filters: Filters) -> Page:
    """The documents that fit, from the cursor on. Raises Invalid for a cursor that is none. Four queries at most."""
    asked = _asked(filters.q)
    keys = _keys(project, filters, min(FIRST_LOOK, LOOKED_THROUGH) if asked.pieces else filters.limit + 1)
    holding = _holding(keys, asked.pieces)
    looked = len(keys)
    if asked.pieces and len(holding) <= filters.limit and looked == FIRST_LOOK < LOOKED_THROUGH:
        later = replace(filters, cursor=_cursor(filters, *keys[-1]))
        keys = _keys(project, later, LOOKED_THROUGH - FIRST_LOOK) or keys[-1:]
        holding += _holding(keys, asked.pieces)
        looked += len(keys)
    shown, more = holding[: filters.limit], len(holding) > filters.limit
    unfinished = bool(asked.pieces) and not more and looked == LOOKED_THROUGH
    last = shown[-1] if more else keys[-1] if unfinished else None
    return Page(_found(project, [pk for _, pk in shown], asked), last and _cursor(filters, *last), unfinished)


def count(project: Project, filters: Filters) -> int | None:
    """How many fit in all; COUNTED + 1 says that there are more, None that counting would mean to read their texts."""
    if _asked(filters.q).pieces:
        return None
    ids, values = _ids(project, filters)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM (SELECT id FROM ({ids}) f (id) LIMIT %s) c", [*values, COUNTED + 1])
        return int(cursor.fetchone()[0])


def _keys(project: Project, filters: Filters, most: int) -> list[tuple[float, int]]:
    """Priority and key of the first documents that fit, in the order asked for."""
    ids, values = _ids(project, filters)
    at = _place(filters)
    if filters.sort == UNCERTAIN:
        after = "AND (d.priority, d.id) < (%s, %s)" if at else ""
        query = f"""SELECT d.priority, d.id FROM annotator_document d WHERE d.project_id = %s {after}
                    AND d.id IN ({ids}) ORDER BY d.priority DESC, d.id DESC LIMIT %s"""
        values = [project.pk, *(at or ()), *values]
    else:
        beyond, order = ("<", "DESC") if filters.sort == NEWEST else (">", "ASC")
        after = f"WHERE f.id {beyond} %s" if at else ""
        query = f"SELECT 0.0, f.id FROM ({ids}) f (id) {after} ORDER BY f.id {order} LIMIT %s"
        values = [*values, *(at[1:] if at else ())]
    with connection.cursor() as cursor:
        # How many documents hold a word the planner cannot know: it takes them for few, and would go through many of
        # them one by one. Without that choice, a page costs at most one pass over each of its conditions.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(query, [*values, most])
        keys = cursor.fetchall()
        cursor.execute("SET LOCAL enable_nestloop = on")
    return [(float(priority), pk) for priority, pk in keys]


def _ids(project: Project, filters: Filters) -> tuple[str, list[Any]]:
    """The query of the documents that fit: what fits each of its conditions, intersected."""
    asked = _asked(filters.q)
    conditions: list[tuple[str, list[Any]]] = [(_PREFIX, [word, word + _LAST]) for word in asked.begun]
    conditions += [(_WORD, [pair]) for pair in asked.pairs]
    conditions += [(_FACET, [facet]) for facet in filters.facets()]
    if filters.state == "done" and project.annotators_per_document > 1:
        conditions.append((_DONE, [project.annotators_per_document]))
    if filters.split:
        conditions.append((_SPLIT, [filters.split]))
    if filters.state == "open":
        conditions.append((_OPEN, []))
    if filters.uncertain is not None:
        conditions.append((_PRIORITY, [filters.uncertain]))
    conditions = conditions or [(_ALL, [])]
    values = [value for _, given in conditions for value in (project.pk, *given)]
    return " INTERSECT ".join(query for query, _ in conditions), values


def _holding(keys: list[tuple[float, int]], pieces: Sequence[str]) -> list[tuple[float, int]]:
    """Those of the candidates in whose text, or id, each piece stands as it is, but for case."""
    if not pieces or not keys:
        return keys
    # Case is a matter of letters; without it, the texts need not be written anew to be looked through.
    form = "upper({})" if any(piece.upper() != piece.lower() for piece in pieces) else "{}"
    places = [f"position({form.format('%s')} IN {form.format(column)}) > 0" for column in ("text", "external_id")]
    written = [_ways(piece) for piece in pieces]
    each = "".join(f" AND ({' OR '.join(places * len(ways))})" for ways in written)
    values = [way for ways in written for way in ways for _ in places]
    with connection.cursor() as cursor:
        query = f"SELECT id FROM annotator_document WHERE id = ANY(%s){each}"
        cursor.execute(query, [[pk for _, pk in keys], *values])
        fitting = {pk for (pk,) in cursor.fetchall()}
    return [key for key in keys if key[1] in fitting]


def _ways(piece: str) -> list[str]:
    """How what looks the same may be written: an accent is a part of its letter, or a character of its own."""
    return list(dict.fromkeys((piece, *(unicodedata.normalize(form, piece) for form in ("NFC", "NFD")))))


@dataclass(frozen=True)
class _Asked:
    """What somebody looks for: beginnings of words and pairs of characters, which the index knows; pieces that must
    stand in the text as they are; and the words that are shown where they are found."""

    begun: list[str]
    pairs: list[str]
    pieces: list[str]
    shown: list[str]


def _asked(q: str) -> _Asked:
    quoted = [piece for found in _QUOTED.findall(q) if (piece := found[0] or found[1]).strip()]
    rest = _QUOTED.sub(" ", q)
    begun, pairs = words.of_search(rest)
    shown = list(begun)
    pieces = quoted + [piece for piece in re.findall(rf"[{words.UNSPACED}]+", rest) if len(piece) > 2]
    signs = rest.strip().strip('"') or rest.strip()  # somebody is about to write a piece in quotes
    pieces += [signs] if signs and not begun and not pairs else []
    for piece in quoted:
        more = words.of_piece(piece)
        begun, pairs = begun + more[0], pairs + more[1]
    return _Asked(list(dict.fromkeys(begun)), list(dict.fromkeys(pairs)), pieces, shown)


def _cursor(filters: Filters, priority: float, pk: int) -> str:
    return f"{priority!r}:{pk}" if filters.sort == UNCERTAIN else str(pk)


def _place(filters: Filters) -> tuple[float, int] | None:
    if not filters.cursor:
        return None
    priority, _, pk = filters.cursor.rpartition(":")
    try:
        place = float(priority or 0), int(pk)
    except ValueError:
        place = None
    if place is None or bool(priority) != (filters.sort == UNCERTAIN) or not 0 <= place[1] < 2**63:
        reason = "is not the `next` of a page in this order"
        raise Invalid("invalid_request", f"cursor: {reason}", [{"field": "cursor", "reason": reason}])
    return place


def _found(project: Project, keys: list[int], asked: _Asked) -> list[Found]:
    """What the list shows of these documents, in two queries."""
    read = Left("text", READ_CHARACTERS if asked.pieces or asked.shown else EXCERPT + titles.READ)
    submitted = Annotation.objects.filter(project=project, document=OuterRef("pk"), state=Annotation.State.SUBMITTED)
    answers = Coalesce(Subquery(submitted.order_by().values("document").annotate(n=Count("pk")).values("n")), 0)
    documents = Document.objects.filter(pk__in=keys).annotate(length=Length("text"), read=read, answers=answers)
    fields = ("pk", "external_id", "sha256", "split", "free_slots", "priority", "length", "read", "answers")
    by_key = {row["pk"]: row for row in documents.values(*fields)}
    rows = [by_key[pk] for pk in keys]
    facets: dict[int, list[str]] = {pk: [] for pk in keys}
    known = Facet.objects.filter(project=project, document__in=list(facets)).order_by("facet")
    for document, facet in known.values_list("document", "facet"):
        facets[document].append(facet)
    return [
        Found(
            pk=row["pk"],
            external_id=row["external_id"],
            title=titles.title(*_named(row)),
            split=row["split"],
            open=row["free_slots"] > 0,
            answers=row["answers"],
            wanted=project.annotators_per_document,
            length=row["length"],
            uncertainty=row["priority"],
            excerpt=row["read"][:EXCERPT],
            heading=_heading(row, asked),
            marked=_excerpt(row["read"], asked, row["length"], titles.end(*_named(row))),
            facets=facets[row["pk"]],
        )
        for row in rows
    ]


def _named(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["external_id"], row["sha256"], row["read"]


def _heading(row: Mapping[str, Any], asked: _Asked) -> list[str]:
    name = titles.title(*_named(row))
    shown = name if len(name) <= titles.LONGEST else f"{name[: titles.LONGEST - 1]}…"
    pattern = _pattern(asked)
    return pattern.split(shown) if pattern else [shown]


def excerpt(text: str, asked: str) -> list[str]:
    """The beginning of a text, or what is around the first thing found in it; every other piece is one found."""
    return _excerpt(text, _asked(asked), len(text))


def _pattern(asked: _Asked) -> re.Pattern[str] | None:
    looked_for = [re.escape(way) for piece in asked.pieces for way in _ways(piece)]
    looked_for += [rf"\b{re.escape(way)}" for word in asked.shown for way in _ways(word)]
    return re.compile(f"({'|'.join(looked_for)})", re.IGNORECASE) if looked_for else None


def _excerpt(text: str, asked: _Asked, length: int, begin: int = 0) -> list[str]:
    """What is before ``begin`` is shown elsewhere."""
    pattern = _pattern(asked)
    first = pattern.search(text, begin) if pattern else None
    start = max(begin, first.start() - EXCERPT // 5) if first else begin
    if start > begin:
        space = text.find(" ", start, first.start() if first else start)
        start = space + 1 if space >= 0 else start
    piece = text[start : start + EXCERPT]
    pieces = pattern.split(piece) if pattern else [piece]
    cut = start + len(piece) < length
    pieces[0] = ("…" if start and piece else "") + pieces[0]
    pieces[-1] += "…" if cut else ""
    return pieces if any(pieces) else []


def annotators(project: Project) -> QuerySet[User]:
    """Those who answered anything in the project, also if they have left; by name."""
    facet = Concat(Value("by:"), Cast(OuterRef("pk"), CharField()))
    return User.objects.filter(Exists(Facet.objects.filter(project=project, facet=facet))).order_by("username")
