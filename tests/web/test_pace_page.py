"""People and pace: what each did, how fast, with which labels, how far they agree; and what a project may hide."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotator import pace, review
from annotator.models import Annotation
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project
from tests.web.api_client import Api

ANN = {"spans": [{"start": 0, "end": 3, "label": "PERSON"}], "classes": {"topic": ["praise"]}}
WRONG = {"spans": [{"start": 0, "end": 3, "label": "PLACE"}], "classes": {"topic": ["praise"]}}


@pytest.fixture
def project(cast):
    return make_project(cast.acme, annotators_per_document=2)


@pytest.fixture
def alice(cast) -> Client:
    client = Client()
    client.force_login(cast.alice)
    return client


def answered(cast, project, user, document, answer=None, *, seconds: float | None = None, days_ago: int = 0) -> None:
    with tenant_scope(cast.acme):
        review.annotate(document, user, review.Submission(uuid4(), 0, answer or {}))
        Annotation.objects.filter(document=document, annotator=user).update(
            milliseconds=seconds and int(1000 * seconds), updated_at=timezone.now() - timedelta(days=days_ago)
        )


def page(alice, project, **query):
    return alice.get(reverse("pace", args=[project.tenant.slug, project.pk]), query)


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.text))


def test_documents_are_counted_by_day_and_person(cast, project):
    one, two, three, old = add_documents(cast.acme, project, *(f"Ann lives in Oslo {n}." for n in range(4)))
    answered(cast, project, cast.bob, one)
    answered(cast, project, cast.bob, two)
    answered(cast, project, cast.alice, three, days_ago=2)
    answered(cast, project, cast.alice, old, days_ago=pace.DAYS + 1)

    with tenant_scope(cast.acme):
        alice, bob = pace.people(project)

    assert pace.last_days(project)[-1] == timezone.now().date()
    assert len(pace.last_days(project)) == pace.DAYS
    assert (bob.days[-1], bob.week, bob.a_day) == (2, 2, 2.0)
    assert (alice.days[-3], sum(alice.days), alice.counts["submitted"]) == (1, 1, 2)


def test_the_page_looks_back_as_far_as_asked(cast, project, alice):
    one, two = add_documents(cast.acme, project, "Ann lives in Oslo.", "Bob lives in Rome.")
    answered(cast, project, cast.bob, one, seconds=10, days_ago=10)
    answered(cast, project, cast.bob, two, seconds=30, days_ago=60)

    week, month, quarter = (words(page(alice, project, days=days)) for days in (7, "x", 90))

    assert "Nothing was submitted in this period." in week
    assert "Time for a document" not in week
    assert "bob 10 s 10–10 s 1" in month
    assert "bob 20 s 15–25 s 2" in quarter
    assert "?days=90&amp;person=bob" in page(alice, project, days=90, person="bob").text


def test_the_days_of_the_only_one_who_works_are_hidden_with_the_times(cast, project, alice):
    one, two = add_documents(cast.acme, project, "Ann lives in Oslo.", "Bob lives in Rome.")
    answered(cast, project, cast.bob, one)
    with tenant_scope(cast.acme):
        project.show_times = False
        project.save()

    assert "Documents each day" not in words(page(alice, project))
    answered(cast, project, cast.alice, two)
    assert "Documents each day" in words(page(alice, project))


def test_times_are_a_median_with_the_quarters_around_it(cast, project, alice):
    documents = add_documents(cast.acme, project, *(f"Ann lives in Oslo {n}." for n in range(6)))
    for document, seconds in zip(documents, (10, 20, 30, 40, 500, None), strict=True):
        answered(cast, project, cast.bob, document, seconds=seconds)

    with tenant_scope(cast.acme):
        (bob,) = pace.times(project)

    assert (bob.documents, bob.low, bob.median, bob.high) == (5, 20, 30, 40)
    assert "bob 30 s 20–40 s 5" in words(page(alice, project))


def test_a_project_may_hide_how_fast_people_are(cast, project, alice):
    first, second = add_documents(cast.acme, project, "Ann lives in Oslo.", "Bob lives in Rome.")
    answered(cast, project, cast.bob, first, seconds=31)
    answered(cast, project, cast.alice, second, seconds=57)
    with tenant_scope(cast.acme):
        project.show_times = False
        project.save()

        assert pace.times(project) == []
    told = words(page(alice, project, person="bob"))
    overview = words(alice.get(reverse("project", args=[cast.acme.slug, project.pk])))

    assert "does not show how fast single people work" in told
    assert "Time for a document" not in told
    assert "Last 7 days" not in told
    assert "by bob" not in told
    assert "bob 1 0 0 0" in told
    # The overview tells what was labelled last, and not who did it when.
    assert "labelled d0" in overview
    assert "bob" not in overview


def test_hidden_times_are_in_no_export_and_no_answer_of_the_api(cast, project):
    (document,) = add_documents(cast.acme, project, "Ann lives in Oslo.")
    answered(cast, project, cast.bob, document, ANN, seconds=31)
    alice = Api(cast.acme, cast.alice)

    def served() -> list[int | None]:
        exported = alice.get(f"/projects/{project.pk}/export?answers=each")
        told = alice.get(f"/documents/{document.pk}/annotations").json()["items"]
        line = json.loads(b"".join(exported.streaming_content))
        return [line["milliseconds"], told[0]["milliseconds"]]

    shown = served()
    with tenant_scope(cast.acme):
        project.show_times = False
        project.save()

    assert shown == [31_000, 31_000]
    assert served() == [None, None]


def test_one_persons_days_alone(cast, project, alice):
    one, two = add_documents(cast.acme, project, "Ann lives in Oslo.", "Bob lives in Rome.")
    answered(cast, project, cast.bob, one)
    answered(cast, project, cast.alice, two)

    assert "by bob, by the day" in words(page(alice, project, person="bob"))
    assert "by nobody" not in words(page(alice, project, person="nobody"))


def test_agreement_is_over_what_several_answered(cast, project, alice):
    same, other, alone = add_documents(cast.acme, project, *(f"Ann lives in Oslo {n}." for n in range(3)))
    for user, answer in ((cast.alice, ANN), (cast.bob, ANN)):
        answered(cast, project, user, same, answer)
    answered(cast, project, cast.alice, other, ANN)
    answered(cast, project, cast.bob, other, WRONG)
    answered(cast, project, cast.bob, alone, ANN)

    with tenant_scope(cast.acme):
        found = pace.agreed(project)

    assert found is not None
    assert (found.documents, found.mean) == (2, 0.75)
    assert [(pair.one, pair.other, pair.documents, pair.agreement) for pair in found.pairs] == [
        ("alice", "bob", 2, 0.75)
    ]
    assert found.least == [(other.pk, other.external_id, 0.5)]
    assert "alice and bob 2 75" in words(page(alice, project))


def test_white_space_at_an_edge_is_no_disagreement(cast, project, alice):
    (document,) = add_documents(cast.acme, project, "Ann lives in Oslo.")
    wider = {"spans": [{**span, "end": span["end"] + 1} for span in ANN["spans"] if document.text[span["end"]] == " "]}
    exact = {"spans": [span for span in ANN["spans"] if document.text[span["end"]] == " "]}
    assert wider["spans"]

    answered(cast, project, cast.alice, document, exact)
    answered(cast, project, cast.bob, document, wider)

    with tenant_scope(cast.acme):
        found = pace.agreed(project)
    assert found is not None
    assert found.mean == 1


def test_nobody_twice_is_no_agreement(cast, project, alice):
    (one,) = add_documents(cast.acme, project, "Ann lives in Oslo.")
    answered(cast, project, cast.bob, one, ANN)

    assert "No document has answers of several people." in words(page(alice, project))


def test_each_persons_share_of_each_label(cast, project, alice):
    one, two, three = add_documents(cast.acme, project, *(f"Ann lives in Oslo {n}." for n in range(3)))
    answered(cast, project, cast.alice, one, ANN)
    answered(cast, project, cast.bob, two, ANN)
    answered(cast, project, cast.bob, three, WRONG)

    told = words(page(alice, project))

    assert "PERSON 2 100 (1) 50 (1)" in told
    assert "PLACE 1 – 50 (1)" in told
    assert "topic praise 3 100 (1) 100 (2)" in told


def test_the_page_costs_the_same_however_much_was_done(cast, project, alice):
    documents = add_documents(cast.acme, project, *(f"Ann lives in Oslo {n}." for n in range(12)))
    for user in (cast.alice, cast.bob):
        answered(cast, project, user, documents[0], ANN)

    def cost() -> int:
        with CaptureQueriesContext(connection) as spent:
            assert page(alice, project).status_code == 200
        return len(spent)

    before = cost()
    for document in documents[1:]:
        for user in (cast.alice, cast.bob):
            answered(cast, project, user, document, ANN)

    assert cost() == before
    assert before <= 20
