"""The rows that an import refused: given back so that they can be mended and imported again."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from annotator import jobs
from annotator.importing import load, refused
from annotator.importing.lines import MAX_LINE
from annotator.importing.options import Options
from annotator.importing.rows import Refused
from annotator.models import Document, Job
from annotator.tenancy import tenant_scope
from tests.cast import make_project


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOADS_DIR, settings.EXPORTS_DIR = tmp_path / "uploads", tmp_path / "exports"


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


def given_back(cast, project, data: bytes | str, name: str, **options) -> tuple[Job, str]:
    """The job of an import, and the file of what it refused."""
    data = data.encode() if isinstance(data, str) else data
    with tenant_scope(cast.acme):
        job = jobs.start_import(project, cast.alice, io.BytesIO(data), name, options)
    jobs.run_import(cast.acme, job.pk)
    with tenant_scope(cast.acme):
        return Job.objects.get(pk=job.pk), refused.path_of(job.path).read_bytes().decode("utf-8-sig")


@pytest.mark.parametrize("batch", [1_000, 1])
def test_refused_rows_of_a_table_are_mended_and_imported(cast, project, monkeypatch, batch):
    monkeypatch.setattr(load, "BATCH_ROWS", batch)
    data = 'no;text;from\r\n1;"Ada; ""hm""\r\nin Köln";web\r\n2;;web\r\n3;"  ";"a; b"\r\n'.encode("utf-16")
    options = {"id_column": "no"}

    _, told = given_back(cast, project, data, "mails.csv", encoding="utf-16", **options)

    assert told == '_line;_error;no;text;from\r\n4;text: is empty;2;;web\r\n5;text: is empty;3;  ;"a; b"\r\n'
    mended = told.replace(";;", ";Bob;").replace(";  ;", ";Eve;")
    with tenant_scope(cast.acme):
        job = jobs.start_import(project, cast.alice, io.BytesIO(mended.encode()), "mended.csv", options)
    jobs.run_import(cast.acme, job.pk)
    with tenant_scope(cast.acme):
        assert Job.objects.get(pk=job.pk).rows_refused == 0
        assert list(Document.objects.order_by("external_id").values_list("text", "meta")) == [
            ('Ada; "hm"\r\nin Köln', {"from": "web"}),
            ("Bob", {"from": "web"}),
            ("Eve", {"from": "a; b"}),
        ]


def test_what_is_refused_again_does_not_gather_columns(cast, project):
    _, first = given_back(cast, project, "id,text\n1,\n", "a.csv")

    _, second = given_back(cast, project, "\ufeff" + first, "a.csv")

    assert second == "_line,_error,id,text\r\n2,text: is empty,1,\r\n" == first


def test_broken_quotes_cost_no_other_row(cast, project):
    data = 'text,id\n"a"b,1\n,2\n"open,3\n'

    _, told = given_back(cast, project, data, "a.csv")

    lines = told.splitlines()
    assert lines[1] == '''2,"its quotes do not match: ',' expected after '""'","""a""b,1"'''
    assert lines[2] == "3,text: is empty,,2"
    assert lines[3].endswith(',"""open,3"')


def test_refused_json_lines_are_what_they_were_with_two_fields_more(cast, project):
    lines = ['{"text": "", "n": 123456789012345678901234567890}', "{}", '{"text": "a', "[1]", '{ "text": "ok" }']

    job, told = given_back(cast, project, "\n".join(lines), "a.jsonl")

    reason = "is not JSON: unexpected end of data at column 12"
    assert told.splitlines()[:2] == [
        '{"_line":1,"_error":"text: is empty","text": "", "n": 123456789012345678901234567890}',
        '{"_line":2,"_error":"text: is missing"}',
    ]
    assert told.splitlines()[2] == f'{{"_line":3,"_error":"{reason}","text": "a'
    assert json.loads(told.splitlines()[3]) == {
        "_line": 4, "_error": "is not a JSON object; each line must be one", "_row": "[1]"
    }  # fmt: skip
    assert job.errors_bytes == len(told)
    mended = told.splitlines()[0].replace('""', '"b"').replace("12345678901234567890", "")
    _, nothing = given_back(cast, project, mended + "\n" + told.splitlines()[1], "b.jsonl")
    assert nothing == '{"_line":2,"_error":"text: is missing"}\n'
    with tenant_scope(cast.acme):
        assert Document.objects.get(text="b").meta == {"n": 1234567890}


def test_refused_lines_of_text_become_a_table(cast, project):
    _, told = given_back(cast, project, b'one\ncaf\xe9, "x"\nthree\n', "a.txt")

    assert told.startswith("_line,_error,text\r\n2,is not UTF-8: byte 0xe9")
    assert told.endswith(',"caf\ufffd, ""x"""\r\n')


def test_what_is_longer_than_any_row_is_not_copied(cast, project):
    _, told = given_back(cast, project, b'{"text": "' + b"x" * MAX_LINE + b'"}\n', "a.jsonl")

    assert json.loads(told) == {"_line": 1, "_error": f"is longer than {MAX_LINE:,} bytes", "_row": ""}


def test_a_full_file_stays_as_it_is(tmp_path):
    upload = tmp_path / "a.jsonl"
    upload.write_bytes(b"{\n")

    assert refused.rows(Path(upload), Options("jsonl"), [Refused(1, "row", "x", 2)], refused.MOST_BYTES) == b""
