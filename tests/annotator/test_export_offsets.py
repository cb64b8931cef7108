"""Offsets as other languages count them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.errors import Invalid
from annotator.offsets import UNITS, from_units, spans_from, spans_to, to_units

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text("a😀é\u0301\u200dא\r\n", max_size=30)
UNIT = st.sampled_from(UNITS)


@given(TEXTS, UNIT)
def test_every_place_there_and_back(text, unit):
    places = range(len(text) + 1)

    there = to_units(text, places, unit)

    assert from_units(text, there.values(), unit) == {there[place]: place for place in places}


@given(TEXTS)
def test_units_are_what_other_languages_count(text):
    for place in range(len(text) + 1):
        assert to_units(text, [place], "utf16")[place] == len(text[:place].encode("utf-16-le")) // 2
        assert to_units(text, [place], "utf8")[place] == len(text[:place].encode())


@given(TEXTS, UNIT, st.lists(st.integers(-3, 130), max_size=5))
def test_no_place_is_made_up(text, unit, offsets):
    real = {units: place for place, units in to_units(text, range(len(text) + 1), unit).items()}

    assert from_units(text, offsets, unit) == {o: real[o] for o in offsets if o in real}


def test_spans_are_recounted_and_keep_the_rest():
    text = "😀 Zoë in 東京"
    spans = [{"start": 2, "end": 5, "label": "PERSON", "score": 0.5}, {"start": 9, "end": 11, "label": "PLACE"}]

    utf16 = spans_to(spans, text, "utf16")

    assert [(s["start"], s["end"]) for s in utf16] == [(3, 6), (10, 12)]
    assert spans_from(utf16, text, "utf16") == spans
    assert [(s["start"], s["end"]) for s in spans_to(spans, text, "utf8")] == [(5, 9), (13, 19)]
    assert spans_to(spans, text, "codepoints") == spans


def test_an_offset_inside_a_character_is_refused_by_name():
    with pytest.raises(Invalid) as refused:
        spans_from([{"start": 1, "end": 2, "label": "X"}, {"start": 0, "end": 99, "label": "X"}], "😀", "utf16")

    assert [d["field"] for d in refused.value.details] == ["spans[0].start", "spans[1].end"]


def test_what_is_no_span_is_left_to_the_check_of_answers():
    strange = [None, {"start": "1"}, {"start": True, "end": 1}]

    assert spans_from(strange, "😀", "utf16") == strange
    assert spans_from("spans", "😀", "utf16") == "spans"


def test_an_unknown_unit_is_refused():
    with pytest.raises(Invalid, match="codepoints, utf16, utf8"):
        spans_to([], "a", "words")
