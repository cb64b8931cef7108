"""Annotating: an answer is taken in exactly once, nothing is overwritten, and what breaks a rule changes nothing."""

from __future__ import annotations

from uuid import uuid4

import pytest

from annotator import queue, review, stats, suggestions, verdicts
from annotator.errors import Conflict, Invalid
from annotator.exporting import jsonl
from annotator.models import Annotation, AnnotationRevision, Decision, Document, Suggestion
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project
from trainer.models import ModelVersion, TrainingRun
from web import suggested

TEXT = "Ada wrote from Köln 🦊🦊 on Monday."
ADA = {"start": 0, "end": 3, "label": "PERSON"}
KOELN = {"start": 15, "end": 19, "label": "PLACE"}


@pytest.fixture
def desk(cast):
    """bob's desk: acme's scope and one document."""
    project = make_project(cast.acme, check_share=0)
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        yield cast.bob, document


def submission(revision=0, *, submit_id=None, spans=(), decisions=(), **rest):
    answer = {"spans": spans or [], "classes": rest.pop("classes", {}), "relations": rest.pop("relations", [])}
    return Submission(submit_id=submit_id or uuid4(), revision=revision, answer=answer, decisions=decisions, **rest)


def test_an_answer_is_stored_in_canonical_form_with_its_history(desk):
    bob, document = desk

    first = review.annotate(document, bob, submission(spans=[KOELN, ADA], classes={"topic": ["praise"]}))
    second = review.annotate(document, bob, submission(1, spans=[ADA]))

    assert (first.pk, second.revision) == (second.pk, 2)
    assert second.answer["spans"] == [ADA]
    history = AnnotationRevision.objects.order_by("revision").values_list("answer", flat=True)
    assert [h["spans"] for h in history] == [[ADA, KOELN], [ADA]]
    assert history[0]["classes"] == {"topic": ["praise"]}


def test_the_same_submit_again_changes_nothing(desk):
    bob, document = desk
    sent = submission(spans=[ADA])

    for _ in range(3):
        annotation = review.annotate(document, bob, sent)

    assert annotation.revision == 1
    assert AnnotationRevision.objects.count() == 1


def test_a_late_repeat_of_an_older_submit_does_not_undo_a_newer_one(desk):
    bob, document = desk
    old = submission(spans=[ADA])
    review.annotate(document, bob, old)
    review.annotate(document, bob, submission(1, spans=[KOELN]))

    annotation = review.annotate(document, bob, old)

    assert (annotation.revision, annotation.answer["spans"]) == (2, [KOELN])


@pytest.mark.parametrize("revision", [0, 2, 7])
def test_an_answer_made_from_another_revision_is_a_conflict_that_carries_what_stands(desk, revision):
    bob, document = desk
    review.annotate(document, bob, submission(spans=[ADA]))

    with pytest.raises(Conflict) as refused:
        review.annotate(document, bob, submission(revision, spans=[KOELN]))

    assert refused.value.code == "stale_revision"
    assert refused.value.current.answer["spans"] == [ADA]
    assert Annotation.objects.get().answer["spans"] == [ADA]


@pytest.mark.parametrize(
    ("sent", "field", "reason"),
    [
        ({"spans": [{"start": 0, "end": 999, "label": "PERSON"}]}, "spans[0]", "outside the text"),
        ({"spans": [{"start": -1, "end": 3, "label": "PERSON"}]}, "spans[0]", "outside the text"),
        ({"spans": [{"start": 3, "end": 0, "label": "PERSON"}]}, "spans[0]", "must come before"),
        ({"spans": [{"start": 3, "end": 3, "label": "PERSON"}]}, "spans[0]", "must come before"),
        ({"spans": [{"start": True, "end": 3, "label": "PERSON"}]}, "spans[0]", "whole numbers"),
        ({"spans": [{"start": 0, "end": 3.0, "label": "PERSON"}]}, "spans[0]", "whole numbers"),
        ({"spans": [ADA, {"start": 0, "end": 3, "label": "DRAGON"}]}, "spans[1]", "no span label 'DRAGON'"),
        ({"spans": [{"start": 0, "end": 3, "label": ["PERSON"]}]}, "spans[0]", "no span label"),
        ({"spans": [{**ADA, "quote": "Bob"}]}, "spans[0]", "the quote 'Bob'"),
        ({"spans": [ADA, ADA]}, "spans[1]", "given twice"),
        ({"spans": [ADA, {"start": 1, "end": 9, "label": "PLACE"}]}, "spans[1]", "overlaps"),
        ({"spans": "all"}, "spans", "must be a list"),
        ({"classes": {"mood": ["angry"]}}, "classes.mood", "no such question"),
        ({"classes": {"topic": ["weather"]}}, "classes.topic", "not one of its choices"),
        ({"classes": {"topic": ["billing", "praise"]}}, "classes.topic", "takes one choice"),
        ({"classes": {"tone": ["angry", "angry"]}}, "classes.tone", "has a choice twice"),
        ({"spans": [ADA], "relations": [{"head": 0, "tail": 1, "label": "lives_in"}]}, "relations[0]", "tail must"),
        ({"spans": [ADA], "relations": [{"head": 0, "tail": 0, "label": "lives_in"}]}, "relations[0]", "itself"),
        ({"spans": [ADA, KOELN], "relations": [{"head": 0, "tail": 1, "label": "x"}]}, "relations[0]", "no relation"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_field_and_reason(desk, sent, field, reason):
    bob, document = desk

    with pytest.raises(Invalid) as refused:
        review.annotate(document, bob, submission(**sent))

    assert refused.value.details[0]["field"] == field
    assert reason in refused.value.details[0]["reason"]
    assert not Annotation.objects.exists()


def test_relations_follow_their_spans_into_text_order(desk):
    bob, document = desk
    relation = {"head": 1, "tail": 0, "label": "lives_in"}

    annotation = review.annotate(document, bob, submission(spans=[KOELN, ADA], relations=[relation]))

    assert annotation.answer["spans"] == [ADA, KOELN]
    assert annotation.answer["relations"] == [{"head": 0, "tail": 1, "label": "lives_in"}]


def test_offsets_count_code_points_and_a_right_quote_is_welcome(desk):
    bob, document = desk
    foxes = {"start": 20, "end": 22, "label": "PERSON", "quote": "🦊🦊"}

    annotation = review.annotate(document, bob, submission(spans=[foxes]))

    assert annotation.answer["spans"] == [{"start": 20, "end": 22, "label": "PERSON"}]


def suggest(document):
    """Version 1 suggests Ada and Köln."""
    run = TrainingRun.objects.create(project=document.project, trigger="hand", state="succeeded")
    ModelVersion.objects.create(project=document.project, run=run, number=1, manifest_sha256="", examples=1)
    prediction = {
        "spans": [{**ADA, "score": 0.9}, {**KOELN, "score": 0.4}],
        "choices": {"topic": [{"label": "praise", "score": 0.7}]},
        "relations": [],
        "uncertainty": 0.3,
    }
    suggestions.record(document.project, 1, [(document.pk, prediction)])
    return Suggestion.objects.get(document=document)


def test_decisions_are_appended_with_the_answer_they_belong_to(desk):
    bob, document = desk
    shown = suggest(document)
    longer = {"start": 10, "end": 19, "label": "PLACE"}
    decisions = [
        {"suggestion": shown.pk, "item": "s0", "verdict": "accept", "milliseconds": 800},
        {"suggestion": shown.pk, "item": "s1", "verdict": "correct", "correction": longer},
        {"suggestion": shown.pk, "item": "c0", "verdict": "leave"},
    ]

    review.annotate(document, bob, submission(spans=[ADA, longer], decisions=decisions))

    assert set(Decision.objects.values_list("item", "verdict", "milliseconds")) == {
        ("s0", "accept", 800), ("s1", "correct", None), ("c0", "leave", None),
    }  # fmt: skip
    assert suggestions.acceptance(document.project) == [
        {"version": 1, "accept": 1, "reject": 0, "correct": 1, "leave": 1, "rate": 1 / 3}
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"item": "s9"}, "has no item"),
        ({"suggestion": 10**9}, "no such suggestion"),
        ({"suggestion": "x"}, "no such suggestion"),
        ({"verdict": "maybe"}, "verdict must be"),
        ({"verdict": "reject"}, "the answer holds that item"),
        ({"verdict": "leave"}, "the answer holds that item"),
        ({"item": "s1"}, "does not hold that item"),
        ({"milliseconds": -1}, "milliseconds"),
    ],
)
def test_a_decision_that_does_not_fit_is_refused_and_the_answer_with_it(desk, change, reason):
    bob, document = desk
    decision = {"suggestion": suggest(document).pk, "item": "s0", "verdict": "accept"} | change

    with pytest.raises(Invalid, match=reason), tenant_scope(document.tenant):
        review.annotate(document, bob, submission(spans=[ADA], decisions=[decision]))

    assert not Annotation.objects.exists()
    assert not Decision.objects.exists()


def test_of_what_a_person_said_of_an_item_the_last_word_counts(desk):
    bob, document = desk
    said = {"suggestion": suggest(document).pk, "item": "s0"}
    review.annotate(document, bob, submission(spans=[ADA], decisions=[{**said, "verdict": "accept"}]))
    review.annotate(document, bob, submission(revision=1, decisions=[{**said, "verdict": "reject"}]))

    (counts,) = suggestions.acceptance(document.project)
    ((_day, of_day),), _weekly = verdicts.over_time(document.project)
    (of_label,) = verdicts.by_label(document.project)
    (of_version,) = [given for given in stats.verdicts(document.project, 1).values() if any(given.values())]

    assert Decision.objects.count() == 2, "all that was said is kept"
    assert (counts["accept"], counts["reject"]) == (0, 1)
    assert [of_day.accept, of_day.reject] == [of_label.counts.accept, of_label.counts.reject] == [0, 1]
    assert (of_version["accept"], of_version["reject"]) == (0, 1)


LONGER = {"start": 10, "end": 19, "label": "PLACE"}


@pytest.mark.parametrize(
    ("correction", "reason"),
    [
        ({"start": 10, "end": 999, "label": "PLACE"}, "lies outside the text"),
        ({"start": 14, "end": 10, "label": "PLACE"}, "must come before end"),
        ({"end": 14, "label": "PLACE"}, "must be whole numbers"),
        ({**LONGER, "label": "ANIMAL"}, "no span label 'ANIMAL'"),
        ({**LONGER, "label": 7}, "must have a label"),
        ({**LONGER, "start": 11}, "the answer does not hold it"),
        ({"kind": "choice", "question": "topic", "label": "praise"}, "must be a span"),
        ({**LONGER, "quote": "Paris"}, "is not what the text has there"),
    ],
)
def test_what_an_item_was_corrected_to_is_checked_as_a_span_is(desk, correction, reason):
    bob, document = desk
    decision = {"suggestion": suggest(document).pk, "item": "s1", "verdict": "correct", "correction": correction}

    with pytest.raises(Invalid, match=reason) as refused, tenant_scope(document.tenant):
        review.annotate(document, bob, submission(spans=[ADA, LONGER], decisions=[decision]))

    assert refused.value.details[0]["field"] == "decisions[0].correction"
    assert not Annotation.objects.exists()


def test_a_correction_goes_with_its_verdict_alone(desk):
    bob, document = desk
    shown = suggest(document).pk
    decision = {"suggestion": shown, "item": "s0", "verdict": "accept", "correction": ADA}

    with pytest.raises(Invalid, match="goes with the verdict correct only"):
        review.annotate(document, bob, submission(spans=[ADA], decisions=[decision]))


def test_flag_comment_and_time_are_kept_with_the_answer_and_in_its_history(desk):
    bob, document = desk

    review.annotate(document, bob, submission(state="skipped", comment="Not in English.", milliseconds=4_000))
    annotation = review.annotate(document, bob, submission(1, spans=[ADA], flag="help", comment="Is Ada a person?"))

    assert (annotation.flag, annotation.comment, annotation.milliseconds) == ("help", "Is Ada a person?", 4_000)
    history = AnnotationRevision.objects.order_by("revision").values_list("state", "flag", "comment", "milliseconds")
    assert list(history) == [
        ("skipped", "", "Not in English.", 4_000),
        ("submitted", "help", "Is Ada a person?", 4_000),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"flag": "red"}, "flag"),
        ({"comment": "x" * 2_001}, "comment"),
        ({"comment": "a\x00"}, "comment"),
        ({"milliseconds": -1}, "milliseconds"),
        ({"milliseconds": 2**31}, "milliseconds"),
        ({"state": "gone"}, "state"),
    ],
)
def test_what_is_sent_beside_the_answer_is_checked_too(desk, change, field):
    bob, document = desk

    with pytest.raises(Invalid) as refused:
        review.annotate(document, bob, submission(**change))

    assert [detail["field"] for detail in refused.value.details] == [field]


def test_drafts_follow_one_another_without_history_decisions_or_slots(desk):
    bob, document = desk
    shown = suggest(document)
    decisions = [{"suggestion": shown.pk, "item": "s0", "verdict": "accept"}]

    for revision in range(3):
        draft = submission(revision, state="draft", spans=[ADA], decisions=decisions)
        annotation = review.annotate(document, bob, draft)
        assert review.annotate(document, bob, draft).revision == annotation.revision

    assert (annotation.revision, annotation.state, annotation.answer["spans"]) == (3, "draft", [ADA])
    assert not AnnotationRevision.objects.exists()
    assert not Decision.objects.exists()
    assert Document.objects.get().free_slots == 1


def test_a_draft_over_an_answer_leaves_it_standing_until_another_is_submitted(desk):
    bob, document = desk
    first = review.annotate(document, bob, submission(spans=[ADA], comment="sure"))
    (line,) = jsonl.training_lines(document.project)

    review.annotate(document, bob, submission(1, state="draft", spans=[KOELN]))
    draft = submission(2, state="draft", spans=[ADA, KOELN], flag="flagged", milliseconds=9)
    annotation = review.annotate(document, bob, draft)

    assert review.annotate(document, bob, draft).pk == annotation.pk  # sent twice
    stored = Annotation.objects.get()
    assert (stored.revision, stored.state, stored.answer["spans"], stored.flag) == (1, "submitted", [ADA], "")
    assert stored.updated_at == first.updated_at
    assert list(jsonl.training_lines(document.project)) == [line]
    left = review.left(stored)
    assert (left["revision"], left["state"], left["flag"], left["milliseconds"]) == (3, "draft", "flagged", 9)
    assert left["answer"]["spans"] == [ADA, KOELN]
    with pytest.raises(Conflict):
        review.annotate(document, bob, submission(1, spans=[]))
    review.annotate(document, bob, submission(3, spans=[KOELN]))
    stored.refresh_from_db()
    assert (stored.revision, stored.draft, stored.answer["spans"], stored.milliseconds) == (4, None, [KOELN], 9)
    assert list(AnnotationRevision.objects.order_by("pk").values_list("revision", flat=True)) == [1, 4]


def test_a_draft_keeps_its_verdicts_and_they_are_on_record_once_it_is_submitted(desk):
    bob, document = desk
    shown = suggest(document)
    reject = {"suggestion": shown.pk, "item": "s1", "verdict": "reject", "milliseconds": 300}

    draft = review.annotate(document, bob, submission(state="draft", spans=[ADA], decisions=[reject]))

    assert review.left(draft)["decisions"] == [reject]
    assert not Decision.objects.exists()
    review.annotate(document, bob, submission(1, spans=[ADA], decisions=[reject]))
    draft.refresh_from_db()
    assert review.left(draft)["decisions"] == []
    assert Decision.objects.get().verdict == "reject"
    review.annotate(document, bob, submission(2, state="draft", spans=[], decisions=[reject]))
    draft.refresh_from_db()
    assert (review.left(draft)["decisions"], draft.decisions) == ([reject], None), "over an answer they wait aside"


def test_verdicts_of_a_draft_are_checked_as_those_of_an_answer(desk):
    bob, document = desk
    shown = suggest(document)
    wrong = {"suggestion": shown.pk, "item": "s0", "verdict": "reject"}

    with pytest.raises(Invalid, match="the answer holds that item"), tenant_scope(document.tenant):
        review.annotate(document, bob, submission(state="draft", spans=[ADA], decisions=[wrong]))

    assert not Annotation.objects.exists()


def test_beside_a_draft_stays_the_suggestion_that_its_verdicts_are_about(desk):
    bob, document = desk
    shown = suggest(document)
    reject = {"suggestion": shown.pk, "item": "s0", "verdict": "reject"}
    draft = review.annotate(document, bob, submission(state="draft", spans=[], decisions=[reject]))
    run = TrainingRun.objects.create(project=document.project, trigger="hand", state="succeeded")
    ModelVersion.objects.create(project=document.project, run=run, number=2, examples=1, live=True)
    newer = {"spans": [{**ADA, "score": 0.9}], "choices": {}, "relations": [], "uncertainty": 0.1}
    suggestions.record(document.project, 2, [(document.pk, newer)])

    assert suggested.beside(document).suggestion.version == 2
    assert suggested.beside(document, draft).suggestion.pk == shown.pk
    assert suggested.beside(document, draft).suggestion.version == 1


LIVES_IN = {"head": 0, "tail": 1, "label": "lives_in"}


def suggest_a_relation(document) -> dict:
    """Version 1 suggests that Ada lives in Köln; its first span has a label that the project does not know."""
    run = TrainingRun.objects.create(project=document.project, trigger="hand", state="succeeded")
    ModelVersion.objects.create(project=document.project, run=run, number=1, examples=1)
    prediction = {
        "spans": [{**ADA, "label": "DRAGON", "score": 0.5}, {**ADA, "score": 0.9}, {**KOELN, "score": 0.9}],
        "choices": {},
        "relations": [
            {"head": 1, "tail": 2, "label": "lives_in", "score": 0.8},
            {"head": 0, "tail": 2, "label": "lives_in", "score": 0.8},
            {"head": 1, "tail": 2, "label": "hates", "score": 0.8},
        ],
        "uncertainty": 0.3,
    }
    suggestions.record(document.project, 1, [(document.pk, prediction)])
    return {"suggestion": Suggestion.objects.get(document=document).pk, "item": "r0"}


def test_a_suggested_relation_names_the_suggested_spans_it_joins(desk):
    _, document = desk

    suggest_a_relation(document)

    first, second, relation = Suggestion.objects.get().items
    assert [first["id"], second["id"]] == ["s0", "s1"]
    assert relation == {
        "id": "r0", "kind": "relation", "head": "s0", "tail": "s1", "label": "lives_in", "score": 0.8,
    }  # fmt: skip


def test_a_relation_is_accepted_with_the_spans_it_joins(desk):
    bob, document = desk
    accepted = suggest_a_relation(document) | {"verdict": "accept"}

    review.annotate(document, bob, submission(spans=[KOELN, ADA], relations=[{**LIVES_IN, "head": 1, "tail": 0}],
                                              decisions=[accepted]))  # fmt: skip

    assert Decision.objects.get().verdict == "accept"


@pytest.mark.parametrize(
    ("verdict", "spans", "relations", "reason"),
    [
        ("accept", [ADA], [], "between the spans that were suggested"),
        ("accept", [ADA, KOELN], [], "does not hold that item"),
        ("accept", [ADA, KOELN], [{**LIVES_IN, "head": 1, "tail": 0}], "does not hold that item"),
        ("reject", [ADA, KOELN], [LIVES_IN], "the answer holds that item"),
    ],
)
def test_a_verdict_on_a_relation_must_fit_the_answer(desk, verdict, spans, relations, reason):
    bob, document = desk
    decision = suggest_a_relation(document) | {"verdict": verdict}

    with pytest.raises(Invalid, match=reason), tenant_scope(document.tenant):
        review.annotate(document, bob, submission(spans=spans, relations=relations, decisions=[decision]))

    assert not Annotation.objects.exists()


def test_a_document_that_is_held_out_is_shown_no_suggestion(desk):
    _, document = desk
    suggest(document)
    ModelVersion.objects.update(live=True)
    assert suggested.beside(document).suggestion is not None

    document.split = "check"

    assert suggested.beside(document) == suggested.Suggested(suggested.BLIND)


def test_an_answer_uses_up_the_slot_of_its_lease_and_a_draft_does_not(desk):
    bob, document = desk
    queue.claim_next(document.project, bob)

    review.annotate(document, bob, submission(state="draft"))
    assert queue.heartbeat(document, bob) is not None
    review.annotate(document, bob, submission(1))
    review.annotate(document, bob, submission(2))

    assert queue.heartbeat(document, bob) is None
    assert Document.objects.get().free_slots == 0
