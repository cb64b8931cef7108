"""Spans as tags: where they lie among the tokens, and what cannot be said in tags."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trainer.ml.examples import Example, Span


@dataclass(frozen=True)
class TokenArrays:
    """The tokenizer's answer, as arrays."""

    document: np.ndarray
    start: np.ndarray
    end: np.ndarray
    sequence: np.ndarray


@dataclass(frozen=True)
class Mention:
    """A span among the tokens."""

    document: int
    first: int
    last: int  # inclusive
    label: int

    @property
    def tags(self) -> np.ndarray:
        """B and I of each token."""
        inside = 2 * self.label + 2
        return np.array([inside - 1] + [inside] * (self.last - self.first), np.int32)


@dataclass
class Tagging:
    """Tags of all tokens, and what could not be said in tags."""

    tags: np.ndarray
    usable: np.ndarray  # false for the tokens of sequences that hold an unsayable span
    mentions: list[Mention] = field(default_factory=list)
    rejected: list[Mention] = field(default_factory=list)  # of incomplete documents, where they say something
    off_edges: int = 0
    overlapping: int = 0
    across: int = 0


def tag(examples: Sequence[Example], tokens: TokenArrays, labels: Sequence[str]) -> Tagging:
    """BIO tags (O, B-0, I-0, B-1, …) for the tokens of the examples' texts.

    A span off token edges or across sequences is counted, and its sequence left out of training: its words are
    neither a known entity nor known not to be one. So is the sequence of a span that is disputed. Of overlapping spans
    the longest is kept.
    """
    number = {label: index for index, label in enumerate(labels)}
    found = Tagging(np.zeros(len(tokens.start), np.int32), np.ones(len(tokens.start), bool))
    bounds = np.searchsorted(tokens.document, np.arange(len(examples) + 1))
    for row, example in enumerate(examples):
        place = _Places(tokens, int(bounds[row]), int(bounds[row + 1]))
        for span in sorted(example.spans, key=lambda s: (s.start - s.end, s)):
            edges = place.of(span)
            if edges is None:
                found.off_edges += 1
                place.leave_out(found, span)
            elif tokens.sequence[edges[0]] != tokens.sequence[edges[1]]:
                found.across += 1
                place.leave_out(found, span)
            elif found.tags[edges[0] : edges[1] + 1].any():
                found.overlapping += 1
            elif span.label in number:
                mention = Mention(row, *edges, number[span.label])
                found.tags[edges[0] : edges[1] + 1] = mention.tags
                found.mentions.append(mention)
        for span in sorted(example.disputed.spans):
            place.leave_out(found, span)
        if not example.complete:
            found.rejected += _rejected(example, row, place, number, found.tags)
    return found


def _rejected(example: Example, row: int, place: "_Places", number: dict[str, int], tags: np.ndarray) -> list[Mention]:
    """The rejected spans that a tagger could give and that the accepted ones do not rule out already."""
    found = []
    for span in sorted(set(example.rejected)):
        edges = place.of(span)
        if edges is None or span.label not in number:
            continue
        alike = place.tokens.sequence[edges[0]] == place.tokens.sequence[edges[1]]
        if alike and not tags[edges[0] : edges[1] + 1].any():
            found.append(Mention(row, *edges, number[span.label]))
    return found


class _Places:
    """The tokens of one document, found by where they start and end."""

    def __init__(self, tokens: TokenArrays, first: int, last: int) -> None:
        self.tokens, self.rows = tokens, slice(first, last)
        self.starts = {int(start): first + i for i, start in enumerate(tokens.start[first:last])}
        self.ends = {int(end): first + i for i, end in enumerate(tokens.end[first:last])}

    def of(self, span: Span) -> tuple[int, int] | None:
        """First and last token; None where the span does not lie on the edges of tokens."""
        begin, stop = self.starts.get(span.start), self.ends.get(span.end)
        return None if begin is None or stop is None or stop < begin else (begin, stop)

    def leave_out(self, found: Tagging, span: Span) -> None:
        """Mark the sequences that the span touches as not usable."""
        tokens, rows = self.tokens, self.rows
        touched = (tokens.start[rows] < span.end) & (tokens.end[rows] > span.start)
        found.usable[rows] &= ~np.isin(tokens.sequence[rows], tokens.sequence[rows][touched])
