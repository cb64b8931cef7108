"""What people call a document: by its id, or, where its file gave none, by its first words."""

from __future__ import annotations

from annotator.names import shows

READ = 200  # characters of a text that are enough to call it by
LONGEST = 48


def title(external_id: str, sha256: str, beginning: str) -> str:
    """A document without an id of its own is kept under the hash of its text: that is no name for people. Nor is an id
    of which nothing is to be seen."""
    if external_id != sha256 and shows(external_id):
        return external_id
    words = " ".join(beginning[:READ].split())
    if len(words) <= LONGEST:
        return words or sha256[:12]
    cut = words[: LONGEST + 1].rpartition(" ")[0] or words[:LONGEST]
    return f"{cut}…"
