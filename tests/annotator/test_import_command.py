"""The commands `import` and `export`, as somebody at a terminal meets them."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.core.management import CommandError, call_command

from annotator.models import Annotation, Document
from annotator.tenancy import tenant_scope
from tests.cast import make_project


@pytest.fixture
def mails(cast, tmp_path):
    make_project(cast.acme)
    path = tmp_path / "mails.jsonl"
    ada = {"id": "a", "text": "Ada", "spans": [{"start": 0, "end": 3, "label": "PERSON"}], "complete": True}
    path.write_text("".join(json.dumps(row) + "\n" for row in (ada, {"text": ""}, {"id": "b"})))
    return path


def test_an_import_tells_what_went_in_and_what_did_not(mails, cast, capsys):
    call_command("import", "acme", "Mails", str(mails), user="bob")

    said = capsys.readouterr()
    assert said.out == "1 new, 0 known, 2 refused.\n"
    assert said.err == "line 2, text: is empty\nline 3, text: is missing\n"
    with tenant_scope(cast.acme):
        assert Annotation.objects.get().annotator == cast.bob


def test_strict_takes_nothing_and_fails(mails, cast, capsys):
    with pytest.raises(CommandError, match="2 of 3 rows were refused, so none went in"):
        call_command("import", "acme", "Mails", str(mails), strict=True, user="bob")

    assert "line 2, text: is empty" in capsys.readouterr().err
    with tenant_scope(cast.acme):
        assert not Document.objects.exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tenant": "nobody"}, "There is no tenant 'nobody'"),
        ({"project": "Letters"}, "There is no project 'Letters'; there is 'Mails'"),
        ({"project": "9" * 30}, "There is no project '999"),
        ({"file": "absent.jsonl"}, "absent.jsonl cannot be used: No such file"),
        ({"file": "mails.docx"}, "The file is a Word document; it must be plain text: save its text as TXT."),
        ({"user": "charlie"}, "charlie is no member of acme"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(mails, changes, reason):
    given = {"tenant": "acme", "project": "Mails", "file": str(mails), "user": None, **changes}

    with pytest.raises(CommandError, match=reason):
        call_command("import", given["tenant"], given["project"], given["file"], user=given["user"])


def test_an_export_is_a_file_and_its_sha256(mails, cast, tmp_path, capsys):
    call_command("import", "acme", "Mails", str(mails), user="bob")
    out = tmp_path / "out.jsonl"

    call_command("export", "acme", "Mails", output=out)

    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == ["a"]
    assert (tmp_path / "out.jsonl.sha256").read_text() == f"{digest}  out.jsonl\n"
    assert f"1 line, sha256 {digest}" in capsys.readouterr().out


def test_an_export_goes_to_standard_output(mails, cast, capfdbinary):
    call_command("import", "acme", "Mails", str(mails), user="bob")
    capfdbinary.readouterr()

    call_command("export", "acme", "Mails")

    assert json.loads(capfdbinary.readouterr().out)["id"] == "a"


def test_an_import_is_told_of_columns_and_encoding_and_keeps_what_it_refused(cast, tmp_path, capsys):
    make_project(cast.acme)
    path, kept = tmp_path / "mails.csv", tmp_path / "kept.csv"
    path.write_bytes("no;Text;kind;secret\n7;Grüße;praise;x\n8;Köln;nonsense;y\n".encode("cp1252"))
    how = ["--encoding", "windows-1252", "--text-column", "Text", "--id-column", "no", "--leave-out", "secret"]

    call_command(
        "import", "acme", "Mails", str(path), *how, "--classes", "kind=topic", "--user", "bob", "--refused", str(kept)
    )

    assert capsys.readouterr().out == "1 new, 0 known, 1 refused.\n"
    assert kept.read_text("utf-8-sig").splitlines()[0] == "_line;_error;no;Text;kind;secret"
    assert kept.read_text("utf-8-sig").splitlines()[1].endswith(";8;Köln;nonsense;y")
    with tenant_scope(cast.acme):
        document = Document.objects.get()
        assert (document.external_id, document.text, document.meta) == ("7", "Grüße", {})
        assert Annotation.objects.get().answer["classes"] == {"topic": ["praise"]}


def test_an_export_has_the_formats_and_filters_of_the_page(mails, cast, capfdbinary):
    call_command("import", "acme", "Mails", str(mails), user="bob")
    for label, found in (("span:PERSON", 1), ("span:PLACE", 0)):
        capfdbinary.readouterr()

        call_command("export", "acme", "Mails", "--format", "conll", "--label", label)

        assert capfdbinary.readouterr().out.count(b"Ada\tB-PERSON") == found


def test_an_export_says_to_standard_error_what_is_not_in_the_file(mails, cast, capsysbinary):
    mails.write_text('{"id": "a", "text": "Ada"}\n{"id": "=b", "text": "Bo", "spans": [], "complete": true}\n')
    call_command("import", "acme", "Mails", str(mails), user="bob")
    capsysbinary.readouterr()

    call_command("export", "acme", "Mails", "--format", "conll", "--documents", "all")
    conll = capsysbinary.readouterr()
    call_command("export", "acme", "Mails", "--format", "csv", "--cells", "safe")
    table = capsysbinary.readouterr()

    assert conll.out == b"-DOCSTART- -X- O O\n\nBo\tO\n\n"
    assert conll.err == b"Left out, as they have no complete answer: 1.\n"
    assert table.err == b"Cells that a spreadsheet might run, written with an apostrophe before them: 1.\n"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.csv", b"id\rname\r1\rone", "The header row has no column 'text'"),
        ("a.csv", b"PK\x03\x04[Content_Types].xml xl/workbook.xml", "an Excel workbook"),
        ("a.csv", "text\nGrüße".encode("utf-16-le"), "the file is in utf-16, without its mark"),
        ("a.txt", b"\x1f\x8b\x08", "compressed by gzip"),
    ],
)
def test_a_file_that_is_none_ends_with_a_sentence(cast, tmp_path, name, data, reason):
    make_project(cast.acme)
    path = tmp_path / name
    path.write_bytes(data)

    with pytest.raises(CommandError, match=reason):
        call_command("import", "acme", "Mails", str(path))


def test_the_same_is_said_once_and_labels_that_are_not_read_are_named(cast, tmp_path, capsys):
    make_project(cast.acme)
    path = tmp_path / "mails.json"
    unknown = {"text": "Ada", "spans": [{"start": 0, "end": 3, "label": "DRUG"}]}
    foreign = {"text": "Bob", "spans": [], "entities": [[0, 3, "PERSON"]]}
    path.write_text(json.dumps([{**unknown, "id": n} for n in range(7)] + [foreign, {"text": "Eve", "label": "x"}]))

    call_command("import", "acme", "Mails", str(path), user="bob")

    said = capsys.readouterr()
    assert said.out == "1 new, 0 known, 8 refused.\n"
    first, second, third = said.err.splitlines()
    assert first == "7 rows (items 1, 2, 3, 4, 5, …), spans: there is no span label 'DRUG' in this project"
    assert second.startswith("item 8, entities: looks like labels (pieces of the text with labels)")
    assert third.startswith("item 9: The field “label” seems to hold labels")
    call_command("import", "acme", "Mails", str(path), "--unread-labels", "unlabelled", user="bob")
    assert capsys.readouterr().out == "1 new, 1 known, 7 refused.\n"
