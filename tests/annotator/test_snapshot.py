"""What training gets: answers, what people turned down in unfinished documents, and the project's texts."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotator import labels, review, snapshot, suggestions
from annotator.models import Document, Label, Suggestion
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project
from trainer.ml import examples
from trainer.models import ModelVersion, TrainingRun

TEXT = "Ada lives in Oslo."
ADA = {"start": 0, "end": 3, "label": "PERSON"}
OSLO = {"start": 13, "end": 17, "label": "PLACE"}
LIVES = {"start": 4, "end": 9, "label": "PLACE"}
IN_OSLO = {"start": 10, "end": 17, "label": "PLACE"}


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


def lines(project, tmp_path) -> list[dict]:
    with tenant_scope(project.tenant):
        path = snapshot.write(project, tmp_path / "snapshot.jsonl").path
    return [json.loads(line) for line in path.read_text().splitlines()]


def suggested(document, *spans) -> Suggestion:
    answer = {
        "spans": [{**span, "score": 0.9} for span in spans],
        "choices": {"topic": [{"label": "praise", "score": 0.9}]},
        "relations": [],
        "uncertainty": 0.1,
    }
    number = 1 + Suggestion.objects.filter(document=document).count()
    run = TrainingRun.objects.create(project=document.project, trigger="hand", state="succeeded")
    ModelVersion.objects.get_or_create(project=document.project, number=number, defaults={"run": run, "examples": 1})
    suggestions.record(document.project, number, [(document.pk, answer)])
    return Suggestion.objects.get(document=document, version=number)


def answer(document, user, spans, verdicts, suggestion, *, revision=0, complete=False, relations=()):
    decisions = [{"suggestion": suggestion.pk, "item": item, "verdict": verdict} for item, verdict in verdicts.items()]
    told = {"spans": spans, "relations": list(relations)}
    sent = review.Submission(uuid4(), revision, told, complete=complete, decisions=decisions)
    return review.annotate(document, user, sent)


def test_what_people_turned_down_in_an_unfinished_document_is_told(cast, project, tmp_path):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        shown = suggested(document, ADA, LIVES, IN_OSLO)
        verdicts = {"s0": "accept", "s1": "reject", "s2": "correct", "c0": "reject"}
        relation = {"head": 0, "tail": 1, "label": "lives_in"}
        answer(document, cast.bob, [ADA, OSLO], verdicts, shown, relations=[relation])

    (line,) = lines(project, tmp_path)

    assert (line["complete"], line["spans"], line["relations"]) == (False, [ADA, OSLO], [relation])
    assert sorted(line["rejected"], key=lambda span: span["start"]) == [LIVES, IN_OSLO]


def test_a_finished_document_says_by_itself_what_is_wrong(cast, project, tmp_path):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        answer(document, cast.bob, [ADA], {"s0": "reject"}, suggested(document, LIVES), complete=True)

    (line,) = lines(project, tmp_path)

    assert (line["complete"], line["rejected"]) == (True, [])


def test_whoever_took_a_rejected_span_after_all_is_believed(cast, project, tmp_path):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        first, second = suggested(document, ADA, LIVES), suggested(document, LIVES)
        answer(document, cast.bob, [], {"s0": "reject", "s1": "reject"}, first)
        answer(document, cast.bob, [ADA], {"s0": "reject"}, second, revision=1)

    (line,) = lines(project, tmp_path)

    assert (line["spans"], line["rejected"]) == ([ADA], [LIVES])


def test_a_page_of_rejections_costs_one_query(cast, project, tmp_path):
    documents = add_documents(cast.acme, project, *(f"{TEXT} {n}" for n in range(5)))
    with tenant_scope(cast.acme):
        for document in documents:
            answer(document, cast.bob, [ADA], {"s0": "reject"}, suggested(document, LIVES))

    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = lines(project, tmp_path)

    assert [line["rejected"] for line in found] == [[LIVES]] * 5
    pages = [query for query in asked.captured_queries if "annotator_decision" in query["sql"]]
    assert len(pages) == 2  # the page, and the empty one after it


def test_the_pool_is_all_texts_of_the_project_or_as_many_as_go_in(cast, project, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "TEXTS_AT_ONCE", 3)
    add_documents(cast.acme, project, *(f"text {n:02}" for n in range(10)))
    add_documents(cast.acme, make_project(cast.acme, name="Other"), "of another project")
    path = tmp_path / "pool.jsonl"

    with tenant_scope(cast.acme):
        by_chance = [
            f"{text}"
            for text in Document.objects.filter(project=project).order_by("shuffle").values_list("text", flat=True)
        ]
        assert snapshot.write_texts(project, path, 10_000) == 10
        whole = path.read_text().splitlines()
        assert snapshot.write_texts(project, path, len(whole[0]) * 4 + 4) == 4

    assert [json.loads(line) for line in whole] == [{"text": text} for text in by_chance]
    assert path.read_text().splitlines() == whole[:4]


def test_a_rejection_that_was_taken_back_teaches_nothing(cast, project, tmp_path):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        shown = suggested(document, ADA, LIVES)
        answer(document, cast.bob, [ADA], {"s1": "reject"}, shown)

        answer(document, cast.bob, [ADA], {"s1": "leave"}, shown, revision=1)

    (line,) = lines(project, tmp_path)
    assert line["rejected"] == []


def test_who_skipped_afterwards_turned_nothing_down(cast, project, tmp_path):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        shown = suggested(document, ADA, LIVES)
        answer(document, cast.bob, [], {"s1": "reject"}, shown)
        answer(document, cast.alice, [ADA], {}, shown)
        review.annotate(document, cast.bob, review.Submission(uuid4(), 1, {}, state="skipped"))

    (line,) = lines(project, tmp_path)

    assert (line["spans"], line["rejected"]) == ([ADA], [])


def test_a_span_that_was_marked_with_a_space_is_not_rejected_as_well(cast, project, tmp_path):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        shown = suggested(document, ADA, LIVES)

        answer(document, cast.bob, [{"start": 3, "end": 9, "label": "PLACE"}], {"s1": "correct"}, shown)

    example = examples.parse(lines(project, tmp_path)[0])
    assert [(span.start, span.end) for span in example.spans] == [(4, 9)]
    assert example.rejected == ()


def test_a_rejection_of_a_label_that_became_the_one_that_was_given_is_no_obstacle(cast, project, tmp_path):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        shown = suggested(document, ADA)
        place = {**ADA, "label": "PLACE"}
        said = [{"suggestion": shown.pk, "item": "s0", "verdict": "reject"}]
        draft = review.Submission(uuid4(), 0, {"spans": [place]}, state="draft", decisions=said)
        review.annotate(document, cast.bob, draft)
        of_project = Label.objects.filter(project=project, kind="span")
        labels.merge(of_project.get(name="PERSON"), of_project.get(name="PLACE").pk, actor=cast.alice)

        kept = review.left(review.current(document, cast.bob))
        sent = review.Submission(uuid4(), 1, kept["answer"], complete=False, decisions=kept["decisions"])
        review.annotate(document, cast.bob, sent)

    (line,) = lines(project, tmp_path)
    assert (line["spans"], line["rejected"]) == ([place], [])
