"""How labelled lines are read."""

from __future__ import annotations

import pytest

from trainer.ml.examples import DataError, Span, parse


def test_white_space_at_the_edges_of_a_span_is_no_part_of_it() -> None:
    text = "See\u3000 Bo \n now"
    spans = [{"start": 3, "end": 9, "label": "PERSON"}, {"start": 0, "end": 3, "label": "VERB"}]
    blank = {"start": 7, "end": 9, "label": "PERSON"}

    example = parse(
        {"text": text, "spans": spans, "rejected": [blank], "relations": [{"head": 0, "tail": 1, "label": "x"}]}
    )

    assert example.spans == (Span(5, 7, "PERSON"), Span(0, 3, "VERB"))
    assert [text[span.start : span.end] for span in example.spans] == ["Bo", "See"]
    assert example.rejected == (Span(7, 9, "PERSON"),), "of one that is nothing else all stays"
    assert (example.relations[0].head, example.relations[0].tail) == (0, 1)


def test_a_line_whose_spans_count_other_units_is_refused() -> None:
    line = {"text": "😀 Ada", "spans": [{"start": 3, "end": 6, "label": "PERSON"}], "offsets": "utf16"}

    with pytest.raises(DataError, match="only code points"):
        parse(line)
