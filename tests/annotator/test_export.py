"""Exporting: the lines, who is in them, and that what goes in comes out."""

from __future__ import annotations

import hashlib
import io
import json
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator import snapshot
from annotator.errors import Invalid
from annotator.exporting import jsonl
from annotator.exporting.jsonl import Export, Options
from annotator.importing import load
from annotator.importing import options as importing
from annotator.models import Document
from annotator.review import Submission, annotate
from annotator.spans import storable_fault
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project


def submit(document, user, **changes):
    answer = {"spans": changes.pop("spans", []), "classes": changes.pop("classes", {})}
    return annotate(document, user, Submission(submit_id=uuid.uuid4(), answer=answer, **{"revision": 0, **changes}))


def export(tenant, project, **options) -> list[dict]:
    data = b"".join(Export(tenant, project.pk, Options(**options)))
    return [json.loads(line) for line in data.splitlines()]


def test_the_latest_submitted_answers_are_exported(cast):
    project = make_project(cast.acme, annotators_per_document=2)
    ada, bea, _, draft = add_documents(cast.acme, project, "Ada\n😀", "Bea", "untouched", "draft")
    with tenant_scope(cast.acme):
        submit(ada, cast.alice, classes={"topic": ["billing"]})
        submit(ada, cast.bob, spans=[{"start": 0, "end": 3, "label": "PERSON"}], complete=False)
        submit(bea, cast.bob)
        submit(draft, cast.bob, state="draft")

    first, second = export(cast.acme, project, answers="latest")

    assert first == {
        "id": "d0", "text": "Ada\n😀", "spans": [{"start": 0, "end": 3, "label": "PERSON"}], "classes": {},
        "relations": [], "complete": False, "split": ada.split, "meta": {},
    }  # fmt: skip
    assert (second["id"], second["spans"]) == ("d1", [])


def test_each_answer_says_whose_it_is(cast):
    project = make_project(cast.acme, annotators_per_document=2)
    (document,) = add_documents(cast.acme, project, "Ada")
    with tenant_scope(cast.acme):
        submit(document, cast.alice, classes={"topic": ["billing"]})
        submit(document, cast.bob, classes={"topic": ["praise"]})
        more = {"flag": "flagged", "comment": "or praise?", "milliseconds": 4_100}
        submit(document, cast.bob, classes={"topic": ["delivery"]}, revision=1, **more)

    lines = export(cast.acme, project, answers="each")

    assert [(line["annotator"], line["revision"], line["classes"]["topic"]) for line in lines] == [
        ("alice", 1, ["billing"]),
        ("bob", 2, ["delivery"]),
    ]
    assert lines[0]["submitted_at"].startswith("20")
    assert {name: lines[1][name] for name in more} == more


def test_all_documents_means_those_without_an_answer_too(cast):
    project = make_project(cast.acme)
    one, _ = add_documents(cast.acme, project, "one", "two")
    with tenant_scope(cast.acme):
        submit(one, cast.bob)

    lines = export(cast.acme, project, documents="all")

    assert [line.get("spans") for line in lines] == [[], None]
    assert lines[1].keys() == {"id", "text", "split", "meta"}


@pytest.mark.parametrize("options", [{}, {"documents": "all"}, {"answers": "each"}])
def test_pages_join_without_gap_or_repeat(cast, monkeypatch, options):
    monkeypatch.setattr(jsonl, "PAGE_ROWS", 3)
    monkeypatch.setattr(jsonl, "PAGE_BYTES", 50)
    project = make_project(cast.acme, annotators_per_document=2)
    documents = add_documents(cast.acme, project, *("x" * (i * 7 % 40 + 1) for i in range(20)))
    with tenant_scope(cast.acme):
        for document in documents:
            submit(document, cast.alice)
            submit(document, cast.bob)

    found = [line["id"] for line in export(cast.acme, project, **options)]

    repeat = 2 if options.get("answers") == "each" else 1
    assert found == [f"d{i}" for i in range(20) for _ in range(repeat)]


def test_the_sha256_is_that_of_the_bytes(cast):
    project = make_project(cast.acme)
    add_documents(cast.acme, project, "one", "two")

    handed_out = Export(cast.acme, project.pk, Options(documents="all"))
    data = b"".join(handed_out)

    assert handed_out.sha256 == hashlib.sha256(data).hexdigest()
    assert handed_out.count == 2


def test_offsets_are_recounted_on_request(cast):
    project = make_project(cast.acme)
    (document,) = add_documents(cast.acme, project, "😀 Zoë!")
    with tenant_scope(cast.acme):
        submit(document, cast.bob, spans=[{"start": 2, "end": 5, "label": "PERSON"}])

    ends = {unit: export(cast.acme, project, offsets=unit)[0]["spans"][0] for unit in ("codepoints", "utf16", "utf8")}

    assert {unit: (span["start"], span["end"]) for unit, span in ends.items()} == {
        "codepoints": (2, 5),
        "utf16": (3, 6),
        "utf8": (5, 9),
    }


def test_another_tenants_project_exports_nothing(cast):
    project = make_project(cast.acme)
    add_documents(cast.acme, project, "secret")

    assert export(cast.globex, project, documents="all") == []


def test_a_snapshot_is_the_export_as_a_file_with_what_was_rejected(cast, tmp_path):
    project = make_project(cast.acme)
    (document,) = add_documents(cast.acme, project, "one")
    with tenant_scope(cast.acme):
        submit(document, cast.bob)
        taken = snapshot.write(project, tmp_path / "data.jsonl")

    told = [json.loads(line) for line in taken.path.read_text().splitlines()]
    assert told == [line | {"rejected": []} for line in export(cast.acme, project)]
    assert taken.sha256 == hashlib.sha256(taken.path.read_bytes()).hexdigest()
    assert taken.lines == 1
    assert taken.watermark > 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"documents": "none"}, "documents"),
        ({"offsets": "words"}, "offsets"),
        ({"colour": "red"}, "colour"),
        ({"documents": "all", "answers": "each"}, "answers"),
    ],
)
def test_unknown_options_are_refused_by_name(given, field):
    with pytest.raises(Invalid) as refused:
        Options.parse(given)
    assert refused.value.details[0]["field"] == field


ODD = st.text('aB \t\r\n\u2028\x85é\u0301\u200b\u200d\u202eא😀👩\\"{}', max_size=20)
TEXT = (ODD | st.text(max_size=30)).filter(lambda text: text.strip() and not storable_fault(text))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def a_line(draw):
    text = draw(TEXT)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    label = st.sampled_from(["PERSON", "PLACE"])
    spans = [{"start": a, "end": b, "label": draw(label)} for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    classes = draw(st.fixed_dictionaries({}, optional={"topic": st.sampled_from([["billing"], ["praise"]])}))
    return {"text": text, "spans": spans, "classes": classes, "relations": [], "complete": draw(st.booleans()),
            "meta": draw(st.dictionaries(ODD, JSON, max_size=2))}  # fmt: skip


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(a_line(), max_size=5))
def test_what_goes_in_comes_out(cast, lines):
    project = make_project(cast.acme, name=str(uuid.uuid4()))
    lines = [{"id": str(i), **line} for i, line in enumerate(lines)]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()

    with tenant_scope(cast.acme):
        report = load.load(project, io.BytesIO(data), importing.Options("jsonl"), user=cast.bob)
        splits = dict(Document.objects.filter(project=project).values_list("external_id", "split"))

    assert (report.new, report.errors) == (len(lines), [])
    assert export(cast.acme, project) == [{**line, "split": splits[line["id"]]} for line in lines]
