"""What people call a document: by its id, or, where its file gave none, by its first words; and how it goes on."""

from __future__ import annotations

import re

from annotator.names import shows

READ = 200  # characters of a text that are enough to call it by
LONGEST = 48


def title(external_id: str, sha256: str, beginning: str) -> str:
    """A document without an id of its own is kept under the hash of its text: that is no name for people. Nor is an id
    of which nothing is to be seen."""
    if _is_named(external_id, sha256):
        return external_id
    words, cut = _first_words(beginning)
    return f"{words.rstrip('.,;:')}…" if cut else words or sha256[:12]


def end(external_id: str, sha256: str, beginning: str) -> int:
    """Where a text goes on after what it is called by; 0 where it is called by its id."""
    if _is_named(external_id, sha256):
        return 0
    words, _ = _first_words(beginning)
    pattern = r"\s*" + r"\s+".join(map(re.escape, words.split(" "))) + r"\s*"
    found = re.match(pattern, beginning) if words else None
    return found.end() if found else 0


def below(external_id: str, sha256: str, beginning: str) -> str:
    """The beginning of a text as a list shows it below the title, whose words are not said twice."""
    place = end(external_id, sha256, beginning)
    rest = beginning[place:]
    return f"…{rest}" if place and rest else rest


def _is_named(external_id: str, sha256: str) -> bool:
    return external_id != sha256 and shows(external_id)


def _first_words(beginning: str) -> tuple[str, bool]:
    """As many whole words as a title has room for, and whether there are more."""
    words = " ".join(beginning[:READ].split())
    if len(words) <= LONGEST:
        return words, False
    return words[:LONGEST].rpartition(" ")[0] or words[: LONGEST - 1], True
