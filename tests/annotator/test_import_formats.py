"""Reading files: what each format means, and every way in which a file can be broken."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import tracemalloc
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.errors import Invalid
from annotator.importing import load
from annotator.importing.lines import MAX_LINE, lines
from annotator.importing.options import Options
from annotator.importing.rows import Refused, Row

ODD = "Z\u0351o\u0308 \u202eأبج\u202c 👩\u200d👩\u200d👧 \u2028\x85\x0b x"


def read(data: bytes | str, format: str = "jsonl", **options) -> list[Row | Refused]:
    data = data.encode() if isinstance(data, str) else data
    return list(load.read(io.BytesIO(data), Options(format, **options)))


def texts(found) -> list[str]:
    return [row.text for row in found if isinstance(row, Row)]


def refusals(found) -> list[tuple[int, str, str]]:
    return [(row.line, row.field, row.reason) for row in found if isinstance(row, Refused)]


def test_jsonl_rows_are_read_as_they_are_written():
    line = {
        "id": 7, "text": ODD, "spans": [], "classes": {"topic": ["praise"]}, "complete": False,
        "split": "check", "source": "web", "meta": {"page": 3},
    }  # fmt: skip

    found = read("\ufeff" + json.dumps(line) + "\r\n\n" + '{"text": "b", "split": "train"}')

    assert found[0] == Row(
        1, "7", ODD, {"source": "web", "page": 3}, {"spans": [], "classes": {"topic": ["praise"]}}, False,
        found[0].end, 3,
    )  # fmt: skip
    assert (found[1].line, found[1].external_id, found[1].meta, found[1].answer) == (3, None, {"split": "train"}, None)


def test_what_an_export_says_of_several_answers_is_no_metadata_and_no_answer():
    line = {
        "text": "a", "spans": [], "classes": {"tone": ["angry"], "topic": ["praise"]}, "complete": False,
        "answers": 2, "exhaustive": True,
        "disputed": [{"kind": "choice", "question": "tone", "label": "urgent", "for": 1, "against": 1}],
    }  # fmt: skip
    own = {"text": "b", "answers": ["yes"], "disputed": True}

    one, other = read(json.dumps(line) + "\n" + json.dumps(own))

    assert (one.meta, one.answer, one.complete) == ({}, {"spans": [], "classes": {"topic": ["praise"]}}, False)
    assert (other.meta, other.answer) == ({"answers": ["yes"], "disputed": True}, None)


@pytest.mark.parametrize(("unit", "place"), [("utf16", (3, 6)), ("utf8", (5, 8)), ("codepoints", (2, 5))])
def test_spans_are_counted_as_an_export_says(unit, place):
    span = {"start": place[0], "end": place[1], "label": "PERSON"}
    line = {"text": "😀 Ada", "spans": [span], "offsets": unit}

    (row,) = read(json.dumps(line))

    assert (row.meta, row.answer) == ({}, {"spans": [{"start": 2, "end": 5, "label": "PERSON"}]})


def test_offsets_within_a_character_are_refused_and_those_of_others_are_metadata():
    inside = {"text": "😀 Ada", "spans": [{"start": 1, "end": 6, "label": "PERSON"}], "offsets": "utf16"}

    refused, row = read(json.dumps(inside) + "\n" + json.dumps({"text": "b", "offsets": [[0, 1]]}))

    assert refusals([refused]) == [(1, "spans[0].start", "1 is no place between two characters, in utf16 units")]
    assert row.meta == {"offsets": [[0, 1]]}


@pytest.mark.parametrize(
    ("cell", "complete"),
    [("", None), ("yes", None), (" TRUE ", None), ("1", None), ("no", False), (" False ", False), ("partial", False)],
)
def test_nothing_but_a_yes_makes_an_answer_of_a_table_complete(cell, complete):
    (row,) = read(f"text,kind,complete\na,praise,{cell}\n", "csv", classes=("kind=topic",))

    assert row.complete is complete


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (b'{"text": "caf\xe9"}', "row", "is not UTF-8: byte 0xe9 at byte 14"),
        (b'{"text": "\xed\xa0\x80"}', "row", "is not UTF-8"),
        (b'{"text": "\\ud800"}', "row", "surrogate"),
        (b'{"text": "cut in the mid', "row", "is not JSON: unexpected end of data at column"),
        (b'{"text": "a", }', "row", "is not JSON"),
        (b'{"text": NaN}', "row", "is not JSON"),
        (b'["a"]', "row", "is not a JSON object"),
        (b"null", "row", "is not a JSON object"),
        (b"[" * 5000, "row", "is not JSON"),
        (b'{"text": "a", "spans": [[0, 1]], "spans": []}', "spans", "is there twice"),
        (b'{"text": "a", "text": "b", "meta": {"text": 12345678901234567890123}}', "text", "is there twice"),
        (b"{}", "text", "is missing"),
        (b'{"text": null}', "text", "must be a string"),
        (b'{"text": ["a"]}', "text", "must be a string"),
        (b'{"text": "a", "id": 1.5}', "id", "must be a string or a whole number"),
        (b'{"text": "a", "id": true}', "id", "must be a string or a whole number"),
        (b'{"text": "a", "meta": [1]}', "meta", "must be an object"),
        (b'{"text": "a", "complete": "yes"}', "complete", "must be true or false"),
    ],
)
def test_a_broken_json_line_is_refused_and_its_neighbours_are_read(line, field, reason):
    found = read(b'{"text": "before"}\n' + line + b'\n{"text": "after"}\n')

    assert texts(found) == ["before", "after"]
    ((number, where, why),) = refusals(found)
    assert (number, where) == (2, field)
    assert reason in why


def test_a_field_within_another_is_not_there_twice():
    tokens = [{"text": "a", "id": 0}, {"text": "b", "id": 1}]

    (row,) = read(json.dumps({"text": "a b", "id": 1, "meta": {"text": "c"}, "tokens": tokens}))

    assert (row.text, row.meta) == ("a b", {"text": "c", "tokens": tokens})


def test_null_says_nothing_of_completeness():
    (row,) = read('{"text": "a", "spans": null, "complete": null}')

    assert (row.answer, row.complete) == (None, None)


def test_a_line_without_end_is_refused_in_constant_memory():
    size = 3 * MAX_LINE
    data = b'{"text": "' + b"x" * size + b'"}\n{"text": "after"}'
    file = io.BytesIO(data)

    tracemalloc.start()
    found = list(load.read(file, Options("jsonl")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert refusals(found) == [(1, "row", f"is longer than {MAX_LINE:,} bytes")]
    assert texts(found) == ["after"]
    assert found[-1].end == len(data)
    assert peak < MAX_LINE * 1.5


@pytest.mark.parametrize("format", ["jsonl", "csv", "txt"])
@pytest.mark.parametrize(
    ("start", "what"), [(b"\xff\xfea\x00", "utf-16"), (b"PK\x03\x04", "ZIP"), (b"\x1f\x8b", "gzip")]
)
def test_a_file_of_another_kind_is_refused_as_a_whole(format, start, what):
    with pytest.raises(Invalid, match=what):
        read(start + b"whatever\n", format)


@pytest.mark.parametrize("text", ["PAR1 is a receptor.", "BZh 9", "GIF8 is none", "Rar! he cried."])
def test_words_that_begin_like_a_file_of_another_kind_are_text(text):
    assert texts(read(text, "txt")) == [text]


@pytest.mark.parametrize("start", [b"PAR1\x15\x04", b"BZh91AY&SY\x0e", b"GIF89a\x01\0", b"Rar!\x1a\x07\x01\0"])
def test_what_is_no_text_is_told_by_how_it_begins(start):
    with pytest.raises(Invalid, match="it must be plain text"):
        read(start, "txt")


def test_txt_is_a_document_a_line_or_a_file():
    data = "\ufeffone\r\n  \n" + ODD + "\n\xa0\nlast"

    assert [(row.line, row.text) for row in read(data, "txt")] == [(1, "one"), (3, ODD), (5, "last")]
    assert texts(read(data, "txt", whole=True)) == [data.removeprefix("\ufeff")]


def test_txt_that_is_not_utf8_is_refused_by_line():
    found = read(b"one\ncaf\xe9\nthree", "txt")

    assert texts(found) == ["one", "three"]
    assert refusals(found)[0][:2] == (2, "row")
    assert refusals(read(b"caf\xe9", "txt", whole=True))[0][0] == 1
    assert "more than 1,000,000" in refusals(read(b"x" * 5_000_000, "txt", whole=True))[0][2]


def test_csv_keeps_line_breaks_and_quotes_and_puts_other_columns_into_meta():
    data = '\ufeffid,text,from\r\na,"two\r\nlines, ""quoted""",web\r\n,5" pipe,\r\n\r\nc,last,x'

    found = read(data, "csv")

    assert [(r.line, r.external_id, r.text, r.meta) for r in found] == [
        (2, "a", 'two\r\nlines, "quoted"', {"from": "web"}),
        (4, None, '5" pipe', {"from": ""}),
        (6, "c", "last", {"from": "x"}),
    ]
    assert found[-1].end == len(data.encode())


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_finds_its_delimiter_and_named_columns(delimiter):
    data = delimiter.join(["key", "body"]) + "\n" + delimiter.join(["k1", "hello"])

    (row,) = read(data, "csv", text_column="body", id_column="key")

    assert (row.external_id, row.text, row.meta) == ("k1", "hello", {})


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"", "no column 'text'"),
        (b"body,id\n", "no column 'text': 'body,id'"),
        (b"text,a,a\n", "'a' twice"),
        (b"text,\xe9\n", "not UTF-8"),
        (b"text," + b",".join(b"%d" % i for i in range(1_000)) + b"\n", "1,001 columns; the most is 1,000"),
        (b"text," + b",".join(b"%d" % i for i in range(100_000)) + b"\n", "100,001 columns; the most is 1,000"),
        (b"a" + b" " * 500_000 + b"b\n", "no column 'text'"),
        (b'text,"a\n' + b'""\n' * 50_000, "opens a quote that is never closed"),
    ],
)
def test_csv_needs_a_header(header, reason):
    with pytest.raises(Invalid, match=reason):
        read(header + b"a,b\n", "csv")


@pytest.mark.parametrize(
    ("record", "lines", "reason"),
    [
        (b"a,b,c", 1, "has 3 fields; the header has 2"),
        (b"a", 1, "has 1 field; the header has 2"),
        (b'"a"b,c', 1, "its quotes do not match"),
        (b'"a"b,"c\nd"', 2, "its quotes do not match"),
        (b"caf\xe9,b", 1, "is not UTF-8: byte 0xe9 at byte 4"),
        (b'caf\xe9,"b\nc"', 2, "is not UTF-8"),
        (b'"b\ncaf\xe9\nd",c', 3, "has a line, 4, that is not UTF-8"),
    ],
)
def test_a_broken_csv_record_is_refused_and_its_neighbours_are_read(record, lines, reason):
    found = read(b"text,id\nbefore,1\n" + record + b'\n"after\nit",2\n', "csv")

    assert texts(found) == ["before", "after\nit"]
    ((number, field, why),) = refusals(found)
    assert (number, field) == (3, "row")
    assert reason in why
    assert found[-1].line == 3 + lines


def test_a_quote_that_is_never_closed_costs_the_rest_of_the_file_and_no_memory():
    data = b'text\nbefore\n"open\n' + (b"more, and more " * 100 + b"\n") * 15_000

    tracemalloc.start()
    found = list(load.read(io.BytesIO(data), Options("csv")))
    peak = tracemalloc.get_traced_memory()[1] - len(data)
    tracemalloc.stop()

    assert texts(found) == ["before"]
    ((line, _, reason),) = refusals(found)
    assert line == 3
    assert "a quote may not be closed" in reason
    assert peak < 64 * 1024 * 1024


def test_a_short_open_quote_says_so():
    ((line, _, reason),) = refusals(read(b'text\n"open\nmore\n', "csv"))

    assert (line, reason) == (2, "opens a quote that is never closed")


def test_a_record_that_is_too_long_does_not_spill_into_the_next():
    data = b'text,id\n"' + (b"word " * 200 + b"\n") * 7_000 + b'end",1\nafter,2\n'

    found = read(data, "csv")

    assert texts(found) == ["after"]
    assert [(r.line, "longer than" in r.reason) for r in found if isinstance(r, Refused)] == [(2, True)]


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=3)), max_size=8))
def test_what_pythons_csv_writes_is_read_back(rows):
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "other"), *rows])

    found = read(out.getvalue().encode(errors="replace"), "csv")

    expected = [(text, other.encode(errors="replace").decode()) for text, other in rows]
    assert [(row.text, row.meta["other"]) for row in found] == expected


@given(st.binary(max_size=400), st.sampled_from(["jsonl", "csv", "txt"]))
def test_no_bytes_break_a_reader(data, format):
    try:
        found = read(b"text,id\n" + data if format == "csv" else data, format)
    except Invalid:
        return

    ends = [row.end for row in found]
    assert ends == sorted(set(ends))


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_line_ends_as_it_does_on_any_machine(end):
    rows = ["id,text", "1,one", '2,"two', 'and, ""more"""', "3,three"]

    found = read(end.join(rows) + end, "csv")

    assert [(row.line, row.text) for row in found] == [(2, "one"), (3, f'two{end}and, "more"'), (5, "three")]
    assert texts(read(end.join(["one", "", "two"]), "txt")) == ["one", "two"]
    assert [row.begin for row in found[1:]] == [row.end for row in found[:-1]]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_a_carriage_return_of_utf16_ends_a_line(codec):
    data = ("\ufeff" + "\r".join(["text", "\u0d0d\u0a0d", "\u0d00x\u000dy", "z"])).encode(codec)

    assert texts(read(data, "csv", encoding="utf-16")) == ["\u0d0d\u0a0d", "\u0d00x", "y", "z"]


def test_a_carriage_return_is_a_part_of_a_line_of_text_that_ends_otherwise():
    assert texts(read("one\rmore\ntwo\n", "txt")) == ["one\rmore", "two"]


def test_a_long_line_before_a_carriage_return_costs_no_other():
    found = read(b"text\r" + b"x" * (MAX_LINE + 70_000) + b"\rafter\rlast", "csv")

    assert texts(found) == ["after", "last"]
    assert [(line, "longer than" in reason) for line, _, reason in refusals(found)] == [(2, True)]


def shown(name: str) -> str:
    """A name in one line."""
    return re.sub(r"[ \t]*[\r\n]+[ \t]*", " ", name).strip()


@given(st.lists(st.text(st.sampled_from('ab,;"\t \r\n'), max_size=6).filter(lambda name: name.strip()), max_size=4))
def test_a_header_of_any_names_costs_no_row(names):
    names = list({shown(name): name for name in names}.values())
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["text", *names], ["hello", *("x" for _ in names)]])

    (row,) = read(out.getvalue(), "csv")

    assert (row.text, list(row.meta)) == ("hello", list(map(shown, names)))


@pytest.mark.parametrize("header", ['text,5" pipe', 'text,",;"', 'text,"a;b"'])
def test_a_quote_in_the_header_that_opens_nothing_costs_no_row(header):
    assert texts(read(header + "\nhello,x\nthere,y\n", "csv")) == ["hello", "there"]


def test_quotes_in_the_header_that_do_not_match_are_told():
    with pytest.raises(Invalid, match="The header row opens a quote that is never closed"):
        read('text,"a\nhello,x\nthere,y\n', "csv")


def test_columns_without_a_name_hold_what_nobody_named():
    found = read(b"id,text,,\n1,one,,\n2,two\n3,three,,,,\n4,four,,why\n5,five,x,y,z\n", "csv")

    assert [(row.external_id, row.meta) for row in found if isinstance(row, Row)] == [
        ("1", {}), ("2", {}), ("3", {}), ("4", {"column 4": "why"}),
    ]  # fmt: skip
    assert refusals(found) == [(6, "row", "has 5 fields; the header has 4")]


def test_files_that_were_put_one_behind_the_other_are_read():
    table = "\ufefftext,id\r\n{0},{1}\r\n"

    found = read(table.format("one", 1) + table.format("text", 2), "csv")
    rows = read('\ufeff{"text": "one"}\n\ufeff{"text": "two"}\n')

    assert texts(found) == ["one", "text"]
    assert refusals(found) == [(3, "row", "is the header row again")]
    assert texts(rows) == ["one", "two"]
    assert texts(read("text\ntext\n", "csv")) == ["text"]


@pytest.mark.parametrize("many", [16_383, 200_000])  # a sheet of Excel has 16,384 columns
def test_cells_that_a_spreadsheet_has_beyond_its_table_are_nothing(many):
    blank = b"," * many

    found = read(b"text" + blank + b"\none" + blank + b"\ntwo\n", "csv") + read(b"text\nthree" + blank, "csv")

    assert [(row.text, row.meta) for row in found] == [("one", {}), ("two", {}), ("three", {})]


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_a_column_of_choices_may_have_an_equals_sign_in_its_name(format):
    data = {"csv": "text,rating (1=bad)\na,good", "jsonl": '{"text": "a", "rating (1=bad)": "good"}'}[format]

    (row,) = read(data, format, classes=("rating (1=bad)=how=ever",))

    assert (row.answer, row.meta) == ({"classes": {"how=ever": "good"}}, {})


def test_a_file_of_line_ends_takes_no_memory():
    file = io.BytesIO(b"\r" * 2_000_000)

    tracemalloc.start()
    found = list(islice(lines(file), 3))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [(line.begin, line.data) for line in found] == [(0, b"\r"), (1, b"\r"), (2, b"\r")]
    assert peak < 10_000_000


def test_a_line_of_just_the_length_before_a_carriage_return_is_whole():
    found = read(b'{"text": "x"}'.ljust(MAX_LINE) + b'\r{"text": "after"}\r')

    assert [(row.line, row.text) for row in found] == [(1, "x"), (2, "after")]


def test_a_reason_quotes_no_more_than_can_be_read():
    ((line, field, reason),) = ((one["line"], one["field"], one["reason"]) for one in [
        Refused(1, "classes." + "q" * 9_000, "there is no " + "x" * 1_000_000).detail()
    ])  # fmt: skip

    assert (line, len(field), len(reason), reason[-1]) == (1, 501, 501, "…")


def test_options_name_what_is_wrong():
    assert Options.parse({"strict": True, "text_column": ""}, "a/B.NDJSON") == Options("jsonl", strict=True)
    with pytest.raises(Invalid) as refused:
        Options.parse({"format": "xml", "strict": "yes", "speed": 9})
    assert [d["field"] for d in refused.value.details] == ["format", "strict", "speed"]
    with pytest.raises(Invalid, match="id_column: has a NUL character"):
        Options.parse({"id_column": "\x00"}, "mails.csv")
    with pytest.raises(Invalid, match="must be one of jsonl, csv, txt"):
        Options.parse({"format": "docx"}, "mails.docx")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Book.XLSX", "The file is an Excel workbook; it must be plain text: save the sheet as CSV"),
        ("mails.docx", "The file is a Word document; .* save its text as TXT"),
        ("mails.tar.gz", "The file is an archive; .* unpack it"),
        ("train.conll", r"The name of the file does not tell its format: choose one \(jsonl, csv, txt\)\."),
        ("mails", "The name of the file does not tell its format"),
    ],
)
def test_a_name_that_tells_no_format_is_answered_by_what_to_do(name, said):
    with pytest.raises(Invalid, match=f"^{said}") as refused:
        Options.parse({}, name)

    assert [detail["field"] for detail in refused.value.details] == ["format"]
    assert Options.parse({"format": "csv"}, name).format == "csv"


DATA = Path(os.environ.get("MARGINALIA_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no corpora in {DATA} (set MARGINALIA_DATA)")
def test_real_files_are_read():
    with (DATA / "cls/en_banking77/train.csv").open("rb") as file:
        found = list(load.read(file, Options("csv")))
    assert len(texts(found)) == 10_003
    assert not refusals(found)
    assert any("\n" in text for text in texts(found))

    weibo = next((DATA / "ner/zh_weibo").glob("weiboNER.conll.train"))
    with weibo.open("rb") as file:
        assert any("is not UTF-8" in reason for _, _, reason in refusals(load.read(file, Options("txt"))))
