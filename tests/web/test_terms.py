"""Term lists: what a manager uploads is suggested at once, and what is wrong with a list is said line by line."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotator import review
from annotator.models import AuditEvent, Document, Term
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project, signed_in
from tests.web.api_client import Api

ADA = {"start": 0, "end": 3, "label": "PERSON"}


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


@pytest.fixture
def alice(cast):
    return Api(cast.acme, cast.alice)


def put(api, project, text):
    body = text if isinstance(text, bytes) else text.encode()
    return api.call("PUT", f"/projects/{project.pk}/terms", body, content_type="text/plain")


def known(api, project):
    items = api.get(f"/projects/{project.pk}/terms").json()["items"]
    return {(item["term"], item["label"], item["accepted"], item["listed"]) for item in items}


def suggested(api, document):
    terms = api.get(f"/documents/{document.pk}/suggestions").json()["terms"]
    text = document.text
    return [(text[term["start"] : term["end"]], term["label"], term["source"], term["times"]) for term in terms]


@pytest.mark.parametrize(
    "text",
    [
        "Ada Lovelace\tPERSON\n\nParis, Texas\tPLACE\n北京\tPLACE",
        'term,label\nAda  lovelace,PERSON\n"Paris, Texas",PLACE\r\n北京,PLACE\n',
        "\ufeffTerm;Label\nAda Lovelace;PERSON\nADA LOVELACE;PERSON\nParis, Texas;PLACE\n北京;PLACE;",
    ],
    ids=["tabs", "commas", "semicolons"],
)
def test_a_term_list_is_suggested_from_in_any_of_its_forms(cast, project, alice, text):
    (document,) = add_documents(cast.acme, project, "ADA LOVELACE left Paris, Texas for 北京市.")

    answer = put(alice, project, text)

    assert answer.json() == {"listed": 3}
    assert suggested(Api(cast.acme, cast.bob), document) == [
        ("ADA LOVELACE", "PERSON", "list", 0), ("Paris, Texas", "PLACE", "list", 0), ("北京", "PLACE", "list", 0),
    ]  # fmt: skip
    with tenant_scope(cast.acme):
        assert AuditEvent.objects.filter(action="terms.replace", detail__terms=3).exists()


def test_a_new_list_takes_the_place_of_the_one_before_and_leaves_what_was_marked(cast, project, alice):
    document, other = add_documents(cast.acme, project, "Ada left.", "Ada met Eve in Oslo.")
    put(alice, project, "Ada\tPERSON\nOslo\tPLACE")
    with tenant_scope(cast.acme):
        review.annotate(document, cast.bob, review.Submission(uuid4(), 0, {"spans": [ADA]}))

    put(alice, project, "Eve\tPERSON")
    replaced = known(alice, project)
    put(alice, project, "")

    assert replaced == {("ada", "PERSON", 1, False), ("eve", "PERSON", 0, True)}
    assert known(alice, project) == {("ada", "PERSON", 1, False)}
    assert suggested(alice, other) == [("Ada", "PERSON", "accepted", 1)]


def test_all_that_is_wrong_with_a_list_is_said_and_nothing_is_taken(project, alice):
    put(alice, project, "Ada\tPERSON")

    answer = put(alice, project, "Eve\tPERSON\nBob\tANIMAL\nOslo\n...\tPLACE\n" + 300 * "x" + "\tPLACE")

    assert answer.status_code == 422
    assert [(one["line"], one["field"], one["reason"]) for one in answer.json()["error"]["details"]] == [
        (2, "label", "there is no span label 'ANIMAL' in this project"),
        (3, "label", "a line is a term and a label, parted by a tab or a comma"),
        (4, "term", "has no word in it, or more than 200 characters"),
        (5, "term", "has no word in it, or more than 200 characters"),
    ]
    assert answer.json()["error"]["message"].startswith("line 2, label: there is no span label")
    assert known(alice, project) == {("ada", "PERSON", 0, True)}


def test_a_list_in_another_encoding_is_refused_by_its_line(project, alice):
    answer = put(alice, project, "Ada\tPERSON\nZoë\tPERSON\n".encode("latin-1"))

    (detail,) = answer.json()["error"]["details"]
    assert (answer.status_code, detail["line"], detail["field"]) == (422, 2, "term")
    assert "UTF-8" in detail["reason"]


def test_terms_come_a_page_at_a_time(project, alice):
    put(alice, project, "".join(f"term {i}\tPLACE\n" for i in range(5)))

    found, cursor = [], 0
    while cursor is not None:
        page = alice.get(f"/projects/{project.pk}/terms", limit=2, cursor=cursor).json()
        found += [item["term"] for item in page["items"]]
        cursor = page["next"]

    assert sorted(found) == [f"term {i}" for i in range(5)]
    assert (page["terms"], page["accepted"], page["listed"]) == (5, 0, 5)


def test_the_page_takes_a_list_says_what_is_wrong_and_takes_it_away(cast, project):
    page, address = signed_in(cast.alice), reverse("terms", args=[cast.acme.slug, project.pk])

    def send(**form):
        return page.post(address, form, follow=True)

    taken = send(file=SimpleUploadedFile("terms.csv", b"term,label\nAda,PERSON\n"))
    wrong = send(file=SimpleUploadedFile("terms.csv", b"Ada,PERSON\nEve,ANIMAL\n"))
    missing = send()
    removed = send(remove="yes")

    assert "The term list has 1 term." in taken.text
    assert "<bdi>ada</bdi>" in taken.text
    assert wrong.status_code == missing.status_code == 422
    assert "Line 2:" in wrong.text
    assert "there is no span label" in wrong.text
    assert "Choose a file first." in missing.text
    assert "There is no term list any more." in removed.text
    with tenant_scope(cast.acme):
        assert not Term.objects.exists()


def test_an_answer_brings_what_it_taught_of_the_documents_at_hand(cast):
    project = make_project(cast.acme, name="At hand", check_share=0)
    one, other, held_out = add_documents(cast.acme, project, "Ada left.", "So did Ada.", "Ada!")
    with tenant_scope(cast.acme):
        Document.objects.filter(pk=held_out.pk).update(split="check")
    foreign = add_documents(cast.globex, make_project(cast.globex), "Ada")[0].pk
    beside = [other.pk, held_out.pk, foreign]

    sent = {"submit_id": str(uuid4()), "spans": [ADA], "beside": beside}
    answer = Api(cast.acme, cast.bob).put(f"/documents/{one.pk}/annotation", sent).json()

    known = {"start": 7, "end": 10, "label": "PERSON", "score": 0.6667, "source": "accepted", "times": 1}
    assert answer["terms"] == {str(other.pk): [known], str(held_out.pk): []}


def test_only_managers_see_and_change_it(cast, project):
    bob = Api(cast.acme, cast.bob)

    assert bob.get(f"/projects/{project.pk}/terms").status_code == 403
    assert put(bob, project, "Ada\tPERSON").status_code == 403
    assert signed_in(cast.bob).get(reverse("terms", args=[cast.acme.slug, project.pk])).status_code == 403


def test_held_out_documents_show_nothing_of_it(cast, alice):
    project = make_project(cast.acme, name="Held out", check_share=0.5)
    documents = add_documents(cast.acme, project, *(f"Ada {i}" for i in range(30)))
    put(alice, project, "Ada\tPERSON")

    shown = {document.split: bool(suggested(Api(cast.acme, cast.bob), document)) for document in documents}

    assert shown == {"pool": True, "check": False}


def test_what_the_dictionary_suggested_has_its_own_figure_beside_the_models(cast, project, alice):
    (document,) = add_documents(cast.acme, project, "Ada left.")
    said = [{"term": ADA | {"source": "list"}, "verdict": "accept"}]

    alice.put(f"/documents/{document.pk}/annotation", {"submit_id": str(uuid4()), "spans": [ADA], "decisions": said})
    told = alice.get(f"/projects/{project.pk}/stats").json()
    page = signed_in(cast.alice).get(reverse("model", args=[cast.acme.slug, project.pk])).text

    assert told["dictionary"] == {"accept": 1, "reject": 0, "correct": 0, "leave": 0, "rate": 1.0}
    assert told["acceptance"] == []
    assert "the dictionary" in page
    assert "100 %" in page


@pytest.mark.parametrize("unit", ["utf16", "utf8"])
def test_terms_count_in_the_unit_that_is_asked_for(cast, project, alice, unit):
    (document,) = add_documents(cast.acme, project, "😀 Ada")
    put(alice, project, "Ada\tPERSON")
    bob = Api(cast.acme, cast.bob)

    (term,) = bob.get(f"/documents/{document.pk}/suggestions", offsets=unit).json()["terms"]
    said = {"term": {name: term[name] for name in ("start", "end", "label", "source")}, "verdict": "reject"}
    sent = {"submit_id": str(uuid4()), "state": "draft", "decisions": [said]}
    answer = bob.put(f"/documents/{document.pk}/annotation", sent, offsets=unit).json()["annotation"]

    assert (term["start"], term["end"]) == {"utf16": (3, 6), "utf8": (5, 8)}[unit]
    assert answer["decisions"] == [said]
    assert bob.get(f"/documents/{document.pk}/annotation").json()["annotation"]["decisions"][0]["term"]["start"] == 2
