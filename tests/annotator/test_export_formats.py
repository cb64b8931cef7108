"""Exports as CSV and CoNLL, and of some documents only."""

from __future__ import annotations

import csv
import io
from uuid import uuid4

import pytest

from annotator import review
from annotator.errors import Invalid
from annotator.exporting import cells, jsonl
from annotator.exporting.conll import Conll
from annotator.exporting.table import Table
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
        ["id", "start", "end", "label", "words", "topic", "tone", "state", "complete", "disputed"],
        ["d0", "3", "10", "PERSON", "Ada Bo,", "", "angry; urgent", "submitted", "true", ""],
        ["d0", "20", "24", "PLACE", "Oslo", "", "angry; urgent", "submitted", "true", ""],
        ["d1", "", "", "", "", "praise", "", "submitted", "true", ""],
    ]


def test_csv_tells_nothing_here_from_unfinished_skipped_and_unlabelled(cast):
    project = make_project(cast.acme)
    documents = add_documents(cast.acme, project, "nothing", "unfinished", "skipped", "begun", "unlabelled")
    with tenant_scope(cast.acme):
        review.annotate(documents[0], cast.bob, review.Submission(uuid4(), 0, {}))
        review.annotate(documents[1], cast.bob, review.Submission(uuid4(), 0, {}, complete=False))
        review.annotate(documents[2], cast.bob, review.Submission(uuid4(), 0, {}, state="skipped"))
        review.annotate(documents[3], cast.bob, review.Submission(uuid4(), 0, {}, state="draft"))

    told = export(cast, project, format="csv", documents="all").removeprefix("\ufeff")

    assert [(row["id"], row["state"], row["complete"]) for row in csv.DictReader(io.StringIO(told))] == [
        ("d0", "submitted", "true"),
        ("d1", "submitted", "false"),
        ("d2", "skipped", ""),
        ("d3", "draft", ""),
        ("d4", "unlabelled", ""),
    ]


def test_questions_named_like_a_column_have_another_name():
    table = Table({"state": [], "state (question)": [], "complete": []})

    assert table.head().strip().split(",")[5:] == [
        "state (question)", "state (question) (question)", "complete (question)", "state", "complete",
        "disputed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("chosen", "cell"),
    [
        ([], ""),
        (["late"], "late"),
        (["damaged", "late"], "damaged; late"),
        (["late; damaged"], '"late; damaged"'),
        (["late; damaged", "late"], '"late; damaged"; late'),
        (["late", "damaged"], '"late"; "damaged"'),  # or it would be the one choice of that name
        (['so "called"', "late"], '"so ""called"""; late'),
        (['"late; damaged"'], '"""late; damaged"""'),
        (["all; over"], '"all; over"'),
    ],
)
def test_choices_stand_in_a_cell_so_that_they_can_be_told_apart(chosen, cell):
    names = ["late", "damaged", "late; damaged", 'so "called"', '"late; damaged"', "all; over"]
    if chosen == ["late; damaged"]:
        names.remove('"late; damaged"')

    assert cells.choices(chosen, names) == cell


def test_a_choice_is_never_taken_for_another_that_is_written_so():
    assert cells.choices(["late; damaged"], ["late; damaged", '"late; damaged"']) == "late; damaged"


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "-5", "@here", "\t=1", "\rx", "＝1", " =1", "\u200b=1", "'=1", "''-"]
)
def test_what_a_spreadsheet_might_run_is_text(text):
    row = {"id": text, "text": text, "spans": [{"start": 0, "end": len(text), "label": text}], "complete": True}
    table, raw = Table({text: []}, people=True), Table({text: []}, people=True, raw=True)
    row |= {"classes": {text: ["=c"]}, "annotator": text}

    told, kept = ([next(csv.reader([line])) for line in (form.head(), form.lines(row))] for form in (table, raw))

    safe = [cell for line in told for cell in line if cell.endswith(text)]
    assert safe == ["'" + text] * 5
    assert "'=c" in told[1]
    assert table.report.neutralised_cells == 6
    assert text in kept[1]
    assert raw.report.neutralised_cells == 0


def test_what_no_spreadsheet_runs_stays_as_it_is():
    assert [cells.safe(text) for text in ("a=b", "'quoted'", "1-2", "", "3+4", "(-)")] == [
        "a=b", "'quoted'", "1-2", "", "3+4", "(-)",
    ]  # fmt: skip


def test_conll_keeps_every_span_exactly(cast, project):
    first, second = export(cast, project, format="conll").split("-DOCSTART- -X- O O\n\n")[1:]

    assert first.splitlines() == [
        "🙂\tO", "Ada\tB-PERSON", "Bo\tI-PERSON", ",\tI-PERSON",
        "lives\tO", "in\tO", "Oslo\tB-PLACE", ".\tO", "",
    ]  # fmt: skip
    assert second == "Nobody\tO\n\n"


def test_conll_cuts_tokens_at_spans_and_scripts_without_spaces():
    spans = [{"start": 0, "end": 2, "label": "A"}, {"start": 7, "end": 9, "label": "two words"}]

    lines = Conll(comments=True).lines({"id": "a b", "text": "unhappy東京で", "spans": spans, "complete": True})

    assert lines.splitlines() == [
        "# id = a b", "1\tun\tB-A", "2\thappy\tO", "3\t東\tB-two_words", "4\t京\tI-two_words", "5\tで\tO", "",
    ]  # fmt: skip


def tagged(text, *spans, complete=True, **options) -> tuple[list[str], Conll]:
    """Token and tag of a document, and the format with its report. Spans are words of the text, or places."""
    form = Conll(**options)
    found = [
        {"start": text.index(span), "end": text.index(span) + len(span), "label": "PER"} if isinstance(span, str)
        else {"start": span[0], "end": span[1], "label": "PER"}
        for span in spans
    ]  # fmt: skip
    lines = form.lines({"id": "d", "text": text, "spans": found, "complete": complete}).splitlines()
    return [line for line in lines if "\t" in line], form


def test_a_span_begins_at_its_first_token():
    lines, _ = tagged("Guests: Ada Bo Cy.", "Ada", " Bo", " Cy")

    assert lines == ["Guests\tO", ":\tO", "Ada\tB-PER", "Bo\tB-PER", "Cy\tB-PER", ".\tO"]


def test_spans_that_share_white_space_only_are_both_there():
    lines, form = tagged("Ada Bo", (0, 4), (3, 6))

    assert lines == ["Ada\tB-PER", "Bo\tB-PER"]
    assert form.report.overlapping_spans == 0


def test_a_span_of_white_space_is_counted_and_costs_no_other():
    lines, form = tagged("Ada  Bo", (0, 3), (3, 5), (4, 7))

    assert lines == ["Ada\tB-PER", "Bo\tB-PER"]
    assert form.report.blank_spans == 1


def test_spans_within_others_are_counted():
    lines, form = tagged("Bank of Oslo said", "Bank of Oslo", "Oslo", "of")

    assert lines == ["Bank\tB-PER", "of\tI-PER", "Oslo\tI-PER", "said\tO"]
    assert (form.report.written, form.report.overlapping_spans) == (1, 2)


def test_of_spans_that_cross_nothing_is_said_to_be_nothing():
    text, crossing = "Ada Bo Cy left", ["Ada Bo", "Bo Cy"]

    lines, plain = tagged(text, *crossing)
    kept, full = tagged(text, *crossing, comments=True, keep=True)

    assert (lines, plain.report.left_out_crossing, plain.report.written) == ([], 1, 0)
    assert kept == ["1\tAda\tB-PER", "2\tBo\tI-PER", "3\tCy\t_", "4\tleft\tO"]
    assert (full.report.left_out_crossing, full.report.overlapping_spans) == (0, 1)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("राम दिल्ली में", ["राम", "दिल्ली", "में"]),
        ("שָׁלוֹם עוֹלָם", ["שָׁלוֹם", "עוֹלָם"]),
        ("مُحَمَّد هنا", ["مُحَمَّد", "هنا"]),
        ("Cafe\u0301 Zu\u0308rich", ["Cafe\u0301", "Zu\u0308rich"]),
        ("می\u200cرود", ["می\u200cرود"]),
    ],
)
def test_words_stay_whole_with_their_marks(text, tokens):
    lines, _ = tagged(text)

    assert [line.split("\t")[0] for line in lines] == tokens


def test_no_token_can_be_taken_for_a_comment():
    plain, _ = tagged("# id = x\x1e#Oslo", "#Oslo")
    full, _ = tagged("#1", comments=True)

    assert plain == ["#\tO", "id\tO", "=\tO", "x\tO", "#\tB-PER", "Oslo\tI-PER"]
    assert full == ["1\t#\tO", "2\t1\tO"]


def test_conll_leaves_out_what_is_not_complete_or_marks_it(cast):
    project = make_project(cast.acme)
    documents = add_documents(cast.acme, project, "nothing", "Ada and Bo", "skipped", "unlabelled")
    ada = {"spans": [{"start": 0, "end": 3, "label": "PERSON"}]}
    with tenant_scope(cast.acme):
        review.annotate(documents[0], cast.bob, review.Submission(uuid4(), 0, {}))
        review.annotate(documents[1], cast.bob, review.Submission(uuid4(), 0, ada, complete=False))
        review.annotate(documents[2], cast.bob, review.Submission(uuid4(), 0, {}, state="skipped"))
    how = jsonl.Options.parse({"format": "conll", "documents": "all"})
    written = jsonl.Export(cast.acme, project.pk, how)

    plain = b"".join(written).decode()
    full = export(cast, project, format="conll", documents="all", comments="all", incomplete="keep")

    assert plain == "-DOCSTART- -X- O O\n\nnothing\tO\n\n"
    assert (written.report.written, written.report.left_out_incomplete) == (1, 3)
    assert (
        full
        == """# global.columns = ID FORM MARGINALIA:TAG
# id = d0
# state = submitted
# complete = true
1\tnothing\tO

# id = d1
# state = submitted
# complete = false
1\tAda\tB-PERSON
2\tand\t_
3\tBo\t_

# id = d2
# state = skipped
# complete = false
1\tskipped\t_

# id = d3
# state = unlabelled
# complete = false
1\tunlabelled\t_

"""
    )


def test_what_people_dispute_is_unknown_and_what_all_agree_on_is_not():
    spans = [{"start": 0, "end": 3, "label": "PER"}]
    open_span = {"kind": "span", "start": 8, "end": 10, "label": "PER", "for": ["alice"], "against": ["bob"]}
    open_choice = {"kind": "choice", "question": "topic", "choice": "praise"}
    row = {"id": "d", "text": "Ada and Bo", "spans": spans, "complete": False, "exhaustive": True}
    plain, full, table = Conll(), Conll(comments=True, keep=True), Table({})

    left_out = plain.lines(row | {"disputed": [open_span]})
    written = plain.lines(row | {"disputed": [open_choice]})
    marked = full.lines(row | {"disputed": [open_span, open_choice]}).splitlines()
    line = table.lines(row | {"disputed": [open_span, open_choice]})

    assert (left_out, plain.report.left_out_incomplete) == ("", 1)
    assert written == "-DOCSTART- -X- O O\n\nAda\tB-PER\nand\tO\nBo\tO\n\n"
    assert marked[2:-1] == ["# complete = false", "1\tAda\tB-PER", "2\tand\tO", "3\tBo\t_"]
    assert line == "d,0,3,PER,Ada,submitted,false,2\r\n"


def test_what_conll_has_no_place_for_is_counted():
    row = {
        "id": "two\nlines", "text": "Ada in Oslo", "complete": True, "classes": {"tone": ["angry", "urgent"]},
        "spans": [{"start": 0, "end": 3, "label": "A B"}, {"start": 7, "end": 11, "label": "A_B"}],
        "relations": [{"head": 0, "tail": 1, "label": "lives_in"}],
    }  # fmt: skip
    form, table = Conll(["A B", "A_B"], comments=True), Table({})

    told = form.lines(row).splitlines()
    table.lines(row)

    assert told == ['# id = "two\\nlines"', "1\tAda\tB-A_B_2", "2\tin\tO", "3\tOslo\tB-A_B", ""]
    assert (form.report.relations, form.report.choices, form.report.tags) == (1, 2, {"A B": "A_B_2"})
    assert (table.report.relations, table.report.choices) == (1, 0)
    assert list(form.report.told()) == [
        "Relations not written: 1.",
        "Choices not written: 2.",
        "Labels called otherwise in tags: A B → A_B_2.",
    ]


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
    for options in ({"format": "xlsx"}, {"documents": "skipped", "answers": "each"}, {"label": "\x00"},
                    {"comments": "some"}, {"incomplete": "keep"}, {"incomplete": "keep", "comments": "none"},
                    {"cells": "cooked"}):  # fmt: skip
        with pytest.raises(Invalid):
            jsonl.Options.parse(options)


def test_a_file_is_named_after_its_project(cast):
    project = make_project(cast.acme, name="Müller & Söhne / mails")

    assert jsonl.Options(format="csv").filename(project).startswith("müller-söhne-mails-20")
