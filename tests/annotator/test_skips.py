"""A skip by one person passes a document on; a manager sees what lacks answers, why, and has people asked again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection

from annotator import attention, queue, review, skips, suggestions
from annotator.models import Annotation, AnnotationRevision, AuditEvent, Claim, Document, Facet, Membership, User
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import Cast, add_documents, make_project
from trainer.models import ModelVersion, TrainingRun

ANN = {"spans": [{"start": 0, "end": 3, "label": "PERSON"}]}


def skip(document, user, reason="", *, revision=0, answer=None):
    review.annotate(document, user, Submission(uuid4(), revision, answer or {}, state="skipped", comment=reason))


def handed(project, user):
    claim = queue.claim_next(project, user)
    return claim and claim.document


def test_a_skipped_document_goes_to_somebody_else_and_not_to_who_skipped_it(cast):
    project = make_project(cast.acme)
    add_documents(cast.acme, project, "only one")

    with tenant_scope(cast.acme):
        skip(handed(project, cast.bob), cast.bob, "cannot say")

        assert handed(project, cast.bob) is None
        assert queue.why_nothing(project, cast.bob) == "skipped"
        document = handed(project, cast.alice)
        assert document.external_id == "d0"
        assert queue.why_nothing(project, cast.bob) == "done", "it is in other hands, and not for bob"
        review.annotate(document, cast.alice, Submission(uuid4(), 0, ANN))
        assert Document.objects.get().free_slots == 0
        assert not attention.attention(project)
        assert skips.listed(project) == []


def test_two_answers_that_were_ordered_are_given_though_one_skips(cast):
    project = make_project(cast.acme, annotators_per_document=2)
    add_documents(cast.acme, project, "only one")
    dora = User.objects.create_user("dora")

    with tenant_scope(cast.acme):
        skip(handed(project, cast.bob), cast.bob)
        for user in (cast.alice, dora):
            review.annotate(handed(project, user), user, Submission(uuid4(), 0, ANN))

        assert Document.objects.get().free_slots == 0
        assert Annotation.objects.filter(state="submitted").count() == 2


def test_a_skip_that_becomes_an_answer_takes_the_place_and_back_again_frees_it(cast):
    project = make_project(cast.acme)
    (document,) = add_documents(cast.acme, project, "Ann lives in Oslo.")
    slots = []

    with tenant_scope(cast.acme):
        for revision, state in enumerate(("skipped", "submitted", "skipped")):
            review.annotate(document, cast.bob, Submission(uuid4(), revision, ANN, state=state))
            slots.append(Document.objects.get().free_slots)

    assert slots == [1, 0, 1]


def test_what_is_with_others_for_a_second_answer_is_not_awaited_by_who_gave_the_first(cast):
    project = make_project(cast.acme, annotators_per_document=2)
    add_documents(cast.acme, project, "only one")

    with tenant_scope(cast.acme):
        review.annotate(handed(project, cast.bob), cast.bob, Submission(uuid4(), 0, ANN))
        handed(project, cast.alice)

        assert queue.why_nothing(project, cast.bob) == "done"


def test_a_manager_sees_what_lacks_answers_why_and_whether_anybody_is_left(cast):
    project = make_project(cast.acme)
    one, two, three, answered = add_documents(cast.acme, project, *(f"Ann lives in Oslo {n}." for n in range(4)))

    with tenant_scope(cast.acme):
        for document, reason in ((one, "Not in English"), (two, " Not in English\n"), (three, ""), (answered, "Odd")):
            skip(document, cast.bob, reason)
        skip(three, cast.alice, "Cut off")
        review.annotate(answered, cast.alice, Submission(uuid4(), 0, ANN))

        assert skips.count(project) == skips.Counts(documents=3, nobody_left=1)
        assert attention.attention(project).skipped.documents == 3
        assert skips.reasons(project) == [("Not in English", 2), ("", 1), ("Cut off", 1)]
        assert {row.document.external_id for row in skips.listed(project, reason="Not in English")} == {"d0", "d1"}
        (last,) = skips.listed(project, reason="Cut off")
        assert last.nobody_left
        assert [(one.username, one.reason) for one in last.skips] == [("bob", ""), ("alice", "Cut off")]
        assert last.excerpt == "Ann lives in Oslo 2."


def test_put_back_the_skipper_is_asked_again_and_history_keeps_the_skip(cast):
    project = make_project(cast.acme)
    (document,) = add_documents(cast.acme, project, "Ann lives in Oslo.")

    with tenant_scope(cast.acme):
        skip(document, cast.bob, "cannot say", answer=ANN)
        assert skips.put_back(project, actor=cast.alice) == 1

        assert handed(project, cast.bob) == document
        mine = review.current(document, cast.bob)
        assert (mine.state, mine.revision, mine.comment) == ("draft", 1, "")
        assert mine.answer["spans"] == ANN["spans"], "what had been marked is not lost"
        (kept,) = AnnotationRevision.objects.all()
        assert (kept.state, kept.comment) == ("skipped", "cannot say")
        assert not Facet.objects.filter(facet="state:skipped").exists()
        event = AuditEvent.objects.get(action="skips.put_back")
        assert (event.actor, event.detail["documents"]) == (cast.alice, [document.pk])
        review.annotate(document, cast.bob, Submission(uuid4(), 1, ANN))
        assert Document.objects.get().free_slots == 0
        assert skips.put_back(project, actor=cast.alice) == 0


def test_a_change_that_was_begun_over_a_skip_is_what_is_put_back(cast):
    project = make_project(cast.acme)
    (document,) = add_documents(cast.acme, project, "Ann lives in Oslo.")

    with tenant_scope(cast.acme):
        skip(document, cast.bob, "cannot say")
        review.annotate(document, cast.bob, Submission(uuid4(), 1, ANN, state="draft", comment="but wait"))
        skips.put_back(project, actor=cast.alice)

        mine = review.current(document, cast.bob)
        assert (mine.state, mine.draft, mine.revision, mine.comment) == ("draft", None, 2, "but wait")
        review.annotate(document, cast.bob, Submission(uuid4(), 2, ANN))


def test_one_or_a_reason_is_put_back_and_nothing_of_another_project(cast):
    project, other = make_project(cast.acme), make_project(cast.acme, name="Others")
    documents = add_documents(cast.acme, project, "one", "two", "three")
    (foreign,) = add_documents(cast.acme, other, "four")

    with tenant_scope(cast.acme):
        for document, reason in zip((*documents, foreign), ("odd", "odd", "cut", "odd"), strict=True):
            skip(document, cast.bob, reason)

        assert skips.put_back(project, documents=[documents[0].pk, foreign.pk], actor=cast.alice) == 1
        assert skips.put_back(project, reason="cut", actor=cast.alice) == 1
        assert skips.put_back(project, reason="", actor=cast.alice) == 0
        left = Annotation.objects.filter(state="skipped").order_by("pk")
        assert [one.document_id for one in left] == [documents[1].pk, foreign.pk]


@pytest.mark.usefixtures("committed_db")
def test_people_who_skip_and_answer_at_once_leave_exactly_the_places_that_lack_answers():
    cast = Cast.make(None)
    project = make_project(cast.acme, annotators_per_document=2)
    add_documents(cast.acme, project, *(f"text {i}" for i in range(24)))
    people = [User.objects.create_user(f"s{i}-{cast.acme.slug}") for i in range(5)]
    for user in people:
        Membership.objects.create(tenant=cast.acme, user=user, role="annotator")

    def work(place):
        user, seen = people[place], []
        try:
            while True:
                with tenant_scope(cast.acme):
                    claim = queue.claim_next(project, user)
                if claim is None:
                    return seen
                seen.append(claim.document_id)
                state = "skipped" if (claim.document_id + place) % 3 == 0 else "submitted"
                with tenant_scope(cast.acme):
                    review.annotate(claim.document, user, Submission(uuid4(), 0, {}, state=state))
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        seen = list(pool.map(work, range(5)))

    assert all(len(set(one)) == len(one) for one in seen), "nobody gets a document again"
    with tenant_scope(cast.acme):
        assert not Claim.objects.exists()
        submitted = Annotation.objects.filter(state="submitted")
        for document in Document.objects.all():
            answers = submitted.filter(document=document).count()
            assert document.free_slots == 2 - answers, "neither more nor fewer than were ordered"


def test_a_draft_over_a_skip_keeps_its_verdicts_when_it_is_put_back(cast):
    project = make_project(cast.acme, check_share=0)
    (document,) = add_documents(cast.acme, project, "Ada")

    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
        ModelVersion.objects.create(project=project, number=1, run=run, examples=1)
        found = {"spans": [{**ANN["spans"][0], "score": 0.9}], "choices": {}, "relations": [], "uncertainty": 0.1}
        suggestions.record(project, 1, [(document.pk, found)])
        rejected = {"suggestion": document.suggestions.get().pk, "item": "s0", "verdict": "reject"}
        skip(document, cast.bob, "cannot say")
        draft = Submission(uuid4(), 1, {}, state="draft", comment="Is she meant?", decisions=[rejected])
        review.annotate(document, cast.bob, draft)

        skips.put_back(project, actor=cast.alice)

        left = review.left(review.current(document, cast.bob))
        assert (left["state"], left["comment"], left["decisions"]) == ("draft", "Is she meant?", [rejected])
