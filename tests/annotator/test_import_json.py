"""JSON that is no JSON lines: one array, or objects over several lines; each object is a row all the same."""

from __future__ import annotations

import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator import jobs
from annotator.errors import Invalid
from annotator.importing import load, refused, values
from annotator.importing.lines import MAX_LINE
from annotator.importing.options import Options
from annotator.importing.rows import Refused, Row
from annotator.models import Document, Job
from annotator.tenancy import tenant_scope
from tests.cast import make_project

ROWS = [{"id": n, "text": f'Mail "{n}" \\ [ü] {{x}}', "tags": [[n]], "who": {"name": "Ada"}} for n in range(3)]


def read(data: bytes | str, **options) -> list[Row | Refused]:
    data = data.encode() if isinstance(data, str) else data
    return list(load.read(io.BytesIO(data), Options("jsonl", **options)))


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, ensure_ascii=False, separators=(",", ":")),
        json.dumps(ROWS, indent=2),
        "\ufeff" + json.dumps(ROWS, indent="\t").replace("\n", "\r\n"),
        "[" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
        "[\n" + "\n, ".join(map(json.dumps, ROWS)) + "\n]",
        "\n".join(json.dumps(row, indent=4) for row in ROWS),
        "\n\n".join(json.dumps(row, indent=4) for row in ROWS) + "\n",
    ],
)
def test_arrays_and_pretty_objects_are_rows(data):
    found = read(data)

    assert [(row.external_id, row.text, row.item) for row in found] == [
        (str(row["id"]), row["text"], place) for place, row in enumerate(ROWS, 1)
    ]
    raw = data.encode()
    assert [json.loads(raw[row.begin : row.end]) for row in found] == ROWS


def test_rows_know_their_line_and_their_place():
    found = read(
        '[\r\n  {\r\n    "text": "one"\r\n  },\r\n  {"id": 1},\n  7, "x", null,\n [1, {"text": "in"}], {"text": "two"}]'
    )

    assert [(row.line, row.item) for row in found] == [(2, 1), (5, 2), (6, 3), (6, 4), (6, 5), (7, 6), (7, 7)]
    assert [row.detail() for row in found if isinstance(row, Refused)][:2] == [
        {"line": 5, "item": 2, "field": "text", "reason": "is missing"},
        {"line": 6, "item": 3, "field": "row", "reason": "is not a JSON object; each item of an array must be one"},
    ]


def test_what_is_broken_inside_costs_no_other_object():
    found = read('[{"text": "a",}, {"text" "b"}, {"text": "c"}, tru, {"text": "d"}]')

    assert [row.text for row in found if isinstance(row, Row)] == ["c", "d"]
    assert [row.item for row in found if isinstance(row, Refused)] == [1, 2, 4]


@pytest.mark.parametrize(
    "data", ['[{"text": "a"}, {"text": "b', '[{"text": "a"}, {"text": "b"', '[{"text": "a"}, {"x": "\\']
)
def test_an_array_that_is_cut_says_where(data):
    first, last = read(data)

    assert isinstance(first, Row)
    assert (last.item, last.reason, last.end) == (2, "is not JSON: it is never closed", len(data))


def test_lines_stay_lines_however_the_first_is_broken():
    for first in ('{"text": "cut', "[1]", '["text", {"a": 1}]', "{"):
        found = read(first + '\n{"text": "after"}\n')

        assert [(row.line, row.item) for row in found] == [(1, 0), (2, 0)], first
        assert found[1].text == "after"


@pytest.mark.parametrize(
    ("data", "what"), [(ROWS, "JSON in one array"), (ROWS[0], "JSON with objects on several lines")]
)
def test_in_another_encoding_it_says_what_to_do(data, what):
    with pytest.raises(Invalid, match=f"The file is {what}, in utf-16: save it in UTF-8, or as JSON lines."):
        read(json.dumps(data, indent=2).encode("utf-16"), encoding="utf-16")


def test_an_object_without_end_is_refused_in_constant_memory():
    data = b'[{"text": "' + b"x" * (3 * MAX_LINE) + b'"}, ' + b'{"text": "after"}]'

    tracemalloc.start()
    found = read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found[0].reason == f"is longer than {MAX_LINE:,} bytes"
    assert (found[1].text, found[1].item) == ("after", 2)
    assert data[found[0].end :] == b', {"text": "after"}]'
    assert peak < MAX_LINE * 3 + len(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=3), JSON, max_size=3), min_size=1, max_size=4),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
    st.integers(1, 40),
)
def test_objects_are_cut_where_json_ends_them(objects, indent, ascii, piece):
    data = json.dumps(objects, indent=indent, ensure_ascii=ascii).encode()
    before, values._PIECE = values._PIECE, piece
    try:
        found = list(values.objects(io.BytesIO(data), 0))
    finally:
        values._PIECE = before

    assert [json.loads(line.data) for line in found] == objects
    assert [data[line.begin : line.end] for line in found] == [line.data for line in found]
    assert [line.number for line in found] == [1 + data[: line.begin].count(b"\n") for line in found]


def test_a_job_goes_on_within_an_array_and_gives_refused_objects_back(cast, settings, tmp_path, monkeypatch):
    settings.UPLOADS_DIR = tmp_path
    monkeypatch.setattr(load, "BATCH_ROWS", 2)
    project = make_project(cast.acme, check_share=0)
    rows = [{"id": n, "text": "" if n == 3 else f"Mail {n}"} for n in range(5)]
    with tenant_scope(cast.acme):
        job = jobs.start_import(project, cast.alice, io.BytesIO(json.dumps(rows, indent=1).encode()), "a.json", {})
        Job.objects.filter(pk=job.pk).update(done_bytes=read(json.dumps(rows, indent=1))[1].end)

    jobs.run_import(cast.acme, job.pk)

    with tenant_scope(cast.acme):
        job.refresh_from_db()
        assert sorted(Document.objects.values_list("external_id", flat=True)) == ["2", "4"]
        assert job.row_errors == [{"line": 14, "item": 4, "field": "text", "reason": "is empty"}]
        told = refused.path_of(job.path).read_text()
        assert told.count("\n") == 1
        assert json.loads(told) == {"_line": 14, "_error": "text: is empty", "id": 3, "text": ""}
