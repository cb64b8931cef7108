"""Terms in texts: found by the two words that they begin with, the longest first, never one over another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from annotator.dictionary.folding import Folded

ACCEPTED, LISTED = "accepted", "list"

# Only terms that begin as a place of the texts does. Row-level security lets an index serve equality of plain values.
_BEGINNING = """
SELECT t.head, t.words, l.name, t.accepted, t.turned_down, t.listed
FROM annotator_term t JOIN annotator_label l ON l.id = t.label_id
WHERE t.project_id = %s AND t.head = ANY(%s) AND NOT l.retired
"""


@dataclass(frozen=True, slots=True)
class Known:
    """Words with a label, and what speaks for it; a term list counts as having been accepted once."""

    words: str
    label: str
    accepted: int
    turned_down: int
    listed: bool

    @property
    def weight(self) -> int:
        return self.accepted + self.listed

    @property
    def score(self) -> float:
        """How often people took it, of all times; towards one half where it is few times."""
        return round((self.weight + 1) / (self.weight + self.turned_down + 2), 4)

    def item(self, start: int, end: int) -> dict[str, Any]:
        """What is suggested where the words stand."""
        source = ACCEPTED if self.accepted else LISTED
        place = {"start": start, "end": end, "label": self.label}
        return place | {"score": self.score, "source": source, "times": self.accepted}


def suggested(project_id: int, texts: Mapping[int, str]) -> dict[int, list[dict[str, Any]]]:
    """What the project's terms say of each of these texts, by their keys, in one query: suggested spans with their
    ``source`` and how many ``times`` people marked the words so. Needs the tenant's scope."""
    folded = {key: Folded(text) for key, text in texts.items()}
    heads = sorted(set[str]().union(*(text.all_heads() for text in folded.values())))
    terms = suggestible(_beginning(project_id, heads)) if heads else {}
    return {key: list(found_in(text, terms)) for key, text in folded.items()}


def _beginning(project_id: int, heads: list[str]) -> list[tuple[str, Known]]:
    with connection.cursor() as cursor:
        cursor.execute(_BEGINNING, [project_id, heads])
        return [(head, Known(*rest)) for head, *rest in cursor.fetchall()]


def suggestible(rows: Iterable[tuple[str, Known]]) -> dict[str, list[Known]]:
    """By first words the terms that are suggested, the longest first: of several labels of the same words the one that
    is accepted most, and none that people turn down more often than they accept it."""
    best: dict[tuple[str, str], Known] = {}
    for head, term in rows:
        if term.turned_down > term.weight:
            continue
        other = best.get((head, term.words))
        if other is None or (other.weight, other.label) < (term.weight, term.label):
            best[head, term.words] = term
    found: dict[str, list[Known]] = {}
    for (head, _), term in sorted(best.items(), key=lambda one: -len(one[1].words)):
        found.setdefault(head, []).append(term)
    return found


def found_in(text: Folded, terms: Mapping[str, Sequence[Known]]) -> Iterator[dict[str, Any]]:
    """Where these terms stand, as suggested spans in reading order."""
    token = 0
    while token < len(text.places):
        last = token
        # Those of two words and more are longer than those of one.
        for term in (term for head in text.heads(token) for term in terms.get(head, ())):
            reached = text.reaches(term.words, token)
            if reached is not None:
                yield term.item(text.places[token][0], text.places[reached][1])
                last = reached
                break
        token = last + 1
