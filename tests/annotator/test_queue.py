"""The queue: everybody gets a document of their own, nobody the same one twice, and lost leases come back."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from annotator import queue, review
from annotator.models import Claim, Document, Membership, User
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import Cast, add_documents, make_project


def answer_all(project, user, rng=None):
    """Claim and answer until nothing is left; the external ids in the order they came."""
    seen = []
    while claim := queue.claim_next(project, user, rng=rng):
        seen.append(claim.document.external_id)
        review.annotate(claim.document, user, Submission(uuid4(), 0, {}))
    return seen


def test_everybody_meets_each_document_at_most_once_and_none_is_left(cast):
    project = make_project(cast.acme, annotators_per_document=2)
    add_documents(cast.acme, project, *(f"text {i}" for i in range(12)))

    with tenant_scope(cast.acme):
        by_alice, by_bob = answer_all(project, cast.alice), answer_all(project, cast.bob)
        third = answer_all(project, User.objects.create_user("dora"))

    assert sorted(by_alice) == sorted(by_bob) == sorted(f"d{i}" for i in range(12))
    assert third == []


def test_a_reload_gets_the_same_document_again(cast):
    project = make_project(cast.acme)
    add_documents(cast.acme, project, "one", "two")

    with tenant_scope(cast.acme):
        first, again = queue.claim_next(project, cast.bob), queue.claim_next(project, cast.bob)

        assert first.document_id == again.document_id
        assert Claim.objects.count() == 1


def names(claims):
    return [claim.document.external_id for claim in claims]


def test_what_is_at_hand_is_never_handed_out_again_and_its_lease_is_prolonged(cast):
    project = make_project(cast.acme, check_share=0, annotators_per_document=2)
    documents = add_documents(cast.acme, project, "one", "two", "three")

    with tenant_scope(cast.acme):
        held = []
        while claim := queue.claim_next(project, cast.bob, besides=held):
            Claim.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
            held.append(claim.document_id)

        assert sorted(held) == [document.pk for document in documents]
        queue.claim_next(project, cast.bob, besides=held)
        assert all(queue.heartbeat(document, cast.bob) for document in documents)
        assert queue.claim_next(project, cast.bob).document_id == held[0]


def test_documents_ahead_are_leased_in_order_and_a_reload_gets_the_same_ones(cast):
    project = make_project(cast.acme, check_share=0, annotators_per_document=2)
    add_documents(cast.acme, project, *(f"text {i}" for i in range(5)))

    with tenant_scope(cast.acme):
        first = queue.claim_several(project, cast.bob, 3)
        again = queue.claim_several(project, cast.bob, 3)
        others = queue.claim_several(project, cast.bob, 3, besides=[claim.document_id for claim in first])

        assert names(first) == names(again)
        assert len({*names(first), *names(others)}) == 5
        assert Claim.objects.count() == 5


def test_what_is_at_hand_without_a_lease_is_not_handed_out_either(cast):
    project = make_project(cast.acme, check_share=0)
    one, _ = add_documents(cast.acme, project, "one", "two")

    with tenant_scope(cast.acme):
        assert names(queue.claim_several(project, cast.bob, 2, besides=[one.pk])) == ["d1"]


def test_nobody_holds_more_leases_than_they_may(cast):
    project = make_project(cast.acme, check_share=0)
    add_documents(cast.acme, project, *(f"text {i}" for i in range(queue.MOST_LEASES + 2)))

    with tenant_scope(cast.acme):
        claims = queue.claim_several(project, cast.bob, queue.MOST_LEASES + 1)
        held = [claim.document_id for claim in claims]

        assert len(held) == queue.MOST_LEASES
        assert queue.claim_next(project, cast.bob, besides=held) is None
        assert queue.why_nothing(project, cast.bob) == "held"
        queue.release(claims[0].document, cast.bob)
        assert queue.claim_next(project, cast.bob, besides=held[1:]) is not None


@pytest.mark.parametrize("ahead", [1, 5])
def test_leases_ahead_take_one_statement_each(cast, django_assert_max_num_queries, ahead):
    project = make_project(cast.acme, check_share=0)
    add_documents(cast.acme, project, *(f"text {i}" for i in range(10)))

    with tenant_scope(cast.acme), django_assert_max_num_queries(3 + ahead):
        assert len(queue.claim_several(project, cast.bob, ahead)) == ahead


def test_the_most_uncertain_come_first_when_no_share_is_random(cast):
    project = make_project(cast.acme, check_share=0, random_share=0)
    documents = add_documents(cast.acme, project, "a", "b", "c")

    with tenant_scope(cast.acme):
        queue.prioritise({documents[0].pk: 0.2, documents[1].pk: 0.9, documents[2].pk: 0.5})

        assert answer_all(project, cast.bob) == ["d1", "d2", "d0"]


def test_the_streams_are_drawn_by_their_shares(cast):
    project = make_project(cast.acme, check_share=0.2, random_share=0.3)
    rng = random.Random(7)

    first = Counter(queue._streams(project, rng)[0] for _ in range(2000))

    assert abs(first["check"] / 2000 - 0.2) < 0.04
    assert abs(first["random"] / 2000 - 0.3) < 0.04


def test_a_lease_that_ran_out_goes_back_and_the_next_person_gets_the_document(cast):
    project = make_project(cast.acme)
    add_documents(cast.acme, project, "only one")

    with tenant_scope(cast.acme):
        queue.claim_next(project, cast.alice)
        assert queue.claim_next(project, cast.bob) is None
        Claim.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

        assert queue.claim_next(project, cast.bob).document.external_id == "d0"
        assert Document.objects.get().free_slots == 0


def test_a_document_given_back_is_free_again(cast):
    project = make_project(cast.acme)
    (document,) = add_documents(cast.acme, project, "only one")

    with tenant_scope(cast.acme):
        queue.claim_next(project, cast.alice)

        assert queue.release(document, cast.alice)
        assert not queue.release(document, cast.alice)
        assert Document.objects.get().free_slots == 1


def test_what_a_page_that_went_had_ahead_is_free_soon_unless_it_comes_back(cast):
    project = make_project(cast.acme)
    documents = add_documents(cast.acme, project, "one", "two")
    ids = [document.pk for document in documents]

    with tenant_scope(cast.acme):
        queue.claim_several(project, cast.bob, 2)
        assert queue.leave(project, cast.alice, ids) == 0, "somebody else's"
        assert queue.leave(project, cast.bob, ids) == 2
        soon = timezone.now() + queue.GOING
        assert Claim.objects.filter(expires_at__lte=soon).count() == 2
        queue.claim_several(project, cast.bob, 2)
        assert Claim.objects.filter(expires_at__lte=soon).count() == 0


def test_an_answer_without_a_lease_takes_a_slot_and_never_goes_below_none(cast):
    project = make_project(cast.acme)
    (document,) = add_documents(cast.acme, project, "only one")

    with tenant_scope(cast.acme):
        for user in (cast.alice, cast.bob):
            review.annotate(document, user, Submission(uuid4(), 0, {}))

        assert Document.objects.get().free_slots == 0
        assert queue.claim_next(project, cast.alice) is None


def give_back_by_hand(document, user):
    queue.release(document, user)


def let_run_out(document, user):
    Claim.objects.filter(document=document, annotator=user).update(expires_at=timezone.now() - timedelta(seconds=1))
    queue.release_expired(document.project)


@pytest.mark.parametrize("end", [give_back_by_hand, let_run_out])
def test_a_lease_that_ends_after_somebody_else_answered_frees_nothing(cast, end):
    project = make_project(cast.acme)
    (document,) = add_documents(cast.acme, project, "only one")

    with tenant_scope(cast.acme):
        queue.claim_next(project, cast.alice)
        review.annotate(document, cast.bob, Submission(uuid4(), 0, {}))
        end(document, cast.alice)

        assert Document.objects.get().free_slots == 0
        assert queue.claim_next(project, cast.alice) is None


def test_an_answer_changed_again_and_again_uses_one_slot(cast):
    project = make_project(cast.acme, annotators_per_document=2)
    (document,) = add_documents(cast.acme, project, "only one")
    slots = []

    with tenant_scope(cast.acme):
        for revision, state in enumerate(("submitted", "draft", "submitted", "skipped", "draft", "skipped")):
            review.annotate(document, cast.bob, Submission(uuid4(), revision, {}, state=state))
            slots.append(Document.objects.get().free_slots)

    assert slots == [1, 1, 1, 2, 2, 2], "a skip is no answer"


@pytest.mark.usefixtures("committed_db")
def test_two_tabs_of_one_person_share_a_lease():
    cast = Cast.make(None)
    project = make_project(cast.acme, annotators_per_document=2)
    add_documents(cast.acme, project, *(f"text {i}" for i in range(5)))
    took, other = Event(), Event()

    def second_tab():
        try:
            took.wait(60)
            with tenant_scope(cast.acme):
                other.set()
                return queue.claim_next(project, cast.bob).document_id
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(second_tab)
        with tenant_scope(cast.acme):
            first = queue.claim_next(project, cast.bob).document_id
            took.set()
            other.wait(60)
            with pytest.raises(TimeoutError):
                later.result(timeout=0.5)
        second = later.result(timeout=60)

    with tenant_scope(cast.acme):
        assert first == second
        assert Claim.objects.count() == 1


@pytest.mark.usefixtures("committed_db")
def test_ten_people_at_once_are_never_handed_more_than_the_project_asks_for():
    cast = Cast.make(None)
    project = make_project(cast.acme, annotators_per_document=2)
    add_documents(cast.acme, project, *(f"text {i}" for i in range(40)))
    people = [User.objects.create_user(f"p{i}-{cast.acme.slug}") for i in range(10)]
    for user in people:
        Membership.objects.create(tenant=cast.acme, user=user, role="annotator")

    def work(user):
        seen = []
        try:
            while True:
                with tenant_scope(cast.acme):
                    claim = queue.claim_next(project, user)
                if claim is None:
                    return seen
                with tenant_scope(cast.acme):
                    review.annotate(claim.document, user, Submission(uuid4(), 0, {}))
                seen.append(claim.document_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        seen = list(pool.map(work, people))

    times = Counter(pk for one in seen for pk in one)
    assert all(len(set(one)) == len(one) for one in seen)
    assert set(times.values()) == {2}
    assert len(times) == 40
