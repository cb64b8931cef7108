"""The label set changes under people's hands: nothing they did is lost, and nothing that is gone is given anew."""

from __future__ import annotations

from uuid import uuid4

import pytest

from annotator import labels, review, suggestions
from annotator.errors import Conflict, Invalid
from annotator.exporting import jsonl
from annotator.models import AuditEvent, Label, Suggestion
from annotator.projects import create_project
from annotator.review import Submission
from annotator.spans import Schema
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project
from trainer.models import ModelVersion, TrainingRun
from web import suggested

ADA = {"start": 0, "end": 3, "label": "PERSON"}
OSLO = {"start": 13, "end": 17, "label": "PLACE"}
LIVES_IN = {"head": 0, "tail": 1, "label": "lives_in"}
FOUND = {
    "spans": [{**ADA, "score": 0.9}, {**OSLO, "score": 0.8}],
    "choices": {"topic": [{"label": "praise", "score": 0.6}, {"label": "billing", "score": 0.3}]},
    "relations": [{**LIVES_IN, "score": 0.7}],
    "uncertainty": 0.3,
}


@pytest.fixture
def desk(cast):
    """bob's desk in acme's scope, and alice who changes the labels."""
    project = make_project(cast.acme, check_share=0)
    (document,) = add_documents(cast.acme, project, "Ada lives in Oslo.")
    with tenant_scope(cast.acme):
        yield cast, document


def label(name):
    return Label.objects.get(name=name)


def answer(document, user, revision=0, *, spans=(), classes=None, relations=(), **rest):
    said = {"spans": list(spans), "classes": classes or {}, "relations": list(relations)}
    return review.annotate(document, user, Submission(uuid4(), revision, said, **rest))


def make_versions(project):
    """Version 1 is live, version 2 waits."""
    run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
    for number in (1, 2):
        ModelVersion.objects.create(project=project, run=run, number=number, examples=1, live=number == 1)


def test_what_is_retired_stays_where_it_was_given_and_is_given_nowhere_else(desk):
    cast, document = desk
    said = {"spans": [ADA, OSLO], "classes": {"topic": ["praise"]}, "relations": [LIVES_IN]}
    answer(document, cast.bob, **said)
    for name in ("PERSON", "praise", "lives_in"):
        labels.change(label(name), {"retired": True}, actor=cast.alice)

    assert answer(document, cast.bob, 1, **said).answer == said
    with pytest.raises(Invalid) as refused:
        answer(document, cast.alice, **said)

    assert [detail["field"] for detail in refused.value.details] == ["spans[0]", "classes.topic", "relations[0]"]
    assert "'PERSON' is retired" in refused.value.details[0]["reason"]
    (line,) = jsonl.training_lines(document.project)
    assert '"PERSON"' in line
    assert "PERSON" in Schema.of(document.project).as_json()["spans"]
    with pytest.raises(Invalid, match="retired"):
        answer(document, cast.bob, 2, spans=[{**ADA, "end": 2}])


def test_what_a_draft_held_may_stay_too(desk):
    cast, document = desk
    answer(document, cast.bob)
    answer(document, cast.bob, 1, spans=[ADA], state="draft")
    labels.change(label("PERSON"), {"retired": True}, actor=cast.alice)

    assert answer(document, cast.bob, 2, spans=[ADA]).answer["spans"] == [ADA]


def test_what_is_retired_is_neither_suggested_nor_shown(desk):
    cast, document = desk
    make_versions(document.project)
    suggestions.record(document.project, 1, [(document.pk, FOUND)])

    for name in ("PERSON", "praise"):
        labels.change(label(name), {"retired": True}, actor=cast.alice)

    shown = suggested.beside(document).suggestion.items
    assert [(item["id"], item["label"]) for item in shown] == [("s1", "PLACE")]
    suggestions.record(document.project, 2, [(document.pk, FOUND)])
    items = Suggestion.objects.get(version=2).items
    assert [(item["kind"], item["label"]) for item in items] == [("span", "PLACE"), ("choice", "billing")]
    labels.change(label("PERSON"), {"retired": False}, actor=cast.alice)
    assert len(suggested.beside(document).suggestion.items) == 3


def test_a_relation_joins_only_the_labels_it_may(desk):
    cast, document = desk
    relation = labels.change(label("lives_in"), {"pairs": [["PERSON", "PLACE"], ["PERSON", "PLACE"]]}, actor=cast.alice)

    assert relation.pairs == [[label("PERSON").pk, label("PLACE").pk]]
    assert answer(document, cast.bob, spans=[ADA, OSLO], relations=[LIVES_IN]).answer["relations"] == [LIVES_IN]
    with pytest.raises(Invalid) as refused:
        answer(document, cast.alice, spans=[ADA, OSLO], relations=[{**LIVES_IN, "head": 1, "tail": 0}])
    assert refused.value.details == [
        {"field": "relations[0]", "reason": "'lives_in' does not go from PLACE to PERSON, but from PERSON to PLACE"}
    ]
    labels.change(relation, {"pairs": [["PLACE", "PERSON"]]}, actor=cast.alice)
    assert answer(document, cast.bob, 1, spans=[ADA, OSLO], relations=[LIVES_IN]).answer["relations"] == [LIVES_IN]
    with pytest.raises(Invalid, match="does not go from PERSON to PLACE"):
        answer(document, cast.alice, spans=[ADA, OSLO], relations=[LIVES_IN])


def test_a_relation_that_may_not_join_its_ends_is_not_suggested(desk):
    cast, document = desk
    labels.change(label("lives_in"), {"pairs": [["PLACE", "PERSON"]]}, actor=cast.alice)
    make_versions(document.project)

    suggestions.record(document.project, 1, [(document.pk, FOUND)])

    assert [item["kind"] for item in Suggestion.objects.get().items] == ["span", "span", "choice"]


def test_a_project_is_made_with_definitions_and_pairs(cast):
    relations = [{"name": "lives_in", "pairs": [["PERSON", "PLACE"]]}, "knows"]
    spans = [{"name": "PERSON", "definition": "Names of people: *Ada*."}, "PLACE"]

    project = make_project(cast.acme, spans=spans, relations=relations)

    with tenant_scope(cast.acme):
        schema = Schema.of(project)
        assert label("PERSON").definition == "Names of people: *Ada*."
        assert schema.pairs == {"lives_in": frozenset({("PERSON", "PLACE")})}
        assert schema.joins("knows", "PLACE", "PLACE")


@pytest.mark.parametrize(
    ("relation", "reason"),
    [
        ({"name": "r", "pairs": [["PERSON", "DRAGON"]]}, "no span label 'DRAGON'"),
        ({"name": "r", "pairs": [["PERSON"]]}, "lists of two names"),
    ],
)
def test_pairs_that_are_none_are_refused_with_the_project(cast, relation, reason):
    with pytest.raises(Invalid, match=reason):
        make_project(cast.acme, relations=[relation])


@pytest.mark.parametrize(
    ("name", "changes", "field", "reason"),
    [
        ("PERSON", {"key": "2"}, "key", "the key 2 is that of 'PLACE' already"),
        ("PERSON", {"key": "É"}, "key", "a digit or a small letter"),
        ("PERSON", {"color": "red"}, "color", "must be like #2563eb"),
        ("PERSON", {"color": ""}, "color", "must be like #2563eb"),
        ("PERSON", {"definition": "x" * 5_001}, "definition", "longer than 5,000"),
        ("PERSON", {"pairs": [["PERSON", "PLACE"]]}, "pairs", "for relations only"),
        ("lives_in", {"pairs": [["PERSON", "praise"]]}, "pairs", "no span label 'praise'"),
    ],
)
def test_a_change_that_breaks_a_rule_is_refused_by_its_field(desk, name, changes, field, reason):
    cast, _ = desk

    with pytest.raises(Invalid, match=reason) as refused:
        labels.change(label(name), changes, actor=cast.alice)

    assert refused.value.details[0]["field"] == field


def test_the_key_of_a_retired_label_is_free_and_asked_for_when_it_comes_back(desk):
    cast, _ = desk
    labels.change(label("PERSON"), {"retired": True}, actor=cast.alice)
    labels.change(label("PLACE"), {"key": "1"}, actor=cast.alice)

    with pytest.raises(Invalid, match="the key 1 is that of 'PLACE' already"):
        labels.change(label("PERSON"), {"retired": False}, actor=cast.alice)

    assert labels.change(label("PERSON"), {"retired": False, "key": "p"}, actor=cast.alice).key == "p"


def test_something_to_give_is_always_left(cast):
    make_project(cast.acme, spans=["A", "B"], questions=[], relations=[])
    with tenant_scope(cast.acme):
        labels.change(label("A"), {"retired": True}, actor=cast.alice)

        with pytest.raises(Invalid, match="nothing would be left"):
            labels.change(label("B"), {"retired": True}, actor=cast.alice)


def test_changes_are_on_record(desk):
    cast, _ = desk

    labels.change(label("PERSON"), {"definition": "People.", "key": "1"}, actor=cast.alice)
    labels.change(label("PERSON"), {"definition": "People."}, actor=cast.alice)

    (event,) = AuditEvent.objects.filter(action="label.change")
    assert (event.actor, event.target) == (cast.alice, "PERSON")
    assert event.detail["changed"] == {"definition": ["", "People."]}


def test_a_label_that_is_there_cannot_be_added(desk):
    cast, document = desk

    with pytest.raises(Conflict, match="already"):
        labels.add(document.project, kind="span", name="PERSON", actor=cast.alice)


@pytest.mark.parametrize("name", ["person", "PERSON", "ＰＥＲＳＯＮ", "PER\u200dSON"])
def test_two_labels_that_people_could_take_for_one_another_are_refused(desk, name):
    cast, document = desk
    project = document.project

    with pytest.raises(Conflict, match="PERSON"):
        labels.add(project, kind="span", name=name, actor=cast.alice)
    with pytest.raises(Conflict, match="PERSON"):
        labels.rename(label("PLACE"), name, actor=cast.alice)
    with pytest.raises(Invalid, match=r"twice|could not tell them apart"):
        create_project({"name": "Two", "spans": ["PERSON", name]}, actor=cast.alice)
    assert labels.rename(label("PERSON"), "Person", actor=cast.alice).name == "Person"
    assert labels.add(project, kind="relation", name="person", actor=cast.alice).name == "person"


@pytest.mark.parametrize(
    "name",
    ["PER\u202eSON", "PER\u200bSON", "A\tB", "\u3164", "A\u2800B", "A\u2028B", "\u200d", " A", "", "A" * 101],
)
def test_a_name_that_nobody_could_read_is_refused(desk, name):
    cast, document = desk

    with pytest.raises(Invalid, match="name"):
        labels.add(document.project, kind="span", name=name, actor=cast.alice)


@pytest.mark.parametrize("name", ["می‌خواهم", "👩‍👩‍👧", "e\u0301", "人名", "R&D <b>"])
def test_names_in_any_script(desk, name):
    cast, document = desk

    assert labels.add(document.project, kind="span", name=name, actor=cast.alice).name == name


def test_an_old_name_that_would_be_refused_today_keeps_nobody_from_changing_the_rest(desk):
    Label.objects.filter(name="PERSON").update(name=" PER\u200bSON")

    assert labels.change(label(" PER\u200bSON"), {"definition": "Names."}, actor=None).definition == "Names."


@pytest.mark.parametrize(
    "changes", [{"kind": ""}, {"kind": "span\x00"}, {"kind": "choice", "question": "to\x00pic"}, {"question": "no"}]
)
def test_a_kind_or_question_that_is_none_is_refused(desk, changes):
    cast, document = desk

    with pytest.raises(Invalid):
        labels.add(document.project, **{"kind": "span", "name": "X", "actor": cast.alice} | changes)
