"""The list of documents and the page of one: who sees what, and what it costs."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotator import review, suggestions
from annotator.importing.store import Row, store_rows
from annotator.models import Document, User
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project
from tests.web.api_client import Api
from trainer.models import ModelVersion, TrainingRun


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0, annotators_per_document=3)


@pytest.fixture
def documents(cast, project):
    return add_documents(cast.acme, project, "Ada lives in Oslo.", "Bob <b>lives</b> in Rome.", "Nobody.")


@pytest.fixture
def alice(cast) -> Client:
    return signed_in(cast.alice)


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def answer(cast, document, user, *spans, **sent) -> None:
    given = {"spans": [dict(zip(("start", "end", "label"), span, strict=True)) for span in spans]}
    with tenant_scope(cast.acme):
        review.annotate(document, user, review.Submission(uuid4(), 0, given, **sent))


def listed(client: Client, project, **asked) -> str:
    page = client.get(reverse("documents", args=[project.tenant.slug, project.pk]), asked).text
    return page.partition("<main")[2]


def test_a_manager_finds_by_words_labels_people_and_flags(cast, alice, project, documents):
    answer(cast, documents[0], cast.bob, (0, 3, "PERSON"), flag="help")

    page = listed(alice, project, q="liv")
    assert page.count("<mark>liv</mark>") == 2
    assert "2 documents" in page
    assert "&lt;b&gt;" in page
    assert "As the version saw it that looked at the document last." in page
    for asked in ({"label": "span:PERSON"}, {"annotator": cast.bob.pk}, {"flag": "help"}, {"state": "answered"}):
        page = listed(alice, project, **asked)
        assert "1 document" in page, asked
        assert "help asked for" in page
        assert reverse("document-answers", args=[cast.acme.slug, documents[0].pk]) in page


def test_an_annotator_is_not_shown_what_others_answered(cast, project, documents):
    answer(cast, documents[0], cast.alice, (0, 3, "PERSON"), flag="help")
    bob = signed_in(cast.bob)

    page = listed(bob, project, label="span:PERSON", annotator=cast.alice.pk, flag="help")

    assert "3 documents" in page
    assert "PERSON" not in page
    assert "help" not in page
    assert bob.get(reverse("document-answers", args=[cast.acme.slug, documents[0].pk])).status_code == 403
    told = Api(cast.acme, cast.bob)
    assert told.get(f"/projects/{project.pk}/documents", label="span:PERSON").status_code == 403
    assert "facets" not in told.get(f"/projects/{project.pk}/documents").json()["items"][0]


def test_the_api_finds_the_same(cast, project, documents):
    answer(cast, documents[0], cast.bob, (0, 3, "PERSON"))
    told = Api(cast.acme, cast.alice).get(f"/projects/{project.pk}/documents", label="span:PERSON", q="oslo").json()

    assert [item["external_id"] for item in told["items"]] == ["d0"]
    assert told["items"][0]["facets"] == [f"by:{cast.bob.pk}", "span:PERSON", "state:submitted"]


def test_the_page_of_a_document_puts_answers_side_by_side(cast, alice, project, documents):
    answer(cast, documents[0], cast.alice, (0, 3, "PERSON"), (13, 17, "PLACE"))
    answer(cast, documents[0], cast.bob, (0, 3, "PERSON"), comment="Is Oslo one?")
    found = {"spans": [{"start": 13, "end": 17, "label": "PLACE", "score": 0.91}], "choices": {}, "relations": [],
             "uncertainty": 0.2}  # fmt: skip
    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
        ModelVersion.objects.create(project=project, run=run, number=4, examples=1, live=True)
        suggestions.record(project, 4, [(documents[0].pk, found)])

    page = alice.get(reverse("document-answers", args=[cast.acme.slug, documents[0].pk])).text

    assert "1 item is disputed." in page
    assert page.count('<tr class="disputed">') == 1
    assert '<mark class="disputed">Oslo</mark>' in page
    assert "0.91" in page
    assert "Is Oslo one?" in page
    assert reverse("document", args=[cast.acme.slug, documents[0].pk]) in page


def test_those_who_agree_dispute_nothing(cast, alice, project, documents):
    for user in (cast.alice, cast.bob):
        answer(cast, documents[1], user, (0, 3, "PERSON"))

    page = alice.get(reverse("document-answers", args=[cast.acme.slug, documents[1].pk])).text

    assert "All who submitted agree." in page
    assert "&lt;b&gt;" in page


def test_where_a_majority_decides_nothing_is_disputed(cast, alice, project, documents):
    dora = User.objects.create_user("dora" + uuid4().hex[:6])
    answer(cast, documents[0], cast.alice, (0, 3, "PERSON"))
    answer(cast, documents[0], cast.bob, (0, 3, "PERSON"), (13, 17, "PLACE"))
    answer(cast, documents[0], dora)

    page = alice.get(reverse("document-answers", args=[cast.acme.slug, documents[0].pk])).text

    assert "a majority decides" in page
    assert 'class="disputed"' not in page
    assert (page.count("most say so"), page.count("most do not")) == (1, 1)


def test_who_took_a_space_along_agrees_and_metadata_of_any_name_is_shown(cast, alice, project):
    with tenant_scope(cast.acme):
        row = Row(line=1, external_id="m", text="See Ada now.", meta={"items": "in a list"}, answer=None, complete=True)
        store_rows(project, [row])
        document = Document.objects.get(external_id="m")
    answer(cast, document, cast.alice, (4, 7, "PERSON"))
    answer(cast, document, cast.bob, (3, 8, "PERSON"))

    page = alice.get(reverse("document-answers", args=[cast.acme.slug, document.pk])).text

    assert "All who submitted agree." in page
    assert "<dt>items</dt><dd>in a list</dd>" in page


def test_pages_cost_a_fixed_number_of_queries(cast, alice, project, documents):
    def cost(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert alice.get(address).status_code == 200
        return len(queries)

    places = [
        reverse("documents", args=[cast.acme.slug, project.pk]) + "?state=done",
        reverse("document-answers", args=[cast.acme.slug, documents[0].pk]),
    ]
    answer(cast, documents[0], cast.bob, (0, 3, "PERSON"))
    before = [cost(place) for place in places]

    for document in documents:
        answer(cast, document, cast.alice, (0, 3, "PLACE"))
    add_documents(cast.acme, project, *(f"Text {n}" for n in range(30)))

    assert [cost(place) for place in places] == before
