"""What people skipped: a manager finds it on the overview, by reason, and puts it back, by page and by API."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.urls import reverse

from annotator import queue, review
from annotator.models import Annotation
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project, signed_in
from tests.web.api_client import Api


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


def skip(cast, document, user, reason=""):
    with tenant_scope(cast.acme):
        review.annotate(document, user, review.Submission(uuid4(), 0, {}, state="skipped", comment=reason))


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.text))


def at(name, project):
    return reverse(name, args=[project.tenant.slug, project.pk])


def still_skipped(cast):
    with tenant_scope(cast.acme):
        return sorted(Annotation.objects.filter(state="skipped").values_list("document__external_id", flat=True))


def test_skips_need_a_manager_and_are_told_by_reason(cast, project):
    one, two, three = add_documents(cast.acme, project, "Ann lives.", "Bob lives. " * 40, "Cy lives.")
    for document, reason in ((one, "Not in English"), (two, "Not in English"), (three, "")):
        skip(cast, document, cast.bob, reason)
    skip(cast, three, cast.alice, "Cut off <b>")
    alice = signed_in(cast.alice)

    overview, page = alice.get(at("project", project)), alice.get(at("skipped", project))
    cut = alice.get(at("skipped", project), {"reason": "Cut off <b>"})

    assert "3 documents were skipped and lack answers" in words(overview)
    assert at("skipped", project) in overview.text
    assert "Not in English 2" in words(page)
    assert "1 document has been skipped or answered by everybody here" in words(page)
    assert "nobody left to ask" in words(page)
    assert "Ann lives. bob" in words(page)
    assert re.search("Bob lives. B[^ ]*… bob", words(page))
    assert "Cut off &lt;b&gt;" in page.text
    assert "Cy lives." in words(cut)
    assert "Ann lives." not in words(cut)


def test_one_those_with_a_reason_or_all_are_put_back(cast, project):
    documents = add_documents(cast.acme, project, "one", "two", "three", "four")
    for document, reason in zip(documents, ("odd", "odd", "", "cut"), strict=True):
        skip(cast, document, cast.bob, reason)
    alice, page = signed_in(cast.alice), at("skipped", project)

    one = alice.post(page, {"document": documents[0].pk}, follow=True)
    assert "1 document is put back" in words(one)
    assert still_skipped(cast) == ["d1", "d2", "d3"]
    alice.post(page, {"reason": ""})
    assert still_skipped(cast) == ["d1", "d3"]
    for nonsense in ("x", "9" * 30):
        alice.post(page, {"document": nonsense})
    assert still_skipped(cast) == ["d1", "d3"]
    assert "2 documents are put back" in words(alice.post(page, follow=True))
    assert still_skipped(cast) == []
    assert "Nothing to put back" in words(alice.get(page))


def test_nobody_else_sees_or_puts_back(cast, project):
    (document,) = add_documents(cast.acme, project, "one")
    skip(cast, document, cast.bob, "odd")

    for user, status in ((cast.bob, 403), (cast.charlie, 404)):
        client = signed_in(user)
        assert client.get(at("skipped", project)).status_code == status
        assert client.post(at("skipped", project)).status_code == status
    api = Api(cast.acme, cast.bob)
    assert api.get(f"/projects/{project.pk}/skipped").status_code == 403
    assert api.post(f"/projects/{project.pk}/skipped/put-back", {}).status_code == 403
    assert still_skipped(cast) == ["d0"]


def test_the_api_lists_and_puts_back(cast, project):
    documents = add_documents(cast.acme, project, "Ann lives.", "two", "three")
    for document, reason in zip(documents, ("odd", "", "cut"), strict=True):
        skip(cast, document, cast.bob, reason)
    api, path = Api(cast.acme, cast.alice), f"/projects/{project.pk}/skipped"

    told = api.get(path).json()
    assert (told["documents"], told["nobody_left"]) == (3, 0)
    assert told["reasons"][0] == {"reason": "", "documents": 1}
    (odd,) = api.get(path, reason="odd").json()["items"]
    assert (odd["id"], odd["excerpt"], odd["skips"][0]["annotator"]) == (documents[0].pk, "Ann lives.", "bob")

    assert api.post(f"{path}/put-back", {"documents": [documents[0].pk, 10**12]}).json() == {"documents": 1}
    assert api.post(f"{path}/put-back", {"reason": ""}).json() == {"documents": 1}
    assert still_skipped(cast) == ["d2"]
    assert api.post(f"{path}/put-back", {}).json() == {"documents": 1}
    assert api.get(path).json()["items"] == []


def test_the_desk_says_that_what_is_left_was_skipped_and_earlier_work_opens_it_again(cast, project):
    (document,) = add_documents(cast.acme, project, "Ann lives in Oslo.")
    skip(cast, document, cast.bob, "cannot say")
    bob, api = signed_in(cast.bob), Api(cast.acme, cast.bob)

    page = bob.get(at("desk", project))
    assert "Those that you skipped go to somebody else." in words(page)
    assert api.post(f"/projects/{project.pk}/next", {}).json()["reason"] == "skipped"
    (item,) = api.get(f"/projects/{project.pk}/mine", state="skipped").json()["items"]
    opened = bob.get(reverse("document", args=[cast.acme.slug, item["document"]]))
    assert "Ann lives in Oslo." in words(opened)
    sent = {"submit_id": str(uuid4()), "revision": 1, "spans": [{"start": 0, "end": 3, "label": "PERSON"}]}
    assert api.put(f"/documents/{document.pk}/annotation", sent).status_code == 200
    assert still_skipped(cast) == []
    with tenant_scope(cast.acme):
        assert queue.claim_next(project, cast.alice) is None
