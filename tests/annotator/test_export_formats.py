"""Exports as CSV and CoNLL, and of some documents only."""

from __future__ import annotations

import csv
import io
from uuid import uuid4

import pytest

from annotator import review
from annotator.errors import Invalid
from annotator.exporting import jsonl
from annotator.exporting.formats import Conll
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project

PERSON, PLACE = {"start": 2, "end": 9, "label": "PERSON"}, {"start": 19, "end": 23, "label": "PLACE"}


@pytest.fixture
def project(cast):
    project = make_project(cast.acme, check_share=0, annotators_per_document=2)
    documents = add_documents(cast.acme, project, "🙂 Ada Bo, lives in Oslo.", "Nobody", "Open", "Skipped")
    with tenant_scope(cast.acme):
        for user, spans in ((cast.alice, [PERSON]), (cast.bob, [PERSON, PLACE])):
            given = {"spans": spans, "classes": {"tone": ["angry", "urgent"]}}
            review.annotate(documents[0], user, review.Submission(uuid4(), 0, given))
        review.annotate(documents[1], cast.bob, review.Submission(uuid4(), 0, {"classes": {"topic": ["praise"]}}))
        review.annotate(documents[3], cast.bob, review.Submission(uuid4(), 0, {}, state="skipped", flag="help"))
    return project


def export(cast, project, **options) -> str:
    lines = jsonl.Export(cast.acme, project.pk, jsonl.Options.parse({"answers": "latest"} | options))
    return b"".join(lines).decode()


def ids(cast, project, **options) -> list[str]:
    table = csv.DictReader(io.StringIO(export(cast, project, format="csv", **options).removeprefix("\ufeff")))
    return [row["id"] for row in table]


def test_csv_has_a_row_for_each_span_and_choices_in_columns(cast, project):
    table = list(csv.reader(io.StringIO(export(cast, project, format="csv", offsets="utf16").removeprefix("\ufeff"))))

    assert table == [
        ["id", "start", "end", "label", "words", "topic", "tone"],
        ["d0", "3", "10", "PERSON", "Ada Bo,", "", "angry; urgent"],
        ["d0", "20", "24", "PLACE", "Oslo", "", "angry; urgent"],
        ["d1", "", "", "", "", "praise", ""],
    ]


def test_conll_keeps_every_span_exactly(cast, project):
    assert export(cast, project, format="conll").split("\n\n")[0].splitlines() == [
        "# id = d0", "🙂\tO", "Ada\tB-PERSON", "Bo\tI-PERSON", ",\tI-PERSON",
        "lives\tO", "in\tO", "Oslo\tB-PLACE", ".\tO",
    ]  # fmt: skip


def test_conll_cuts_tokens_at_spans_and_scripts_without_spaces(cast):
    spans = [{"start": 0, "end": 2, "label": "A"}, {"start": 1, "end": 5, "label": "B"},
             {"start": 7, "end": 9, "label": "two words"}]  # fmt: skip

    lines = Conll().lines({"id": "a b", "text": "unhappy東京で", "spans": spans}).splitlines()

    assert lines == ["# id = a_b", "un\tB-A", "happy\tO", "東\tB-two_words", "京\tI-two_words", "で\tO", ""]


def test_documents_are_chosen_by_state_and_label(cast, project):
    for options, found in (
        ({}, ["d0", "d0", "d1"]),
        ({"documents": "differs"}, ["d0", "d0"]),
        ({"documents": "all"}, ["d0", "d0", "d1", "d2", "d3"]),
        ({"documents": "open"}, ["d1", "d2", "d3"]),
        ({"documents": "skipped"}, ["d3"]),
        ({"documents": "flagged"}, ["d3"]),
        ({"label": "choice:topic=praise"}, ["d1"]),
        ({"answers": "each"}, ["d0", "d0", "d0", "d1"]),
        ({"answers": "each", "label": "span:PLACE", "documents": "differs"}, ["d0", "d0", "d0"]),
    ):
        assert ids(cast, project, **options) == found, options


def test_what_makes_no_sense_is_refused(cast):
    for options in ({"format": "xlsx"}, {"documents": "skipped", "answers": "each"}, {"label": "\x00"}):
        with pytest.raises(Invalid):
            jsonl.Options.parse(options)


def test_a_file_is_named_after_its_project(cast):
    project = make_project(cast.acme, name="Müller & Söhne / mails")

    assert jsonl.Options(format="csv").filename(project).startswith("müller-söhne-mails-20")
