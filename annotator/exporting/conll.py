"""CoNLL: a token a line with its tag, in two dialects.

Without comments it is that of CoNLL-2003, whose readers know no comments: each document begins with a line
``-DOCSTART- -X- O O``. With comments it is CoNLL-U Plus, whose readers take every line that begins with ``#`` for one:
there a token's number comes first, so that no token can look like a comment.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from annotator.exporting.formats import Report, Row
from words import edges, tokens

OUTSIDE, UNKNOWN = "O", "_"
_PLAIN = re.compile(r'[^\s"](?:[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\S)?')


class Span(NamedTuple):
    start: int
    end: int
    label: str


class Conll:
    """``labels``: the names of the project's span labels. ``comments``: as comments say. ``keep``: documents that are
    not complete, or whose spans cross, too; in them ``_`` is the tag of what is not known.

    ``O`` says that people found nothing there. Where several people were asked, that is so wherever all of their
    answers are complete and no span is disputed, whatever they think of questions (``exhaustive``, ``disputed``).

    Tokens are cut where spans begin and end, so no span is shifted; white space at a span's edges has no token. A tag
    cannot say that spans overlap: of two that do, the one that begins first stands, of those the longer.
    """

    def __init__(self, labels: Iterable[str] = (), *, comments: bool = False, keep: bool = False) -> None:
        self.comments = comments
        self.keep = keep and comments
        self.report = Report()
        self._names: dict[str, str] = {}
        for label in sorted(labels, key=lambda name: bool(re.search(r"\s", name))):  # who needs no change has none
            self._name(label)

    def head(self) -> str:
        return "# global.columns = ID FORM MARGINALIA:TAG\n" if self.comments else ""

    def lines(self, row: Row) -> str:
        known = bool(row.get("complete") or row.get("exhaustive"))
        spans, blank = _trimmed(row["text"], row.get("spans") or [])
        kept, dropped = _apart(spans)
        disputed, _ = _trimmed(row["text"], [item for item in row.get("disputed") or [] if "start" in item])
        tagged = list(self._tagged(row["text"], kept, dropped + disputed, OUTSIDE if known else UNKNOWN))
        whole = known and all(tag != UNKNOWN for _, tag in tagged)
        if not whole and not self.keep:
            self.report.left_out_crossing += bool(row.get("complete"))
            self.report.left_out_incomplete += not row.get("complete")
            return ""
        self._count(row, blank, len(dropped))
        if not self.comments:
            return "\n".join(["-DOCSTART- -X- O O", "", *(f"{token}\t{tag}" for token, tag in tagged)]) + "\n\n"
        told = [f"{number}\t{token}\t{tag}" for number, (token, tag) in enumerate(tagged, 1)]
        return "\n".join([*self._told(row, whole), *told]) + "\n\n"

    def _told(self, row: Row, whole: bool) -> Iterator[str]:
        yield f"# id = {_value(row['id'])}"
        if row.get("annotator"):
            yield f"# annotator = {_value(row['annotator'])}"
        if self.keep:
            yield f"# state = {row.get('state') or ('submitted' if 'complete' in row else 'unlabelled')}"
            yield f"# complete = {'true' if whole else 'false'}"

    def _tagged(self, text: str, kept: list[Span], others: list[Span], otherwise: str) -> Iterator[tuple[str, str]]:
        """Each token with its tag: of the spans that are kept; unknown where others go on; else ``otherwise``."""
        cuts = sorted({place for span in (*kept, *others) for place in (span.start, span.end)})
        written, unwritten, reach = deque(kept), deque(sorted(others)), 0
        begun = False
        for start, end in _pieces(text, cuts):
            while written and written[0].end <= start:
                written.popleft()
                begun = False
            while unwritten and unwritten[0].start <= start:
                reach = max(reach, unwritten.popleft().end)
            if written and written[0].start <= start:
                yield text[start:end], f"{'I' if begun else 'B'}-{self._tag(written[0].label)}"
                begun = True
            else:
                yield text[start:end], UNKNOWN if start < reach else otherwise

    def _tag(self, label: str) -> str:
        tag = self._name(label)
        if tag != label:
            self.report.tags[label] = tag
        return tag

    def _name(self, label: str) -> str:
        """What a label is called in tags: without white space, which would end it, and like no other label."""
        if label not in self._names:
            name, number = re.sub(r"\s+", "_", label), 2
            taken, tag = set(self._names.values()), name
            while tag in taken:
                tag, number = f"{name}_{number}", number + 1
            self._names[label] = tag
        return self._names[label]

    def _count(self, row: Row, blank: int, dropped: int) -> None:
        self.report.written += 1
        self.report.blank_spans += blank
        self.report.overlapping_spans += dropped
        self.report.relations += len(row.get("relations") or [])
        self.report.choices += sum(map(len, (row.get("classes") or {}).values()))


def _trimmed(text: str, spans: Iterable[Row]) -> tuple[list[Span], int]:
    """The spans without the white space at their edges, and how many are not among them because they have no token."""
    found = [Span(*edges.trimmed(text, span["start"], span["end"]), span["label"]) for span in spans]
    solid = [span for span in found if not text[span.start : span.end].isspace()]
    return solid, len(found) - len(solid)


def _apart(spans: Iterable[Span]) -> tuple[list[Span], list[Span]]:
    kept: list[Span] = []
    dropped: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        (dropped if kept and span.start < kept[-1].end else kept).append(span)
    return kept, dropped


def _pieces(text: str, cuts: list[int]) -> Iterator[tuple[int, int]]:
    """The tokens, cut at these places."""
    for start, end in tokens.tokens(text):
        inside = cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]
        yield from zip([start, *inside], [*inside, end], strict=True)


def _value(text: str) -> str:
    """As it is, if it fits on a line and is read back so; else as a JSON string."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
