"""Rewrite a label's name wherever it stands in answers, in one statement, while people go on annotating.

What stands is rewritten in place: revision, time and history stay, so nobody's open work becomes stale and history says
what was said then. A label's former names (names.py) tell what it is called now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg2.errors import LockNotAvailable, QueryCanceled

from annotator.errors import Unavailable
from annotator.models import Annotation, Label, Project, Question
from annotator.said import Said

SUBMIT_PATIENCE = 2  # seconds for which an answer waits for a renaming; the desk sends it again
ALONE_PATIENCE = 20  # and for which a renaming waits for imports, snapshots and answers under way
REWRITE_SECONDS = 300  # the most that one renaming may take; 100,000 answers took 20 to 40

# What {answer} is, is filled in last.
_LISTED = "{{answer}}->'{part}' @> jsonb_build_array(jsonb_build_object('label', %({name})s::text))"
_LOCK = "SELECT pg_{function}(hashtextextended(%s, 0))"

# Nothing but a label is written so in a list of spans or relations, and replacing text is by far the fastest.
_RENAMED = """replace(({{answer}}->'{part}')::text,
    '"label": ' || to_jsonb(%(old)s::text)::text, '"label": ' || to_jsonb(%(new)s::text)::text)::jsonb"""
# Spans that become the same are one; relations follow them, and one that would join a span to itself goes.
_MERGED = """(
    WITH named AS (
        SELECT n - 1 AS old, CASE WHEN item->>'label' = %(old)s
            THEN item || jsonb_build_object('label', %(new)s::text) ELSE item END AS item
        FROM jsonb_array_elements({answer}->'spans') WITH ORDINALITY e (item, n)
    ), first AS (
        SELECT *, min(old) OVER (PARTITION BY item) AS first FROM named
    ), placed AS (
        SELECT *, dense_rank() OVER (ORDER BY first) - 1 AS place FROM first
    )
    SELECT {answer} || jsonb_build_object(
        'spans', (SELECT jsonb_agg(item ORDER BY place) FROM placed WHERE old = first),
        'relations', (
            SELECT coalesce(jsonb_agg(DISTINCT r.item || jsonb_build_object('head', h.place, 'tail', t.place)), '[]')
            FROM jsonb_array_elements({answer}->'relations') r (item)
            JOIN placed h ON h.old = (r.item->>'head')::int
            JOIN placed t ON t.old = (r.item->>'tail')::int
            WHERE h.place <> t.place
        )
    )
)"""
_SPANS = f"""CASE WHEN {_LISTED.format(part="spans", name="new")} THEN {_MERGED}
    ELSE {{answer}} || jsonb_build_object('spans', {_RENAMED.format(part="spans")}) END"""
_RELATIONS = f"""{{answer}} || jsonb_build_object('relations', (
    SELECT jsonb_agg(DISTINCT item) FROM jsonb_array_elements({_RENAMED.format(part="relations")}) e (item)
))"""
_CHOICES = """jsonb_set({answer}, ARRAY['classes', %(question)s], (
    SELECT jsonb_agg(choice ORDER BY choice COLLATE "C") FROM (
        SELECT DISTINCT CASE WHEN choice = %(old)s THEN %(new)s ELSE choice END AS choice
        FROM jsonb_array_elements_text({answer}->'classes'->%(question)s) e (choice)
    ) chosen
))"""
_REWRITTEN = {Label.Kind.SPAN: _SPANS, Label.Kind.RELATION: _RELATIONS, Label.Kind.CHOICE: _CHOICES}

_HOLDS = {
    Label.Kind.SPAN: _LISTED.format(part="spans", name="old"),
    Label.Kind.RELATION: _LISTED.format(part="relations", name="old"),
    Label.Kind.CHOICE: "{answer}->'classes'->%(question)s ? %(old)s",
}
_TIMES = "SELECT count(*) FROM jsonb_array_elements(a.answer->'{part}') i WHERE i->>'label' = %(old)s"
_COUNTED = {
    Label.Kind.SPAN: _TIMES.replace("{part}", "spans"),
    Label.Kind.RELATION: _TIMES.replace("{part}", "relations"),
    Label.Kind.CHOICE: "SELECT 1",
}

_UPDATE_ANSWERS = "UPDATE annotator_annotation a SET answer = {rewritten} WHERE a.project_id = %(project)s AND {holds}"
_UPDATE_DRAFTS = """
UPDATE annotator_annotation a SET draft = jsonb_set(a.draft, ARRAY['answer'], {rewritten})
WHERE a.project_id = %(project)s AND a.draft IS NOT NULL AND {holds}
"""
_ASKED = """jsonb_set({answer}, ARRAY['classes'],
    (({answer}->'classes') - %(old)s::text) || jsonb_build_object(%(new)s::text, {answer}->'classes'->%(old)s))"""
_EFFECT = """
SELECT count(*), count(DISTINCT a.document_id), coalesce(sum(({counted})), 0),
       count(DISTINCT a.document_id) FILTER (WHERE a.state = 'submitted' AND d.split = 'pool'),
       count(DISTINCT a.document_id) FILTER (WHERE a.state = 'submitted' AND d.split = 'check')
FROM annotator_annotation a JOIN annotator_document d ON d.id = a.document_id
WHERE a.project_id = %(project)s AND {holds}
"""
_SUGGESTED = """
SELECT count(*), count(DISTINCT s.document_id) FROM annotator_suggestion s, jsonb_array_elements(s.items) i
WHERE s.project_id = %(project)s
  AND s.version = (SELECT max(version) FROM annotator_suggestion WHERE project_id = %(project)s)
  AND i->>'kind' = %(kind)s AND i->>'label' = ANY(%(names)s) AND coalesce(i->>'question', '') = ANY(%(questions)s)
"""


@dataclass(frozen=True)
class Effect:
    """Where a label stands: in so many answers about so many documents, so many times in all.

    ``learnt`` and ``held_out`` are documents that training reads: to learn from, and to be judged by. ``suggested`` is
    how often the newest version that looked suggests it, in ``suggested_in`` documents.
    """

    answers: int
    documents: int
    times: int
    learnt: int
    held_out: int
    suggested: int
    suggested_in: int


def hold(project: Project, *, patience: float | None = None) -> None:
    """Nobody renames labels until this transaction ends: what is checked against the label set is stored under it.

    Raises Unavailable after so many seconds in which somebody does; without ``patience`` it waits.
    """
    if not _lock("try_advisory_xact_lock_shared", project):
        told = Said("A label is being renamed in all answers just now. Nothing is lost: send it again in a moment.")
        _wait("advisory_xact_lock_shared", project, patience, told)


def hold_alone(project: Project) -> None:
    """Wait until everybody who holds the label set is done, and let nobody else begin. Raises Unavailable."""
    told = Said("Answers are being imported or read for training just now. Nothing is changed: try again in a moment.")
    _wait("advisory_xact_lock", project, ALONE_PATIENCE, told)


def rewrite(label: Label, new: str) -> int:
    """Call the label so in every answer and draft that holds it; in how many. Needs hold_alone()."""
    return _rewrite(_HOLDS[Label.Kind(label.kind)], _REWRITTEN[Label.Kind(label.kind)], _params(label) | {"new": new})


def ask_as(question: Question, new: str) -> int:
    """Call the question so in every answer and draft to it; in how many. Needs hold_alone()."""
    params = {"project": question.project_id, "old": question.name, "new": new}
    return _rewrite("{answer}->'classes' ? %(old)s", _ASKED, params)


def answered(question: Question) -> int:
    """In how many answers the question stands."""
    answers = Annotation.objects.filter(project=question.project_id)
    return answers.filter(answer__classes__has_key=question.name).count()


def _rewrite(holds: str, rewritten: str, params: Mapping[str, Any]) -> int:
    told = Said(
        "The answers could not be rewritten within %(seconds)s seconds. Nothing is changed.",
        seconds=str(REWRITE_SECONDS),
    )
    with _at_most("statement_timeout", REWRITE_SECONDS, told), connection.cursor() as cursor:
        for statement, answer in ((_UPDATE_DRAFTS, "(a.draft->'answer')"), (_UPDATE_ANSWERS, "a.answer")):
            query = statement.format(rewritten=rewritten, holds=holds).replace("{answer}", answer)
            cursor.execute(query, params)
        return int(cursor.rowcount)


def effect(label: Label) -> Effect:
    """Where the label stands now, in two queries."""
    kind = Label.Kind(label.kind)
    query = _EFFECT.format(counted=_COUNTED[kind], holds=_HOLDS[kind]).replace("{answer}", "a.answer")
    params = _params(label)
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        answers = cursor.fetchone()
        asked = [label.question.name, *label.question.former] if label.question else [""]
        names = {"names": [label.name, *label.former], "questions": asked}
        cursor.execute(_SUGGESTED, params | {"kind": kind.value} | names)
        return Effect(*map(int, (*answers, *cursor.fetchone())))


def _params(label: Label) -> dict[str, Any]:
    question = label.question.name if label.question else None
    return {"project": label.project_id, "question": question, "old": label.name}


def _lock(function: str, project: Project) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK.format(function=function), [f"labels of {project.pk}"])
        return cursor.fetchone()[0] is not False


def _wait(function: str, project: Project, patience: float | None, told: str) -> None:
    with _at_most("lock_timeout", patience or 0, told):
        _lock(function, project)


@contextmanager
def _at_most(limit: str, seconds: float, told: str) -> Iterator[None]:
    """Set PostgreSQL this limit, and raise Unavailable when it is reached; 0: none. The transaction goes on."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL {limit} = {int(1000 * seconds)}")
            yield
            cursor.execute(f"SET LOCAL {limit} = 0")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable | QueryCanceled):
            raise
        raise Unavailable("labels_busy", told) from error
