"""The annotator's round through the API: claim, suggestions, answer, and what happens when two differ."""

from __future__ import annotations

from uuid import uuid4

import pytest

from annotator import suggestions
from annotator.models import Suggestion
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project
from tests.web.api_client import Api
from trainer.models import ModelVersion, TrainingRun

TEXT = "Ann 🦊 lives in Oslo."


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


@pytest.fixture
def bob(cast):
    return Api(cast.acme, cast.bob)


def submission(**changes):
    return {"submit_id": str(uuid4()), "revision": 0, "spans": [{"start": 0, "end": 3, "label": "PERSON"}]} | changes


def test_next_gives_a_document_with_a_lease_and_again_the_same(cast, project, bob):
    add_documents(cast.acme, project, TEXT, "Another.")

    first = bob.post(f"/projects/{project.pk}/next").json()

    assert first["document"]["text"] in (TEXT, "Another.")
    assert first["lease"]["expires_at"]
    assert first["suggestion"] == {"state": "no_model", "version": None, "suggestion": None, "terms": []}
    assert bob.post(f"/projects/{project.pk}/next").json()["document"] == first["document"]


def test_next_besides_what_is_at_hand_with_some_ahead(cast, project, bob):
    add_documents(cast.acme, project, *(f"Text {i}." for i in range(4)))
    path = f"/projects/{project.pk}/next"
    first = bob.post(path).json()["document"]["id"]

    told = bob.post(path, {"held": [first], "ahead": 2}).json()

    ids = [told["document"]["id"], *(one["document"]["id"] for one in told["ahead"])]
    assert len({first, *ids}) == 4
    assert all(one["lease"]["expires_at"] and one["suggestion"]["state"] == "no_model" for one in told["ahead"])
    assert bob.post(path).json()["document"]["id"] == first
    nothing = bob.post(path, {"held": [first, *ids]}).json()
    assert (nothing["document"], nothing["reason"], nothing["ahead"]) == (None, "done", [])


def test_a_draft_is_handed_out_again_with_its_document(cast, project, bob):
    add_documents(cast.acme, project, TEXT, TEXT + " Again.")
    path = f"/projects/{project.pk}/next"
    _, later = (bob.post(path, {"ahead": 1}).json(), bob.post(path, {"ahead": 1}).json()["ahead"][0])
    bob.put(f"/documents/{later['document']['id']}/annotation", submission(state="draft"))

    (again,) = bob.post(path, {"ahead": 1}).json()["ahead"]

    assert again["annotation"]["spans"] == submission()["spans"]


@pytest.mark.parametrize("wrong", [{"ahead": 6}, {"ahead": -1}, {"held": ["x"]}, {"held": [2**63]}, {"more": 1}])
def test_next_refuses_what_it_does_not_know(cast, project, bob, wrong):
    assert bob.post(f"/projects/{project.pk}/next", wrong).status_code == 422


def test_next_says_why_there_is_none(cast, project, bob):
    assert bob.post(f"/projects/{project.pk}/next").json()["reason"] == "empty"
    (document,) = add_documents(cast.acme, project, TEXT)
    alice = Api(cast.acme, cast.alice)
    alice.post(f"/projects/{project.pk}/next")
    assert bob.post(f"/projects/{project.pk}/next").json()["reason"] == "taken"
    alice.put(f"/documents/{document.pk}/annotation", submission())
    assert bob.post(f"/projects/{project.pk}/next").json()["reason"] == "done"


def test_submit_and_read_back(cast, project, bob):
    (document,) = add_documents(cast.acme, project, TEXT)
    sent = submission(classes={"topic": ["praise"]}, complete=False)

    answer = bob.put(f"/documents/{document.pk}/annotation", sent)

    assert answer.status_code == 200
    annotation = answer.json()["annotation"]
    assert annotation["revision"] == 1
    assert annotation["spans"] == sent["spans"]
    assert bob.get(f"/documents/{document.pk}/annotation").json()["annotation"] == annotation
    assert bob.put(f"/documents/{document.pk}/annotation", sent).json()["annotation"] == annotation


def test_a_draft_over_an_answer_is_read_back_and_the_answer_stands(cast, project, bob):
    (document,) = add_documents(cast.acme, project, TEXT)
    path = f"/documents/{document.pk}/annotation"
    bob.put(path, submission(flag="help", comment="?", milliseconds=1_200))
    draft = submission(revision=1, state="draft", spans=[{"start": 15, "end": 19, "label": "PLACE"}])

    told = bob.put(path, draft).json()["annotation"]

    assert told == bob.get(path).json()["annotation"]
    assert (told["state"], told["stands"], told["revision"]) == ("draft", "submitted", 2)
    assert (told["spans"], told["flag"], told["comment"]) == (draft["spans"], "", "")
    assert told["milliseconds"] == 1_200
    assert told["submit_id"] == draft["submit_id"]


def test_verdicts_of_a_draft_are_kept_and_read_back(cast, project, bob):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        place = {"start": 15, "end": 19, "label": "PLACE", "score": 0.9}
        found = {"spans": [place], "choices": {}, "relations": [], "uncertainty": 0.2}
        run = TrainingRun.objects.create(project=project, state="succeeded", trigger="manual")
        ModelVersion.objects.create(project=project, run=run, number=1, examples=1)
        suggestions.record(project, 1, [(document.pk, found)])
        shown = Suggestion.objects.get(document=document)
    path = f"/documents/{document.pk}/annotation"
    corrected = {"start": 6, "end": 20, "label": "PLACE"}
    said = {"suggestion": shown.pk, "item": "s0", "verdict": "correct", "correction": corrected, "milliseconds": 7}

    told = bob.put(path, submission(state="draft", spans=[corrected], decisions=[said])).json()["annotation"]

    assert told["decisions"] == [said]
    assert bob.get(path).json()["annotation"]["decisions"] == [said]
    utf16 = bob.get(path, offsets="utf16").json()["annotation"]["decisions"][0]["correction"]
    assert utf16 == corrected | {"start": 7, "end": 21}
    done = bob.put(path, submission(revision=1, spans=[corrected], decisions=[said])).json()["annotation"]
    assert done["decisions"] == []


def test_ones_own_work_by_pages(cast, project, bob):
    documents = add_documents(cast.acme, project, TEXT, "Another.", "A third.")
    for document in documents:
        bob.put(f"/documents/{document.pk}/annotation", submission(spans=[], flag="flagged"))

    first = bob.get(f"/projects/{project.pk}/mine", limit=2, flag="any").json()
    second = bob.get(f"/projects/{project.pk}/mine", limit=2, flag="any", cursor=first["next"]).json()

    assert [item["document"] for item in first["items"] + second["items"]] == [d.pk for d in reversed(documents)]
    assert second["next"] is None
    assert bob.get(f"/projects/{project.pk}/mine", cursor="x").status_code == 422
    assert bob.get(f"/projects/{project.pk}/mine", state="done").status_code == 422


def test_reviewers_see_everybodys_answers_and_find_what_was_flagged(cast, project, bob):
    document, _ = add_documents(cast.acme, project, TEXT, "Another.")
    alice = Api(cast.acme, cast.alice)
    bob.put(f"/documents/{document.pk}/annotation", submission(flag="help", comment="Ann?"))
    alice.put(f"/documents/{document.pk}/annotation", submission(spans=[], extra=True))
    alice.put(f"/documents/{document.pk}/annotation", submission(state="draft", revision=1))

    told = alice.get(f"/documents/{document.pk}/annotations", offsets="utf16").json()["items"]

    assert [(one["annotator"], one["state"], one["flag"], len(one["spans"])) for one in told] == [
        ("bob", "submitted", "help", 1),
        ("alice", "submitted", "", 0),
    ]
    assert bob.get(f"/documents/{document.pk}/annotations").status_code == 403
    flagged = alice.get(f"/projects/{project.pk}/documents", flag="help").json()["items"]
    assert [item["id"] for item in flagged] == [document.pk]
    assert alice.get(f"/projects/{project.pk}/documents", flag="flagged").json()["items"] == []
