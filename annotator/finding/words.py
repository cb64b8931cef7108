"""The words of a text, as the index keeps them and as a search asks for them. The one writer of Posting rows.

Words are case-folded and cut at 40 characters. Scripts that put no spaces between words are indexed by pairs of
neighbouring characters: a search for a piece of such a text looks for its pairs, and then at the text itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from django.db import connection

from annotator.models import Project
from annotator.tenancy import current_tenant

READ_CHARACTERS = 100_000  # of each text; what comes later is not found
LONGEST = 40

# Words and lists come as two long strings: to hand over arrays of so many costs more than to take strings apart.
INSERT = """
INSERT INTO annotator_posting (tenant_id, project_id, word, documents)
SELECT %s, %s, p.word, ('{' || p.documents || '}')::bigint[]
FROM unnest(string_to_array(%s, ' '), string_to_array(%s, ' ')) AS p (word, documents)
"""

# Thai, Lao, Myanmar, Khmer; kana and CJK ideographs, also beyond the basic plane.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUNS = re.compile(rf"[{UNSPACED}]+")
_WORDS = re.compile(rf"[^\W_{UNSPACED}]+")
_EITHER = re.compile(rf"({_RUNS.pattern})|({_WORDS.pattern})")

# Each word of a batch may stand in rows that hold other documents, too; a row that holds none any more goes.
_FORGET = """
WITH held AS (
    SELECT id, (SELECT array_agg(d) FROM unnest(documents) d WHERE d <> ALL(%(gone)s::bigint[])) AS left_over
    FROM annotator_posting WHERE project_id = %(project)s AND word = ANY(%(words)s) AND documents && %(gone)s::bigint[]
), emptied AS (
    DELETE FROM annotator_posting p USING held h WHERE p.id = h.id AND h.left_over IS NULL
)
UPDATE annotator_posting p SET documents = h.left_over FROM held h WHERE p.id = h.id AND h.left_over IS NOT NULL
"""

Indexed = tuple[int, str, str]


def folded(text: str) -> str:
    """Without differences of case, of width and of how accents are written."""
    return unicodedata.normalize("NFKC", text).casefold()


def of_text(text: str) -> set[str]:
    """What the index keeps of a text."""
    text = folded(text[:READ_CHARACTERS])
    found = {word[:LONGEST] for word in _WORDS.findall(text)}
    if not text.isascii():
        for run in _RUNS.findall(text):
            found.update(_pairs(run), run[-1])
    return found


def of_search(asked: str) -> tuple[list[str], list[str]]:
    """The beginnings of words, and the pairs of characters, that a text must have to fit what was asked."""
    begun: list[str] = []
    pairs: list[str] = []
    for run, word in _EITHER.findall(folded(asked)):
        if word:
            begun.append(word[:LONGEST])
        elif len(run) == 1:
            begun.append(run)
        else:
            pairs += _pairs(run)
    return list(dict.fromkeys(begun)), list(dict.fromkeys(pairs))


def of_piece(piece: str) -> tuple[list[str], list[str]]:
    """The same of a piece that must stand in a text as it is, wherever it begins and ends there.

    Its first word may be the end of a longer one, so that no index knows it; and of its last, the last character may be
    another one together with what follows, such as an accent.
    """
    piece = folded(piece)
    begun: list[str] = []
    pairs: list[str] = []
    for found in _EITHER.finditer(piece):
        run, word = found.groups()
        if word:
            word = word[:-1] if found.end() == len(piece) else word
            begun += [word[:LONGEST]] if word and found.start() else []
        elif len(run) > 1:
            pairs += _pairs(run)
        elif found.start() > 0 and found.end() < len(piece):
            begun.append(run)
    return list(dict.fromkeys(begun)), list(dict.fromkeys(pairs))


def _pairs(run: str) -> list[str]:
    return [one + other for one, other in pairwise(run)]


def index(project: Project, documents: Iterable[Indexed]) -> None:
    """Make new documents of a project findable: (key, external id, text) of each."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT, postings(current_tenant().pk, project.pk, documents))


def forget(project_id: int, documents: Iterable[Indexed]) -> None:
    """Take documents out of the index: (key, external id, text) of each."""
    gone = list(documents)
    found = set[str]().union(*(of_text(text) | of_text(external_id) for _, external_id, text in gone))
    asked: dict[str, Any] = {"project": project_id, "words": sorted(found), "gone": [key for key, _, _ in gone]}
    with connection.cursor() as cursor:
        # One at a time: of two who take a document each out of one row, the second would put the first one's back.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"forget words of {project_id}"])
        cursor.execute(_FORGET, asked)


def postings(tenant: int, project: int, documents: Iterable[Indexed]) -> list[Any]:
    """The parameters of INSERT. An id that is the hash of the text is nothing to search for."""
    holding: defaultdict[str, list[str]] = defaultdict(list)
    for key, external_id, text in sorted(documents):
        found = of_text(text) if len(external_id) == 64 else of_text(text) | of_text(external_id)
        name = str(key)
        for word in found:
            holding[word].append(name)
    words = sorted(holding)  # as the index is, so that each of its pages is written once
    return [tenant, project, " ".join(words), " ".join(",".join(holding[word]) for word in words)]
