"""Texts to measure an annotator's page with, made from nothing but numbers: so many words, so many spans in them."""

from __future__ import annotations

import random
from dataclasses import dataclass

LABELS = ("PERSON", "PLACE", "PRODUCT")
SYLLABLES = ("ka", "lo", "min", "ter", "sa", "vi", "ron", "del", "pu", "ne", "gra", "tis", "ol", "em", "ba", "qui")
PARAGRAPH = 80  # words


@dataclass(frozen=True)
class Load:
    """``documents`` texts of ``words`` words, ``spans`` of them labelled before; in one line or in paragraphs."""

    name: str
    words: int
    spans: int
    documents: int
    one_line: bool = False


LOADS = (
    Load("200 words, 20 spans", 200, 20, 60),
    Load("5,000 words, 500 spans", 5_000, 500, 24),
    Load("one line of 100,000 characters, 100 spans", 14_600, 100, 12, one_line=True),
)


@dataclass(frozen=True)
class Text:
    text: str
    spans: list[dict[str, int | str]]


def texts(load: Load, seed: int = 1) -> list[Text]:
    source = random.Random(f"{load.name} {seed}")
    return [_text(load, source) for _ in range(load.documents)]


def _text(load: Load, source: random.Random) -> Text:
    words = ["".join(source.choices(SYLLABLES, k=source.choice((1, 2, 2, 3)))) for _ in range(load.words)]
    first = {int((place + 0.5) * load.words / load.spans) for place in range(load.spans)}
    spans, pieces, at, start = [], [], 0, None
    for number, word in enumerate(words):
        ends_line = not load.one_line and number % PARAGRAPH == PARAGRAPH - 1
        if number in first:
            start = at
            label = source.choice(LABELS)
            length = source.choice((1, 1, 2, 3))
        if start is not None:
            length -= 1
            if length == 0:
                spans.append({"start": start, "end": at + len(word), "label": label})
                start = None
        pieces.append(word + ("\n\n" if ends_line else " "))
        at += len(pieces[-1])
    return Text("".join(pieces).rstrip(), spans)
