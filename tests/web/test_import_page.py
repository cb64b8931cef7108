"""The page of an import: what it asks before anything goes in, and what it says of files of any kind."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator import jobs
from annotator.models import Annotation, Document, Job
from annotator.tenancy import tenant_scope
from tests.cast import make_project, signed_in
from tests.web.api_client import Api, hold_to_description

DOCCANO = {
    "text": "Nordlys hired Ada",
    "entities": [{"start_offset": 0, "end_offset": 7, "label": "X"}],
    "relations": [],
}


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


def upload(cast, project, data: bytes, name: str):
    """Alice sends the form; the answer, and the page that it leads to."""
    client = signed_in(cast.alice)
    path = f"/t/{cast.acme.slug}/projects/{project.pk}/import"
    return client, client.post(path, {"file": SimpleUploadedFile(name, data), "format": ""}, follow=True)


def the_job(cast) -> Job:
    with tenant_scope(cast.acme):
        return Job.objects.get()


def test_nothing_begins_before_somebody_says_what_becomes_of_unread_labels(cast, project):
    client, page = upload(cast, project, json.dumps(DOCCANO).encode(), "a.jsonl")
    path = page.request["PATH_INFO"]
    assert "1 row with labels that are not read" in page.content.decode()
    form = {"format": "jsonl", "act": "start", "asked_labels": "1", "labels": "on"}

    told = client.post(path, form, follow=True)
    assert "Say first what becomes of the rows whose labels are not read." in told.content.decode()
    assert the_job(cast).state == "uploaded"
    client.post(path, form | {"unread_labels": "unlabelled"})

    job = the_job(cast)
    assert job.state == "queued"
    jobs.run_import(cast.acme, job.pk)
    with tenant_scope(cast.acme):
        assert (Document.objects.count(), Annotation.objects.count()) == (1, 0)
    assert "“entities” seems to hold labels (doccano)" in client.get(path).content.decode()


def test_whoever_refuses_them_finds_them_listed(cast, project):
    client, page = upload(cast, project, json.dumps(DOCCANO).encode(), "a.jsonl")
    path = page.request["PATH_INFO"]

    client.post(
        path, {"format": "jsonl", "act": "start", "asked_labels": "1", "labels": "on", "unread_labels": "refuse"}
    )

    jobs.run_import(cast.acme, the_job(cast).pk)
    assert (the_job(cast).rows_refused, the_job(cast).rows_new) == (1, 0)
    assert "looks like labels (doccano)" in client.get(path).content.decode()


def test_the_page_calls_options_by_its_own_names(cast, project):
    client, page = upload(cast, project, json.dumps(DOCCANO).encode() + b'\n{"text": "Gr\xfc\xdfe"}', "a.jsonl")
    path = page.request["PATH_INFO"]
    form = {"format": "jsonl", "asked_labels": "1", "labels": "on", "unread_labels": "refuse", "encoding": "utf-8"}

    previewed = client.post(path, form | {"act": "look"}, follow=True).text
    other = client.post(path, form | {"act": "look", "encoding": "utf-16"}, follow=True).text
    client.post(path, form | {"act": "start"})
    jobs.run_import(cast.acme, the_job(cast).pk)
    done = client.get(path).text

    for shown in (previewed, done):
        assert "Import such rows without labels, write the labels as `spans`" in shown
        assert "; the option “Encoding” names another" in shown
        assert "unread_labels=" not in shown
    assert "encoding: is" not in other


def test_the_column_of_the_text_is_asked_for_in_the_words_of_the_page(cast, project):
    client, page = upload(cast, project, b"a,b\n1,hello there\n", "a.csv")
    form = {"format": "csv", "act": "look", "column": ["a", "b"], "use": ["", ""]}

    told = client.post(page.request["PATH_INFO"], form, follow=True).text

    assert "Choose below which column is the text of the documents." in told
    assert "has no column" not in told


def test_the_same_refusal_is_one_line_with_a_count(cast, project):
    row = {"text": "Ada", "spans": [{"start": 0, "end": 3, "label": "DRUG"}]}
    _, page = upload(
        cast, project, b"".join(json.dumps(row | {"id": n}).encode() + b"\n" for n in range(126)), "a.jsonl"
    )

    shown = page.content.decode()

    assert shown.count("there is no span label") == 1
    assert '<td class="right number">126</td><td class="number">1, 2, 3, 4, 5, …</td><td>spans</td>' in shown


def test_all_columns_that_a_file_may_have_can_be_sent(cast, project):
    names = ["id", "text", *(f"c{n}" for n in range(998))]
    client, page = upload(cast, project, f"{','.join(names)}\n1,one{',x' * 998}\n".encode(), "wide.csv")
    uses = ["id", "text", *[""] * 997, "id"]
    form = {"format": "csv", "encoding": "utf-8", "act": "start", "column": names, "use": uses}

    client.post(page.request["PATH_INFO"], form)

    job = the_job(cast)
    assert (job.state, job.options["import"]["id_column"]) == ("queued", "c997")


def test_of_rows_with_any_number_of_fields_the_first_are_shown(cast, project):
    row = {"text": "one", **{f"f{n}": n for n in range(20_000)}}

    _, page = upload(cast, project, json.dumps(row).encode(), "wide.jsonl")

    assert page.status_code == 200
    assert page.content.count(b'name="use"') == 1_000
    assert page.content.count(b"<td><span>") == 1_000


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "<xml/>")
    return file.getvalue()


# Files as they come, and what each becomes: a number of rows, or a piece of the sentence that says why it cannot.
FILES = [
    ("mac.csv", b"id,text\r1,one\r2,two\r", 2),
    ("mac.tsv", b"id\ttext\r1\tone\r2\ttwo", 2),
    ("mac.txt", b"one\rtwo\rthree\r", 3),
    ("mac.jsonl", b'{"text": "one"}\r{"text": "two"}\r', 2),
    ("mac.json", b'[\r  {"text": "one"},\r  {"text": "two"}\r]\r', 2),
    ("below.csv", b"id,text\n1,one\r2,two\r", 2),
    ("cell.csv", b'"i\rd",text\n1,one\n', 1),
    ("cell.csv", b'id,"long\r\nname",text\r\n1,a,one\r\n', 1),
    ("bare.csv", b"id\rtext\n1,one\n", "no column 'text'"),
    ("wide.csv", "id,text\n1,Grüße\n".encode("utf-16-le"), "is utf-8, but the file is in utf-16, without its mark"),
    ("wide.csv", "id,text\n1,Grüße\n".encode("utf-16-be"), "is utf-8, but the file is in utf-16, without its mark"),
    ("wide.jsonl", '{"text": "Grüße"}\n'.encode("utf-16-le"), "is utf-8, but the file is in utf-16, without its mark"),
    ("nul.csv", b"id,te\0xt\n1,one\n", "no column 'text'"),
    ("nul.jsonl", b'{"text": "a", "\\u0000": 1}\n', 0),
    ("label.jsonl", b'{"text": "a", "classes": {"\\u0000": ["x"]}}\n', 0),
    ("open.csv", b'id,"text\n1,one\n', "opens a quote that is never closed"),
    ("cut.json", b'[{"text": "one"}, {"text": "tw', 1),
    ("empty.csv", b"", "The file is empty"),
    ("empty.txt", b"", 0),
    ("empty.json", b"[]", 0),
    ("book.csv", zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook"),
    ("letter.txt", zipped("[Content_Types].xml", "word/document.xml"), "a Word document"),
    ("some.csv", zipped("a.csv"), "a ZIP archive"),
    ("some.jsonl", gzip.compress(b'{"text": "one"}'), "compressed by gzip"),
    ("old.csv", bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 50, "an Excel workbook"),
    ("paper.txt", b"%PDF-1.7\n", "a PDF"),
    ("table.csv", b"PAR1\x15\x04", "Parquet"),
    ("bytes.txt", bytes(range(256)) * 2 + b"\0" * 200, "no text but bytes"),
]


def send(api: Api, project, data: bytes, name: str, **options):
    """A file in a form, which also takes an empty one; what comes back is held to its description."""
    path = f"/projects/{project.pk}/import"
    told = api.client.post(
        api.base + path, {"file": SimpleUploadedFile(name, data)}, headers=api.headers, query_params=options
    )
    hold_to_description("POST", path, told)
    return told


@pytest.mark.parametrize(("name", "data", "becomes"), FILES)
def test_a_file_of_any_kind_is_read_or_refused_with_the_reason(cast, project, name, data, becomes):
    told = send(Api(cast.acme, cast.alice), project, data, name)

    if isinstance(becomes, int):
        assert (told.status_code, told.json().get("new")) == (200, becomes)
    else:
        assert told.status_code == 422
        assert becomes in told.json()["error"]["message"]


@pytest.mark.parametrize(("name", "data", "becomes"), FILES)
def test_a_job_that_fails_by_its_file_says_so_at_once(cast, project, name, data, becomes):
    with tenant_scope(cast.acme):
        job = jobs.start_import(project, cast.alice, io.BytesIO(data), name, {})

    jobs.run_import(cast.acme, job.pk)

    job = the_job(cast)
    assert (job.state, job.options["attempts"]) == ("succeeded" if isinstance(becomes, int) else "failed", 1)
    assert isinstance(becomes, int) or becomes in job.reason


@pytest.mark.parametrize(("name", "data", "becomes"), FILES)
def test_the_page_shows_a_preview_or_a_sentence(cast, project, name, data, becomes):
    _, page = upload(cast, project, data, name)

    assert page.status_code == 200
    assert "Nothing has been imported yet." in page.content.decode()


def test_what_nobody_foresaw_fails_a_job_at_once(cast, project, monkeypatch):
    def broken(*_args, **_options):
        raise TypeError("of our own making")

    monkeypatch.setattr(jobs, "store_rows", broken)
    with tenant_scope(cast.acme):
        job = jobs.start_import(project, cast.alice, io.BytesIO(b"one"), "a.txt", {})

    jobs.run_import(cast.acme, job.pk)

    assert the_job(cast).state == "failed"
    assert "(TypeError)" in the_job(cast).reason


PIECES = (
    b'text|id|,|;|\t|"|\n|\r|\r\n|{|}|[|]|:|{"text": "a"}|\0|"spans": []|"label"|\\u0000|\\ud800|\\|\xff\xfe'
    b'|\xef\xbb\xbf|\xe9|\x80|1e999|"entities": [[0, 1, "X"]]|nul|\x1a|PK\x03\x04'
).split(b"|")
ANY = st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join))


@settings(
    max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    data=ANY,
    name=st.sampled_from(["a.csv", "a.txt", "a.jsonl"]),
    encoding=st.sampled_from(["", "utf-16", "big5", "latin-1"]),
)
def test_no_file_of_any_bytes_makes_a_500_or_a_partial_import(cast, project, data, name, encoding):
    """With ``strict`` a file goes in whole or not at all, and one that is refused leaves nothing behind."""
    alice = Api(cast.acme, cast.alice)
    options = {"encoding": encoding} if encoding else {}
    with tenant_scope(cast.acme):
        before = Document.objects.count()

    kept = send(alice, project, data, name, preview="1", **options)
    look = alice.get(f"/jobs/{kept.json()['id']}/preview")
    strict = send(alice, project, data, name, strict="1", **options)

    assert (kept.status_code, look.status_code) == (202, 200)
    assert strict.status_code in (200, 422)
    with tenant_scope(cast.acme):
        stored = Document.objects.count() - before
    assert stored == (strict.json()["new"] if strict.status_code == 200 else 0)
    assert strict.status_code == 422 or strict.json()["refused"] == 0
