"""Storing rows: each document once, whatever is imported how often."""

from __future__ import annotations

import json
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
from django.db import connection

from annotator.importing.load import load
from annotator.importing.options import Options
from annotator.importing.store import Row, split_of, store_rows
from annotator.models import Annotation, AnnotationRevision, Document
from annotator.tenancy import tenant_scope
from tests.cast import Cast, make_project


def row(text, external_id=None, line=1, **changes) -> Row:
    return Row(**{"line": line, "external_id": external_id, "text": text, "meta": {}, "answer": None,
                  "complete": True, **changes})  # fmt: skip


@pytest.fixture
def project(cast):
    project = make_project(cast.acme)
    with tenant_scope(cast.acme):
        yield project


def test_a_document_is_stored_as_it_came(project):
    text = "Z\u0351alg\u006f\u0308 \r\n 😀\u200b \u202eابج\t"

    stored = store_rows(project, [row(text, "a", meta={"from": "web", "n": [1, None]})])

    assert (stored.new, stored.known, stored.refused) == (1, 0, [])
    document = Document.objects.get(project=project)
    assert (document.text, document.external_id, document.meta) == (text, "a", {"from": "web", "n": [1, None]})
    assert document.free_slots == 1
    assert 0 <= document.shuffle < 1


def test_the_same_again_is_known_and_changes_nothing(project):
    rows = [row("one", "a"), row("two", line=2)]
    store_rows(project, rows)

    again = store_rows(project, rows)

    assert (again.new, again.known, again.refused) == (0, 2, [])
    assert Document.objects.filter(project=project).count() == 2


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        ({"n": [10.0**30]}, "has the number 1e+30; one that large must be a string"),
        ({"n": -(10.0**300)}, "has the number -1e+300; one that large must be a string"),
        ({"a": json.loads("[" * 100 + "]" * 100)}, "is nested more than 64 levels deep"),
        ({"a": [{"nul\x00": 1}]}, "has a NUL character at 3"),
    ],
)
def test_meta_that_could_not_be_given_back_is_refused(project, meta, reason):
    stored = store_rows(project, [row("one", meta=meta)])

    assert [row.detail() for row in stored.refused] == [{"line": 1, "field": "meta", "reason": reason}]


def test_an_id_with_another_text_is_refused(project):
    store_rows(project, [row("one", "a")])

    stored = store_rows(project, [row("b one", "b", 1), row("b two", "b", 2), row("b one", "b", 3), row("x", "a", 4)])

    assert (stored.new, stored.known) == (1, 1)
    assert [(row.line, row.field) for row in stored.refused] == [(2, "id"), (4, "id")]
    assert "another text" in stored.refused[0].reason


@pytest.mark.parametrize(
    ("bad", "field", "reason"),
    [
        (row(""), "text", "is empty"),
        (row(" \n\t "), "text", "is empty"),
        (row("a\x00b"), "text", "NUL"),
        (row("a\ud800b"), "text", "surrogate"),
        (row("x" * 5_000_000), "text", "5,000,000 characters"),
        (row("ok", ""), "id", "is empty"),
        (row("ok", "i" * 201), "id", "201 characters"),
        (row("ok", "i\x00"), "id", "NUL"),
        (row("ok", meta={"a": ["\x00"]}), "meta", "NUL"),
        (row("ok", meta={"\x00": 1}), "meta", "NUL"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_the_rest_goes_in(project, bad, field, reason):
    stored = store_rows(project, [row("good"), bad])

    assert stored.new == 1
    (error,) = stored.refused
    assert error.field == field
    assert reason in error.reason


def test_labels_that_are_nested_without_end_refuse_their_row(project, cast):
    deep = orjson.loads("[" * 1_010 + "]" * 1_010)
    answer = {"spans": [{"start": 0, "end": 1, "label": deep}]}

    stored = store_rows(project, [row("good"), row("bad", answer=answer)], user=cast.bob)

    assert (stored.new, [one.reason for one in stored.refused]) == (1, ["is nested more than 64 levels deep"])


def test_meta_that_only_spells_a_nul_is_fine(project):
    assert store_rows(project, [row("ok", meta={"a": "\\u0000"})]).new == 1
    assert Document.objects.get(project=project).meta == {"a": "\\u0000"}


def test_labels_become_a_submitted_annotation(project, cast):
    answer = {
        "spans": [{"start": 9, "end": 14, "label": "PLACE"}, {"start": 0, "end": 3, "label": "PERSON"}],
        "classes": {"topic": ["praise"]},
        "relations": [{"head": 1, "tail": 0, "label": "lives_in"}],
    }

    stored = store_rows(project, [row("Ada is in Paris"[:14], "a", answer=answer)], user=cast.bob)

    assert stored.new == 1, stored.refused
    annotation = Annotation.objects.get(project=project)
    assert annotation.answer == {
        "spans": [{"start": 0, "end": 3, "label": "PERSON"}, {"start": 9, "end": 14, "label": "PLACE"}],
        "classes": {"topic": ["praise"]},
        "relations": [{"head": 0, "tail": 1, "label": "lives_in"}],
    }
    assert (annotation.annotator, annotation.state, annotation.revision) == (cast.bob, "submitted", 1)
    history = AnnotationRevision.objects.get(annotation=annotation)
    assert (history.answer, history.submit_id) == (annotation.answer, annotation.submit_id)
    assert Document.objects.get(project=project).free_slots == 0


@pytest.mark.parametrize(
    ("answer", "field", "reason"),
    [
        ({"spans": [{"start": 0, "end": 99, "label": "PERSON"}]}, "spans[0]", "outside the text"),
        ({"spans": [{"start": 3, "end": 1, "label": "PERSON"}]}, "spans[0]", "before"),
        ({"spans": [{"start": 0, "end": 3, "label": "ANIMAL"}]}, "spans[0]", "'ANIMAL'"),
        ({"spans": [{"start": 0, "end": 3, "label": "PERSON", "quote": "Bob"}]}, "spans[0]", "quote"),
        ({"classes": {"topic": ["weather"]}}, "classes.topic", "'weather'"),
        ({"classes": {"topic": "praise"}}, "classes.topic", "list"),
    ],
)
def test_a_bad_label_refuses_its_row(project, cast, answer, field, reason):
    stored = store_rows(project, [row("Ada", "a", answer=answer), row("Bea", "b")], user=cast.bob)

    assert stored.new == 1
    (error,) = stored.refused
    assert error.field == field
    assert reason in error.reason


def test_labels_of_nobody_are_refused(project):
    stored = store_rows(project, [row("Ada", answer={"spans": []})])

    assert "somebody" in stored.refused[0].reason


def test_near_copies_fall_into_the_same_split(project):
    project.check_share = 0.5
    texts = [f"Mail number {i}" for i in range(200)]

    splits = [split_of(project, text) for text in texts]

    assert splits == [split_of(project, f"  {text.upper()}\n".replace(" ", "\u00a0 ")) for text in texts]
    assert 60 < splits.count("check") < 140


def test_a_large_file_is_stored_in_constant_memory(project, tmp_path):
    path = tmp_path / "large.jsonl"
    with path.open("w") as file:
        for i in range(500):
            file.write(f'{{"id": "{i}", "text": "{"m" * 40_000}"}}\n')
    assert path.stat().st_size > 20_000_000

    with path.open("rb") as file:
        tracemalloc.start()
        report = load(project, file, Options("jsonl"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert report.new == 500
    assert peak < 20_000_000  # a few copies of one batch of 4 MiB


def test_two_imports_of_the_same_ids_in_different_order_wait_for_one_another(committed_db):
    """Each would hold rows that the other needs; instead one is done before the other begins."""
    cast = Cast.make()
    project = make_project(cast.acme)
    rows = [row(f"text {i}", f"d{i}") for i in range(300)]
    started = threading.Barrier(2)

    def store(order):
        started.wait()
        try:
            with tenant_scope(cast.acme):
                return sum(store_rows(project, order[i : i + 30]).new for i in range(0, 300, 30))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        new = list(pool.map(store, [rows, rows[::-1]]))

    assert sorted(new) == [0, 300]
