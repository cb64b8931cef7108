"""What answers teach the dictionary. The one writer of what terms owe to answers.

An answer of a document that is not held out teaches its spans as long as it stands, and what its annotator turned down.
What a document has taught can be worked out at any time from its text, its answers and the ledger; so whatever changes
these unlearns the one and learns the other, and nothing of a document outlives it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from annotator import relabel, suggestions
from annotator.dictionary.folding import Folded
from annotator.models import Annotation, Document, Label, Project
from annotator.spans import Schema
from annotator.tenancy import current_tenant

Place = tuple[int, int, str]  # start, end and label of a span
Use = tuple[str, str, str]  # a label, the first two words, and all of them

# Rows are touched in one order wherever several are, so that two who answer at once never wait for each other.
_MORE = """
INSERT INTO annotator_term (tenant_id, project_id, label_id, head, words, accepted, turned_down, listed)
SELECT %(tenant)s, %(project)s, l.id, u.head, u.words, u.accepted, 0, false
FROM unnest(%(labels)s::text[], %(heads)s::text[], %(words)s::text[], %(accepted)s::int[])
     AS u (label, head, words, accepted)
JOIN annotator_label l ON l.project_id = %(project)s AND l.kind = 'span' AND l.name = u.label
ORDER BY u.words COLLATE "C", l.id
ON CONFLICT (label_id, words) DO UPDATE SET accepted = annotator_term.accepted + excluded.accepted
"""
_OTHERWISE = """
WITH changed AS (
    SELECT t.id, u.accepted, u.turned_down
    FROM unnest(%(labels)s::text[], %(words)s::text[], %(accepted)s::int[], %(turned_down)s::int[])
         AS u (label, words, accepted, turned_down)
    JOIN annotator_label l ON l.project_id = %(project)s AND l.kind = 'span' AND l.name = u.label
    JOIN annotator_term t ON t.label_id = l.id AND t.words = u.words
    ORDER BY t.words, t.label_id FOR UPDATE OF t
), gone AS (
    DELETE FROM annotator_term t USING changed c
    WHERE t.id = c.id AND NOT t.listed AND t.accepted + c.accepted <= 0
)
UPDATE annotator_term t
SET accepted = greatest(0, t.accepted + c.accepted), turned_down = greatest(0, t.turned_down + c.turned_down)
FROM changed c WHERE t.id = c.id AND (t.listed OR t.accepted + c.accepted > 0)
"""
_MERGED = """
WITH moved AS (DELETE FROM annotator_term WHERE label_id = %(label)s RETURNING *)
INSERT INTO annotator_term (tenant_id, project_id, label_id, head, words, accepted, turned_down, listed)
SELECT tenant_id, project_id, %(into)s, head, words, accepted, turned_down, listed FROM moved
ON CONFLICT (label_id, words) DO UPDATE SET
    accepted = annotator_term.accepted + excluded.accepted,
    turned_down = annotator_term.turned_down + excluded.turned_down,
    listed = annotator_term.listed OR excluded.listed
"""
# Documents where a merge makes one span of two.
_TWICE = """
SELECT DISTINCT a.document_id FROM annotator_annotation a
CROSS JOIN LATERAL jsonb_array_elements(a.answer->'spans') one (span)
WHERE a.project_id = %(project)s AND a.state = 'submitted' AND one.span->>'label' = %(label)s
  AND a.answer->'spans' @> jsonb_build_array(one.span || jsonb_build_object('label', %(into)s::text))
"""


@dataclass(frozen=True)
class Lesson:
    """How often each term is accepted and turned down."""

    accepted: Counter[Use] = field(default_factory=Counter)
    turned_down: Counter[Use] = field(default_factory=Counter)

    @classmethod
    def of(cls, lessons: Iterable[Lesson]) -> Lesson:
        """All of them together."""
        whole = cls()
        for lesson in lessons:
            whole.accepted.update(lesson.accepted)
            whole.turned_down.update(lesson.turned_down)
        return whole


NOTHING = Lesson()


def of_answer(document: Document, answer: Mapping[str, Any], rejected: Iterable[Place] = ()) -> Lesson:
    """What an answer teaches, and spans that its annotator turned down. Held-out documents teach nothing."""
    turned_down = set(rejected)
    if document.split != Document.Split.POOL or not (answer["spans"] or turned_down):
        return NOTHING
    folded = Folded(document.text)
    given = ((span["start"], span["end"], span["label"]) for span in answer["spans"])
    return Lesson(_uses(folded, given), _uses(folded, turned_down))


def _uses(folded: Folded, spans: Iterable[Place]) -> Counter[Use]:
    found: Counter[Use] = Counter()
    for start, end, label in spans:
        term = folded.term(start, end)
        if term:
            found[label, *term] += 1
    return found


def of_annotation(
    document: Document, annotation: Annotation, schema: Schema, rejected: Collection[Place] | None = None
) -> Lesson:
    """The same of somebody's annotation as it stands; ``rejected`` unless the ledger has to be asked."""
    if annotation.state != Annotation.State.SUBMITTED or document.split != Document.Split.POOL:
        return NOTHING
    if rejected is None:
        rejected = _rejected([document.pk], schema).get((document.pk, annotation.annotator_id), ())
    return of_answer(document, annotation.answer, rejected)


def taught(documents: Collection[Document], schema: Schema) -> Lesson:
    """What all answers to these documents teach as they stand. Two queries."""
    at_hand = {document.pk: document for document in documents if document.split == Document.Split.POOL}
    if not at_hand:
        return NOTHING
    answers = Annotation.objects.filter(document__in=list(at_hand), state=Annotation.State.SUBMITTED)
    rejected = _rejected(list(at_hand), schema)
    return Lesson.of(
        of_answer(at_hand[document], answer, rejected.get((document, person), ()))
        for document, person, answer in answers.values_list("document", "annotator", "answer")
    )


def _rejected(documents: Collection[int], schema: Schema) -> dict[tuple[int, int], set[Place]]:
    """Spans that people turned down, by document and person."""
    found = suggestions.turned_down(documents, schema)
    return {key: {thing[1:] for thing in things if thing[0] == "span"} for key, things in found.items()}


def learn(project_id: int, after: Lesson, before: Lesson = NOTHING) -> None:
    """Take in what is taught now instead of what was before."""
    more = after.accepted - before.accepted
    less = before.accepted - after.accepted
    down = Counter(after.turned_down)
    down.subtract(before.turned_down)
    # Words that were turned down are told of terms that there are: so these come first.
    if more:
        uses = sorted(more)
        with connection.cursor() as cursor:
            cursor.execute(
                _MORE,
                {
                    "tenant": current_tenant().pk,
                    "project": project_id,
                    "labels": [label for label, _, _ in uses],
                    "words": [words for _, _, words in uses],
                    "heads": [head for _, head, _ in uses],
                    "accepted": [more[use] for use in uses],
                },
            )
    otherwise = sorted(set(less) | {use for use, times in down.items() if times})
    if otherwise:
        with connection.cursor() as cursor:
            cursor.execute(
                _OTHERWISE,
                {
                    "project": project_id,
                    "labels": [label for label, _, _ in otherwise],
                    "words": [words for _, _, words in otherwise],
                    "accepted": [-less[use] for use in otherwise],
                    "turned_down": [down[use] for use in otherwise],
                },
            )


def forget(project: Project, documents: Collection[int]) -> None:
    """Unlearn what these documents taught, before they go: their rows are locked, and so is the label set."""
    locked = Document.objects.select_for_update(of=("self",)).filter(pk__in=documents).order_by("pk")
    rows = list(locked)
    relabel.hold(project)
    learn(project.pk, NOTHING, taught(rows, Schema.of(project)))


@contextmanager
def merging(project: Project, label: Label, into: Label) -> Iterator[None]:
    """What is done within makes two labels one in all answers; where it makes one span of two, that is learned anew.
    Needs relabel.hold_alone()."""
    with connection.cursor() as cursor:
        cursor.execute(_TWICE, {"project": project.pk, "label": label.name, "into": into.name})
        keys = [key for (key,) in cursor.fetchall()]
    twice = list(Document.objects.filter(pk__in=keys))
    learn(project.pk, NOTHING, taught(twice, Schema.of(project)))
    yield
    with connection.cursor() as cursor:
        cursor.execute(_MERGED, {"label": label.pk, "into": into.pk})
    learn(project.pk, taught(twice, Schema.of(project)))
