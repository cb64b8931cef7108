"""Whoever would answer a document that has all its answers is asked first; and nobody's work is lost over it."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from annotator import queue
from annotator.exporting.jsonl import Export, Options
from annotator.models import Annotation, Claim, Document, Membership, Role, User
from annotator.review import Submission, annotate
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project, signed_in
from tests.web.api_client import Api

TEXT = "Ada met Bo in Oslo."
ADA, BO = {"start": 0, "end": 3, "label": "PERSON"}, {"start": 8, "end": 10, "label": "PERSON"}
ASKED = "Add another answer?"


@pytest.fixture
def dora(cast) -> User:
    """A reviewer."""
    user = User.objects.create_user("dora" + uuid4().hex[:6])
    Membership.objects.create(tenant=cast.acme, user=user, role=Role.REVIEWER)
    return user


@pytest.fixture
def project(cast):
    return make_project(cast.acme, annotators_per_document=2, check_share=0)


@pytest.fixture
def full(cast, project):
    """A document with both its answers, of alice and bob."""
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        for user in (cast.alice, cast.bob):
            annotate(document, user, Submission(uuid4(), 0, {"spans": [ADA, BO]}))
    return document


def page(cast, document, name="document"):
    return reverse(name, args=[cast.acme.slug, document.pk])


def body(**changes):
    return {"submit_id": str(uuid4()), "spans": [], **changes}


def config(html: str) -> dict:
    return json.loads(re.search(r'id="desk-config" type="application/json">(.*?)</script>', html, re.DOTALL).group(1))


def test_the_first_thing_offered_beside_answers_is_not_to_answer(cast, dora, full):
    html = signed_in(dora).get(page(cast, full, "document-answers")).text

    actions = re.search(r'<div class="actions">(.*?)</div>', html, re.DOTALL).group(1)
    assert "primary" not in actions
    assert actions.index(reverse("documents", args=[cast.acme.slug, full.project_id])) < actions.index(page(cast, full))
    assert "Answer it yourself" in actions
    assert "Change your answer" in signed_in(cast.alice).get(page(cast, full, "document-answers")).text


def test_who_opens_a_full_document_is_asked(cast, dora, full):
    browser = signed_in(dora)

    html = browser.get(page(cast, full)).text

    assert ASKED in html
    assert "already has 2 of 2 answers" in html
    assert '<a class="button quiet" href="?extra=1">' in html
    desk = browser.get(page(cast, full) + "?extra=1").text
    assert ASKED not in desk
    assert config(desk)["first"]["document"]["id"] == full.pk
    assert config(html) == {"csrf": config(html)["csrf"], "owner": config(desk)["owner"]}  # for a new sign-in


def test_a_document_without_an_id_is_asked_about_by_its_first_words(cast, dora, full):
    with tenant_scope(cast.acme):
        Document.objects.filter(pk=full.pk).update(external_id=hashlib.sha256(TEXT.encode()).hexdigest())

    html = signed_in(dora).get(page(cast, full)).text

    assert ASKED in html
    assert f'<span aria-current="page"><bdi>{TEXT}</bdi></span>' in html


def test_deleting_is_the_last_thing_offered_and_history_is_told_in_the_language_of_the_reader(cast, full):
    alice = signed_in(cast.alice)
    html = alice.get(page(cast, full, "document-answers"), headers={"accept-language": "ar"}).text

    actions = re.search(r'<div class="actions">(.*?)</div>', html, re.DOTALL).group(1)
    assert actions.rindex("<a ") == actions.index('<a class="button quiet danger"')
    assert "<td>submitted</td>" not in html
    assert html.count("<td>مُرسَل</td>") == 2


def test_who_answered_it_or_began_or_holds_it_is_not_asked(cast, dora, full, project):
    (other,) = add_documents(cast.acme, project, "another")
    with tenant_scope(cast.acme):
        annotate(full, dora, Submission(uuid4(), 0, {}, state=Annotation.State.DRAFT))

    assert ASKED not in signed_in(cast.alice).get(page(cast, full)).text
    assert ASKED not in signed_in(dora).get(page(cast, full)).text
    assert ASKED not in signed_in(dora).get(page(cast, other)).text


def test_who_skipped_it_before_others_answered_is_asked(cast, dora, full):
    with tenant_scope(cast.acme):
        annotate(full, dora, Submission(uuid4(), 0, {}, state=Annotation.State.SKIPPED))
    path = f"/documents/{full.pk}/annotation"

    assert ASKED in signed_in(dora).get(page(cast, full)).text
    assert Api(cast.acme, dora).put(path, body(revision=1)).json()["error"]["code"] == "document_full"
    assert Api(cast.acme, dora).put(path, body(revision=1, extra=True)).status_code == 200


def test_a_reviewers_blank_by_the_form_leaves_what_two_people_said(cast, dora, full):
    browser = signed_in(dora)
    fields = re.findall(r'name="(\w+)"[^>]*? value="([^"]*)"', browser.get(page(cast, full) + "?extra=1").text)

    sent = browser.post(page(cast, full), {**dict(fields), "span": [], "act": "done", "answer": ""})

    assert sent.status_code == 302
    (line,) = map(json.loads, b"".join(Export(cast.acme, full.project_id, Options())).splitlines())
    assert (line["answers"], line["spans"], line["complete"]) == (3, [ADA, BO], True)


def test_by_the_api_an_answer_too_many_must_be_meant(cast, dora, full):
    api = Api(cast.acme, dora)
    path = f"/documents/{full.pk}/annotation"

    refused = api.put(path, body())

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "document_full")
    assert refused.json()["current"] is None
    assert api.put(path, body(state="draft")).status_code == 409
    first = api.put(path, body(extra=True))
    assert first.json()["annotation"]["revision"] == 1
    assert api.put(path, body(revision=1)).status_code == 200  # theirs by now


def test_an_answer_to_a_document_that_was_handed_out_is_never_refused(cast, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    bob = Api(cast.acme, cast.bob)
    others = [User.objects.create_user(f"other{n}{uuid4().hex[:6]}") for n in range(2)]

    assert bob.post(f"/projects/{project.pk}/next").json()["document"]["id"] == document.pk
    with tenant_scope(cast.acme):
        Claim.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert queue.release_expired(project) == 1
        for user in others:
            assert queue.claim_next(project, user) is not None
            annotate(document, user, Submission(uuid4(), 0, {}))

    assert bob.put(f"/documents/{document.pk}/annotation", body(spans=[ADA])).status_code == 200


def test_answers_on_their_way_twice_are_one(cast, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    alice, bob = Api(cast.acme, cast.alice), Api(cast.acme, cast.bob)
    sent = body(spans=[ADA])
    path = f"/documents/{document.pk}/annotation"
    assert [api.put(path, sent).status_code for api in (alice, bob)] == [200, 200]

    assert alice.put(path, sent).json()["annotation"]["revision"] == 1
