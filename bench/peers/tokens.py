"""Tokens for the peers, as good as a corpus allows: its own where spaces part them, else by the kind of character."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

Token = tuple[int, int]  # start and end in code points

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_CJK = re.compile(f"[{_IDEOGRAPHS}]")
KINDS = {
    "spaces": re.compile(r"\S+"),
    "words": re.compile(r"(?:[^\W\d_]\.){2,}|\w+|[^\w\s]"),
    # One character each, but Latin letters and digits by the run.
    "characters and runs": re.compile(r"[0-9A-Za-z\u00c0-\u024f]+|[０-９]+|[Ａ-Ｚａ-ｚ]+|\S"),
    "characters": re.compile(r"\S"),
}
_MOST_LOST = 0.005  # share of spans that a kind of token may miss, for a better kind


def kind_for(lines: Sequence[dict[str, Any]]) -> str:
    """The first kind of tokens on whose edges nearly all labelled spans lie."""
    text = "".join(line["text"] for line in lines)
    by_character = len(_CJK.findall(text)) > 0.3 * len("".join(text.split()))
    kinds = ["characters and runs", "characters"] if by_character else ["spaces", "words", "characters and runs"]
    for kind in kinds[:-1]:
        if lost(lines, kind) <= _MOST_LOST:
            return kind
    return kinds[-1]


def is_by_character(kind: str) -> bool:
    """Whether tokens are characters rather than words."""
    return kind.startswith("characters")


def lost(lines: Sequence[dict[str, Any]], kind: str) -> float:
    """The share of spans that do not begin and end where tokens do."""
    total = missed = 0
    for line in lines:
        tokens = tokenize(line["text"], kind)
        starts, ends = {start for start, _ in tokens}, {end for _, end in tokens}
        total += len(line["spans"])
        missed += sum(span["start"] not in starts or span["end"] not in ends for span in line["spans"])
    return missed / max(total, 1)


def tokenize(text: str, kind: str) -> list[Token]:
    """The tokens of a text, in order."""
    return [found.span() for found in KINDS[kind].finditer(text)]


def sentences(text: str, tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens by line of the text; lines are what documents of several sentences are made of."""
    parts: list[list[Token]] = []
    before = -1
    for token in tokens:
        if before < 0 or "\n" in text[before : token[0]]:
            parts.append([])
        parts[-1].append(token)
        before = token[1]
    return parts


def bio(tokens: Sequence[Token], spans: Iterable[dict[str, Any]]) -> list[str]:
    """A tag a token. Spans that tokens cannot say, and those that overlap one before, are left out."""
    tags = ["O"] * len(tokens)
    starts, ends = [start for start, _ in tokens], [end for _, end in tokens]
    for span in spans:
        first, last = bisect_left(starts, span["start"]), bisect_left(ends, span["end"])
        fits = last < len(tokens) and first <= last and (starts[first], ends[last]) == (span["start"], span["end"])
        if fits and tags[first : last + 1] == ["O"] * (last + 1 - first):
            tags[first : last + 1] = ["B-" + span["label"]] + ["I-" + span["label"]] * (last - first)
    return tags


def chunks(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """First token, last token and label of each span that the tags say."""
    found: list[tuple[int, int, str]] = []
    for at, tag in enumerate(tags):
        mark, _, label = tag.partition("-")
        if mark == "I" and found and found[-1][1] == at - 1 and found[-1][2] == label:
            found[-1] = (found[-1][0], at, label)
        elif mark in ("B", "I"):
            found.append((at, at, label))
    return found
