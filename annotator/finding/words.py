"""The words of a text, as the index keeps them and as a search asks for them. The one writer of Posting rows.

Words are case-folded and cut at 40 characters. Scripts that put no spaces between words are indexed by pairs of
neighbouring characters: a search for a piece of such a text looks for its pairs, and then at the text itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.db import connection

from annotator.models import Project
from annotator.tenancy import current_tenant

READ_CHARACTERS = 100_000  # of each text; what comes later is not found
LONGEST = 40

INSERT = """
INSERT INTO annotator_posting (tenant_id, project_id, word, documents)
SELECT %s, %s, p.word, array_agg(p.document ORDER BY p.document)
FROM unnest(%s::text[], %s::bigint[]) AS p (word, document) GROUP BY p.word
"""

# Thai, Lao, Myanmar, Khmer; kana and CJK ideographs, also beyond the basic plane.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUNS = re.compile(rf"([{UNSPACED}]+)|([^\W_{UNSPACED}]+)")

Indexed = tuple[int, str, str]


def folded(text: str) -> str:
    """Without differences of case, of width and of how accents are written."""
    return unicodedata.normalize("NFKC", text).casefold()


def of_text(text: str) -> set[str]:
    """What the index keeps of a text."""
    found: set[str] = set()
    for run, word in _RUNS.findall(folded(text[:READ_CHARACTERS])):
        if word:
            found.add(word[:LONGEST])
        else:
            found.update(_pairs(run))
            found.add(run[-1])
    return found


def of_search(asked: str) -> tuple[list[str], list[str]]:
    """The beginnings of words, and the pairs of characters, that a text must have to fit what was asked."""
    begun: list[str] = []
    pairs: list[str] = []
    for run, word in _RUNS.findall(folded(asked)):
        if word:
            begun.append(word[:LONGEST])
        elif len(run) == 1:
            begun.append(run)
        else:
            pairs += _pairs(run)
    return list(dict.fromkeys(begun)), list(dict.fromkeys(pairs))


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


def index(project: Project, documents: Iterable[Indexed]) -> None:
    """Make new documents of a project findable: (key, external id, text) of each."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT, postings(current_tenant().pk, project.pk, documents))


def postings(tenant: int, project: int, documents: Iterable[Indexed]) -> list[Any]:
    """The parameters of INSERT. An id that is the hash of the text is nothing to search for."""
    words: list[str] = []
    keys: list[int] = []
    for key, external_id, text in documents:
        found = of_text(text) | (set() if len(external_id) == 64 else of_text(external_id))
        words += found
        keys += [key] * len(found)
    return [tenant, project, words, keys]
