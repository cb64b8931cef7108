"""A project's term list: words that a manager says a label stands for, one a line. The one writer of what is listed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet

from annotator import audit
from annotator.dictionary.folding import LONGEST, Folded
from annotator.dictionary.models import Term
from annotator.errors import Detail, Invalid
from annotator.models import Label, Project, User
from annotator.projects import locked
from annotator.said import Said
from annotator.spans import storable_fault
from annotator.tenancy import current_tenant

MOST_BYTES = 10 * 1024 * 1024
MOST_TERMS = 100_000
MOST_FAULTS = 50  # that are told
HEAD = ("term", "label")
Entry = tuple[int, str, str]  # a label's key, the first two words, and all of them

# All rows that it touches, in the order in which everybody takes them.
_LOCK = """
SELECT FROM annotator_term WHERE project_id = %(project)s AND (listed OR words = ANY(%(words)s))
ORDER BY words, label_id FOR UPDATE
"""
_UNLIST = """
WITH gone AS (DELETE FROM annotator_term WHERE project_id = %(project)s AND listed AND accepted = 0)
UPDATE annotator_term SET listed = false WHERE project_id = %(project)s AND listed AND accepted > 0
"""
_LIST = """
INSERT INTO annotator_term (tenant_id, project_id, label_id, head, words, accepted, turned_down, listed)
SELECT %(tenant)s, %(project)s, u.label, u.head, u.words, 0, 0, true
FROM unnest(%(labels)s::bigint[], %(heads)s::text[], %(words)s::text[]) AS u (label, head, words)
ORDER BY u.words COLLATE "C", u.label
ON CONFLICT (label_id, words) DO UPDATE SET listed = true
"""


def replace(project: Project, content: bytes, *, actor: User | None) -> int:
    """Make this the project's term list, instead of what was listed before; how many terms it has.

    A line is a term and a label, parted by a tab, or else by a comma or semicolon as in CSV; a first line
    ``term,label`` is a heading. Raises Invalid naming the line, the field and the reason of all that is wrong.
    """
    project = locked(project)
    labels = {label.name: label for label in Label.objects.filter(project=project, kind=Label.Kind.SPAN, retired=False)}
    errors: list[Detail] = []
    entries: set[Entry] = set()
    for line, cells in _lines(_text(content)):
        found = _entry(line, cells, labels)
        if isinstance(found, tuple):
            entries.add(found)
        else:
            errors.append(found)
        if len(entries) > MOST_TERMS:
            raise _invalid(
                [_fault(line, "term", Said("is one too many: the most is %(most)s", most=f"{MOST_TERMS:,}"))]
            )
    if errors:
        raise _invalid(errors)
    _write(project, sorted(entries))
    audit.record(actor, "terms.replace", project.name, project=project.pk, terms=len(entries))
    return len(entries)


def _write(project: Project, entries: list[Entry]) -> None:
    asked: dict[str, Any] = {
        "tenant": current_tenant().pk,
        "project": project.pk,
        "labels": [label for label, _, _ in entries],
        "heads": [head for _, head, _ in entries],
        "words": [words for _, _, words in entries],
    }
    with connection.cursor() as cursor:
        for statement in (_LOCK, _UNLIST, _LIST):
            cursor.execute(statement, asked)


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise _invalid([{"field": "file", "reason": Said("is larger than %(most)s MiB", most="10")}])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _invalid([_fault(line, "term", Said("is not in UTF-8: save the list as UTF-8"))]) from error


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line that holds anything, with its number."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((mark for mark in "\t;," if mark in first), ",")
    lines = StringIO(text, newline="")
    # Between tabs a quotation mark is one.
    rows = (
        csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        if delimiter == "\t"
        else csv.reader(lines, delimiter=delimiter)
    )
    heading = True
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise _invalid([_fault(rows.line_num, "term", Said("cannot be read: %(why)s", why=str(error)))]) from error
        if cells is None:
            return
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        if not (heading and tuple(cell.casefold() for cell in cells[:2]) == HEAD):
            yield rows.line_num, cells
        heading = False


def _entry(line: int, cells: list[str], labels: dict[str, Label]) -> Entry | Detail:
    """What a line says, or why it says nothing."""
    if len(cells) < 2 or any(cells[2:]):
        return _fault(line, "label", Said("a line is a term and a label, parted by a tab or a comma"))
    term, name = cells[:2]
    label = labels.get(name)
    if label is None:
        return _fault(line, "label", Said("there is no span label %(name)s in this project", name=repr(name)))
    fault = storable_fault(term)
    if fault:
        return _fault(line, "term", fault)
    folded = Folded(term)
    found = folded.term(0, len(term)) if folded.places else None
    if found is None:
        return _fault(line, "term", Said("has no word in it, or more than %(most)s characters", most=str(LONGEST)))
    return label.pk, *found


def _fault(line: int, field: str, reason: str) -> Detail:
    return {"line": line, "field": field, "reason": reason}


def _invalid(errors: list[Detail]) -> Invalid:
    first = errors[0]
    where = f"line {first['line']}, {first['field']}" if "line" in first else first["field"]
    return Invalid("invalid_terms", f"{where}: {first['reason']}", errors[:MOST_FAULTS])


def terms(project: Project) -> QuerySet[Term]:
    """The project's terms with their labels."""
    return Term.objects.filter(project=project).select_related("label")


def count(project: Project) -> dict[str, int]:
    """How many terms the project has, and how many of them answers and the list hold."""
    of_answers, of_list = Count("pk", filter=Q(accepted__gt=0)), Count("pk", filter=Q(listed=True))
    return Term.objects.filter(project=project).aggregate(terms=Count("pk"), accepted=of_answers, listed=of_list)
