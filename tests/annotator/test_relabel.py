"""Labels are renamed and merged while people work: every answer follows, once, and what comes in late does, too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import orjson
import pytest
from django.db import connection

from annotator import labels, relabel, review, stats, suggestions
from annotator.errors import Conflict, Invalid, Unavailable
from annotator.exporting import jsonl
from annotator.importing.store import Row, store_rows
from annotator.models import Annotation, AnnotationRevision, AuditEvent, Decision, Label, Question, Suggestion
from annotator.relabel import Effect
from annotator.review import Submission
from annotator.spans import Schema
from annotator.tenancy import tenant_scope
from tests.cast import Cast, add_documents, make_project
from trainer.models import ModelVersion, TrainingRun
from web import suggested

ADA = {"start": 0, "end": 3, "label": "PERSON"}
OSLO = {"start": 13, "end": 17, "label": "PLACE"}
LIVES_IN = {"head": 0, "tail": 1, "label": "lives_in"}
WHOLE = {"spans": [ADA, OSLO], "classes": {"tone": ["angry", "urgent"]}, "relations": [LIVES_IN]}
FOUND = {
    "spans": [{**ADA, "score": 0.9}, {**OSLO, "score": 0.8}],
    "choices": {"tone": [{"label": "urgent", "score": 0.7}, {"label": "angry", "score": 0.6}]},
    "relations": [{**LIVES_IN, "score": 0.7}],
    "uncertainty": 0.3,
}


@pytest.fixture
def desk(cast):
    """acme's scope with one document; spans may overlap."""
    project = make_project(cast.acme, check_share=0, annotators_per_document=2, allow_overlap=True)
    (document,) = add_documents(cast.acme, project, "Ada lives in Oslo.")
    with tenant_scope(cast.acme):
        yield cast, document


def label(name):
    return Label.objects.get(name=name)


def answer(document, user, said=WHOLE, revision=0, **rest):
    return review.annotate(document, user, Submission(uuid4(), revision, said, **rest))


def test_a_new_name_stands_everywhere_at_once_and_history_says_what_was_said(desk):
    cast, document = desk
    before = answer(document, cast.bob)
    answer(document, cast.alice, {"spans": [OSLO]})
    answer(document, cast.alice, WHOLE, 1, state="draft")

    for old, new in (("PERSON", "HUMAN"), ("lives_in", "dwells_in"), ("angry", "cross")):
        labels.rename(label(old), new, actor=cast.alice)

    human = {**ADA, "label": "HUMAN"}
    renamed = {
        "spans": [human, OSLO],
        "classes": {"tone": ["cross", "urgent"]},
        "relations": [{**LIVES_IN, "label": "dwells_in"}],
    }
    bobs, alices = Annotation.objects.order_by("pk")
    assert (bobs.answer, bobs.revision, bobs.updated_at) == (renamed, 1, before.updated_at)
    assert (alices.answer["spans"], alices.draft["answer"]) == ([OSLO], renamed)
    assert AnnotationRevision.objects.get(annotation=bobs).answer == WHOLE
    event = AuditEvent.objects.get(action="label.rename", target="HUMAN")
    assert event.detail["before"] == "PERSON"
    assert event.detail["answers"] == 1


def test_an_answer_from_a_desk_with_the_old_label_set_is_read_in_todays(desk):
    cast, document = desk
    answer(document, cast.bob, {"spans": [ADA]})
    for old, new in (("PERSON", "HUMAN"), ("lives_in", "dwells_in"), ("angry", "cross"), ("cross", "furious")):
        labels.rename(label(old), new, actor=cast.alice)

    late = answer(document, cast.bob, WHOLE, 1)

    assert late.answer["spans"][0]["label"] == "HUMAN"
    assert late.answer["relations"][0]["label"] == "dwells_in"
    assert late.answer["classes"] == {"tone": ["furious", "urgent"]}


def test_two_labels_become_one_with_all_that_stood_on_them(desk):
    cast, document = desk
    place_too = {**ADA, "label": "PLACE"}
    both = {"spans": [ADA, place_too, OSLO], "relations": [{**LIVES_IN, "tail": 2}, {**LIVES_IN, "head": 1, "tail": 2}]}
    within = {"spans": [ADA, place_too], "relations": [LIVES_IN]}
    answer(document, cast.bob, both)
    answer(document, cast.alice, within)
    labels.change(label("lives_in"), {"pairs": [["PERSON", "PLACE"], ["PLACE", "PLACE"]]}, actor=cast.alice)
    person = label("PERSON")

    place = labels.merge(person, label("PLACE").pk, actor=cast.alice)

    bobs, alices = Annotation.objects.order_by("pk")
    assert bobs.answer["spans"] == [place_too, OSLO]
    assert bobs.answer["relations"] == [LIVES_IN]
    assert (alices.answer["spans"], alices.answer["relations"]) == ([place_too], [])
    assert label("lives_in").pairs == [[place.pk, place.pk]]
    assert not Label.objects.filter(name="PERSON").exists()
    late = answer(document, cast.bob, both, 1)
    assert (late.answer["spans"], late.answer["relations"]) == ([place_too, OSLO], [LIVES_IN])


def test_choices_become_one(desk):
    cast, document = desk
    answer(document, cast.bob)

    labels.merge(label("angry"), label("urgent").pk, actor=cast.alice)

    assert Annotation.objects.get().answer["classes"] == {"tone": ["urgent"]}
    assert answer(document, cast.bob, WHOLE, 1).answer["classes"] == {"tone": ["urgent"]}


def test_what_was_suggested_is_shown_decided_and_counted_under_todays_name(desk):
    cast, document = desk
    run = TrainingRun.objects.create(project=document.project, trigger="hand", state="succeeded")
    ModelVersion.objects.create(project=document.project, run=run, number=1, examples=1, live=True)
    suggestions.record(document.project, 1, [(document.pk, FOUND)])
    labels.rename(label("PERSON"), "HUMAN", actor=cast.alice)
    labels.merge(label("angry"), label("urgent").pk, actor=cast.alice)
    human = {**ADA, "label": "HUMAN"}

    shown = suggested.beside(document).suggestion
    decided = [{"suggestion": shown.pk, "item": "s0", "verdict": "accept"}]
    decided += [{"suggestion": shown.pk, "item": "s1", "verdict": "reject"}]
    answer(document, cast.bob, {"spans": [human]}, decisions=decided, complete=False)

    assert [(item["id"], item["label"]) for item in shown.items] == [
        ("s0", "HUMAN"), ("s1", "PLACE"), ("c0", "urgent"), ("r0", "lives_in"),
    ]  # fmt: skip
    assert Decision.objects.count() == 2
    assert stats.verdicts(document.project, 1)["span", None, "HUMAN"]["accept"] == 1
    assert Suggestion.objects.get().items[0]["label"] == "PERSON"
    labels.rename(label("PLACE"), "SITE", actor=cast.alice)
    (line,) = jsonl.training_lines(document.project)
    assert orjson.loads(line)["rejected"] == [{**OSLO, "label": "SITE"}]


def test_a_model_that_knows_old_names_suggests_the_new_ones(desk):
    cast, document = desk
    run = TrainingRun.objects.create(project=document.project, trigger="hand", state="succeeded")
    ModelVersion.objects.create(project=document.project, run=run, number=1, examples=1, live=True)
    labels.rename(label("PERSON"), "HUMAN", actor=cast.alice)
    labels.merge(label("angry"), label("urgent").pk, actor=cast.alice)

    suggestions.record(document.project, 1, [(document.pk, FOUND)])

    items = Suggestion.objects.get().items
    assert [item["label"] for item in items] == ["HUMAN", "PLACE", "urgent", "lives_in"]
    assert items[2]["score"] == 0.7


def test_an_old_file_is_imported_under_todays_names(desk):
    cast, document = desk
    labels.rename(label("PERSON"), "HUMAN", actor=cast.alice)

    row = Row(line=1, external_id="x", text="Ada.", meta={}, answer={"spans": [ADA]}, complete=True)
    stored = store_rows(document.project, [row], user=cast.alice)

    assert (stored.new, Annotation.objects.get().answer["spans"]) == (1, [{**ADA, "label": "HUMAN"}])


def test_names_are_one_labels_only_for_ever(desk):
    cast, document = desk
    labels.rename(label("PERSON"), "HUMAN", actor=cast.alice)

    for name in ("PLACE", "PERSON"):
        with pytest.raises(Conflict, match=name), tenant_scope(cast.acme):
            labels.add(document.project, kind="span", name=name, actor=cast.alice)
    with pytest.raises(Conflict, match="PLACE"), tenant_scope(cast.acme):
        labels.rename(label("HUMAN"), "PLACE", actor=cast.alice)
    with pytest.raises(Conflict, match="PERSON"), tenant_scope(cast.acme):
        labels.rename(label("PLACE"), "PERSON", actor=cast.alice)
    back = labels.rename(label("HUMAN"), "PERSON", actor=cast.alice)
    assert (back.name, back.former) == ("PERSON", ["HUMAN"])
    assert labels.rename(back, "PERSON", actor=cast.alice).former == ["HUMAN"]


def test_only_labels_of_one_kind_and_question_become_one(desk):
    cast, _ = desk

    for one, other in (("PERSON", "PERSON"), ("PERSON", "lives_in"), ("angry", "praise")):
        with pytest.raises(Invalid, match="must be another"):
            labels.merge(label(one), label(other).pk, actor=cast.alice)
    labels.change(label("PLACE"), {"retired": True}, actor=cast.alice)
    with pytest.raises(Invalid, match="retired"):
        labels.merge(label("PERSON"), label("PLACE").pk, actor=cast.alice)


def test_the_effect_is_known_before(desk):
    cast, document = desk
    run = TrainingRun.objects.create(project=document.project, trigger="hand", state="succeeded")
    ModelVersion.objects.create(project=document.project, run=run, number=1, examples=1, live=True)
    suggestions.record(document.project, 1, [(document.pk, FOUND)])
    both = {"spans": [ADA, {**OSLO, "label": "PERSON"}], "classes": {"tone": ["angry"]}}
    answer(document, cast.bob, both)
    answer(document, cast.alice, both, state="skipped")

    assert relabel.effect(label("PERSON")) == Effect(2, 1, 4, 1, 0, 1, 1)
    assert relabel.effect(label("angry")) == Effect(2, 1, 2, 1, 0, 1, 1)
    assert relabel.effect(label("lives_in")) == Effect(0, 0, 0, 0, 0, 1, 1)


def test_labels_take_the_order_they_are_given(desk):
    cast, document = desk
    spans = [labels.add(document.project, kind="span", name=name, actor=cast.alice).pk for name in ("A", "B")]
    order = [spans[1], label("PLACE").pk, label("PERSON").pk, spans[0]]

    labels.reorder(document.project, order, actor=cast.alice)

    assert [one.name for one in Label.objects.filter(kind="span")] == ["B", "PLACE", "PERSON", "A"]
    assert [one.name for one in Label.objects.filter(question__name="tone")] == ["angry", "friendly", "urgent"]


def test_a_question_is_added_with_its_choices(desk):
    cast, document = desk

    question = labels.add_question(document.project, name="mood", choices=["good", "bad", "good"], actor=cast.alice)

    assert [choice.name for choice in question.choices.all()] == ["good", "bad"]
    with pytest.raises(Conflict, match="mood"):
        labels.add_question(document.project, name="mood", choices=["good", "bad"], actor=cast.alice)
    with pytest.raises(Invalid, match="two choices"):
        labels.add_question(document.project, name="more", choices=["good", "good"], actor=cast.alice)


@pytest.mark.usefixtures("committed_db")
def test_an_answer_on_its_way_is_renamed_too():
    """It was checked against the old label set and is stored after the new name was asked for."""
    cast = Cast.make(None)
    project = make_project(cast.acme, check_share=0)
    (document,) = add_documents(cast.acme, project, "Ada lives in Oslo.")

    def rename():
        try:
            with tenant_scope(cast.acme):
                labels.rename(label("PERSON"), "HUMAN", actor=cast.alice)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with tenant_scope(cast.acme):
            review.annotate(document, cast.bob, Submission(uuid4(), 0, WHOLE))
            renaming = pool.submit(rename)
            with pytest.raises(TimeoutError):
                renaming.result(timeout=0.5)
        renaming.result(timeout=60)

    with tenant_scope(cast.acme):
        assert Annotation.objects.get().answer["spans"][0]["label"] == "HUMAN"


@pytest.mark.usefixtures("committed_db")
def test_nobody_waits_for_ever(monkeypatch):
    """An answer is refused for a moment while a label is renamed, a renaming while answers are imported or read."""
    monkeypatch.setattr(relabel, "SUBMIT_PATIENCE", 0.1)
    monkeypatch.setattr(relabel, "ALONE_PATIENCE", 0.1)
    cast = Cast.make(None)
    project = make_project(cast.acme, check_share=0)
    (document,) = add_documents(cast.acme, project, "Ada lives in Oslo.")

    def meanwhile(act):
        """Do this while somebody else holds the label set; whatever it said, the transaction goes on."""
        try:
            with tenant_scope(cast.acme):
                with pytest.raises(Unavailable) as told:
                    act()
                return told.value.code, Label.objects.filter(name="PERSON").count()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with tenant_scope(cast.acme):
            relabel.hold_alone(project)
            assert pool.submit(meanwhile, lambda: answer(document, cast.bob)).result(60) == ("labels_busy", 1)
        with tenant_scope(cast.acme):
            relabel.hold(project)
            renaming = pool.submit(meanwhile, lambda: labels.rename(label("PERSON"), "HUMAN", actor=None))
            assert renaming.result(60) == ("labels_busy", 1)
    with tenant_scope(cast.acme):
        assert answer(document, cast.bob).revision == 1


def test_a_renaming_that_takes_too_long_changes_nothing(desk, monkeypatch):
    cast, document = desk
    answer(document, cast.bob)
    monkeypatch.setattr(relabel, "REWRITE_SECONDS", 0.01)
    monkeypatch.setattr(relabel, "_UPDATE_DRAFTS", "SELECT pg_sleep(10)")

    with pytest.raises(Unavailable, match="Nothing is changed"):
        labels.rename(label("PERSON"), "HUMAN", actor=cast.alice)

    assert Annotation.objects.get().answer["spans"][0]["label"] == "PERSON"
    assert label("PERSON").former == []


def test_a_question_is_renamed_in_every_answer_and_what_comes_late_is_read_so(desk):
    cast, document = desk
    answer(document, cast.bob)
    answer(document, cast.alice, {"spans": [OSLO], "classes": {"topic": ["praise"]}})
    answer(document, cast.alice, WHOLE, 1, state="draft")
    run = TrainingRun.objects.create(project=document.project, trigger="hand", state="succeeded")
    ModelVersion.objects.create(project=document.project, run=run, number=1, examples=1, live=True)
    suggestions.record(document.project, 1, [(document.pk, FOUND)])
    tone = Question.objects.get(name="tone")

    renamed = labels.rename_question(tone, "mood", actor=cast.alice)

    assert (renamed.name, renamed.former) == ("mood", ["tone"])
    bob = Annotation.objects.get(annotator=cast.bob)
    alice = Annotation.objects.get(annotator=cast.alice)
    assert bob.answer["classes"] == {"mood": ["angry", "urgent"]}
    assert alice.answer["classes"] == {"topic": ["praise"]}
    assert alice.draft["answer"]["classes"] == {"mood": ["angry", "urgent"]}
    assert AuditEvent.objects.get(action="question.rename").detail["answers"] == 1
    late = answer(document, cast.bob, {"classes": {"tone": ["friendly"]}}, 1)
    assert late.answer["classes"] == {"mood": ["friendly"]}
    both = answer(document, cast.bob, {"classes": {"mood": ["angry"], "tone": ["friendly"]}}, 2)
    assert both.answer["classes"] == {"mood": ["angry"]}
    schema = Schema.of(document.project)
    items = schema.names.items(Suggestion.objects.get().items)
    assert {item["question"] for item in items if item["kind"] == "choice"} == {"mood"}
    assert {item.get("question") for item in suggestions.items_of(FOUND, schema)} == {None, "mood"}
    assert relabel.effect(label("urgent")).suggested == 1


def test_a_question_and_then_its_choice_get_new_names(desk):
    cast, document = desk
    answer(document, cast.bob)

    labels.rename_question(Question.objects.get(name="tone"), "mood", actor=None)
    labels.rename(label("angry"), "cross", actor=None)

    sent = {"classes": {"tone": ["angry", "urgent"]}}
    assert Annotation.objects.get().answer["classes"] == {"mood": ["cross", "urgent"]}
    assert answer(document, cast.bob, sent, 1).answer["classes"] == {"mood": ["cross", "urgent"]}


def test_a_question_has_its_name_alone(desk):
    _cast, document = desk
    tone = Question.objects.get(name="tone")

    for name in ("topic", "Topic"):
        with pytest.raises(Conflict, match="topic"):
            labels.rename_question(tone, name, actor=None)
    labels.rename_question(tone, "mood", actor=None)
    with pytest.raises(Conflict, match="former name of 'mood'"):
        labels.rename_question(Question.objects.get(name="topic"), "tone", actor=None)
    with pytest.raises(Conflict, match="former name of 'mood'"):
        labels.add_question(document.project, name="tone", choices=["a", "b"], actor=None)
    with pytest.raises(Invalid, match="must be a name"):
        labels.rename_question(tone, " ", actor=None)
    assert labels.rename_question(tone, "tone", actor=None).former == ["mood"]


@pytest.mark.parametrize("name", ['a "label": "PLACE"', "Ü\\u0041 \\t", "%s {x} '", "🦊"])
def test_any_name_is_rewritten_as_it_is(desk, name):
    cast, document = desk
    answer(document, cast.bob, {"spans": [ADA, OSLO], "relations": [LIVES_IN], "classes": {"tone": ["angry"]}})

    for old in ("PERSON", "lives_in", "angry"):
        labels.rename(labels.rename(label(old), f"{name} {old}", actor=None), name, actor=None)

    assert Annotation.objects.get().answer == {
        "spans": [{**ADA, "label": name}, OSLO],
        "relations": [{**LIVES_IN, "label": name}],
        "classes": {"tone": [name]},
    }
