"""What a format of an export is, and the report of what it could not hold.

A format trusts its row: without ``complete`` nobody answered, and ``state`` says how far the document came; where
``complete`` is false, what is not marked is unknown. No format may write more than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, Self

from annotator.said import Said

Row = Mapping[str, Any]


@dataclass
class Report:
    """What of the documents that were asked for is in the file, and what the format could not hold.

    ``written``: documents, or answers where each is a line. ``left_out_incomplete``: those without a complete answer;
    ``left_out_crossing``: those with spans that cross. Of what was written: spans that overlap others, spans of white
    space alone, relations, choices. ``neutralised_cells``: texts with an apostrophe before what a spreadsheet would
    run. ``tags``: labels that are called otherwise in tags. ``disputed``: documents in which people's answers leave
    something open, in any format.
    """

    written: int = 0
    left_out_incomplete: int = 0
    left_out_crossing: int = 0
    overlapping_spans: int = 0
    blank_spans: int = 0
    relations: int = 0
    choices: int = 0
    neutralised_cells: int = 0
    disputed: int = 0
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_job(cls, kept: Mapping[str, Any]) -> Self:
        """What a job keeps as JSON."""
        return cls(**kept)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def told(self) -> Iterator[str]:
        """A sentence for each thing that whoever uses the file should know."""
        if self.disputed:
            yield Said("Documents with disputed answers: %(count)s.", count=f"{self.disputed:,}")
        if self.left_out_incomplete:
            yield Said("Left out, as they have no complete answer: %(count)s.", count=f"{self.left_out_incomplete:,}")
        if self.left_out_crossing:
            text = Said(
                "Left out, as they have spans that cross, which tags cannot say: %(count)s.",
                count=f"{self.left_out_crossing:,}",
            )
            yield text
        if self.overlapping_spans:
            yield Said("Spans not written, as they overlap others: %(count)s.", count=f"{self.overlapping_spans:,}")
        if self.blank_spans:
            yield Said("Spans not written, as they are white space only: %(count)s.", count=f"{self.blank_spans:,}")
        if self.relations:
            yield Said("Relations not written: %(count)s.", count=f"{self.relations:,}")
        if self.choices:
            yield Said("Choices not written: %(count)s.", count=f"{self.choices:,}")
        if self.neutralised_cells:
            text = Said(
                "Cells that a spreadsheet might run, written with an apostrophe before them: %(count)s.",
                count=f"{self.neutralised_cells:,}",
            )
            yield text
        if self.tags:
            names = ", ".join(f"{name} → {tag}" for name, tag in self.tags.items())
            yield Said("Labels called otherwise in tags: %(names)s.", names=names)


class Format(Protocol):
    report: Report

    def head(self) -> str: ...
    def lines(self, row: Row) -> str: ...
