"""The desk's page as the server makes it, and as an ordinary form: what is taken, and what is refused and kept."""

from __future__ import annotations

import json
import re
from html import unescape
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotator import labels, review, suggestions
from annotator.models import Annotation, Claim, Decision, Label, Project, Suggestion
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project
from trainer.models import ModelVersion, TrainingRun

TEXT = "Ada lives in Oslo. Ada likes Oslo."
SPEC = {
    "spans": ["PERSON", "PLACE"],
    "relations": ["lives_in"],
    "questions": [{"name": "topic", "choices": ["a", "b"]}, {"name": "tone", "multiple": True, "choices": ["x", "y"]}],
    "check_share": 0,
}


@pytest.fixture
def bob(cast) -> Client:
    client = Client()
    client.force_login(cast.bob)
    return client


@pytest.fixture
def project(cast):
    return make_project(cast.acme, **SPEC)


@pytest.fixture
def document(cast, project):
    return add_documents(cast.acme, project, TEXT)[0]


def desk(cast, project) -> str:
    return reverse("desk", args=[cast.acme.slug, project.pk])


def page(cast, document) -> str:
    return reverse("document", args=[cast.acme.slug, document.pk])


def config(response) -> dict:
    return json.loads(re.search(r'<script id="desk-config"[^>]*>(.*?)</script>', response.text, re.S).group(1))


def fields(response) -> dict[str, str]:
    """The hidden fields of the form, as a browser would send them."""
    found = re.findall(r'<input type="hidden" name="(\w+)"[^>]* value="([^"]*)"', response.text)
    return {name: unescape(value) for name, value in found}


def standing(cast, document) -> Annotation:
    with tenant_scope(cast.acme):
        return Annotation.objects.get(document=document)


def suggest(cast, project, document) -> Suggestion:
    """A live version that suggests something for the document."""
    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, state="succeeded", trigger="manual")
        ModelVersion.objects.create(project=project, run=run, number=1, examples=1, live=True)
        spans = [
            {"start": 0, "end": 3, "label": "PERSON", "score": 0.9},
            {"start": 13, "end": 17, "label": "PLACE", "score": 0.8},
        ]
        relations = [{"head": 0, "tail": 1, "label": "lives_in", "score": 0.7}]
        choices = {"topic": [{"label": "a", "score": 0.6}]}
        prediction = {"spans": spans, "choices": choices, "relations": relations, "uncertainty": 0.5}
        suggestions.record(project, 1, [(document.pk, prediction)])
        return Suggestion.objects.get(document=document)


def test_the_page_brings_the_document_and_asked_again_the_same_one(cast, project, bob):
    add_documents(cast.acme, project, TEXT, "Another.")

    first, again = (config(bob.get(desk(cast, project)))["first"] for _ in range(2))

    assert first["document"]["id"] == again["document"]["id"]
    assert first["suggestion"]["state"] == "no_model"
    with tenant_scope(cast.acme):
        assert Claim.objects.count() == 1


def test_the_page_takes_as_many_queries_for_many_labels_as_for_few(cast, bob):
    def queries(count: int) -> int:
        names = [f"L{i}" for i in range(count)]
        asked = {"spans": names, "questions": [{"name": "q", "choices": names}], "check_share": 0}
        project = make_project(cast.acme, name=f"P{count}", **asked)
        address = page(cast, add_documents(cast.acme, project, TEXT)[0])
        bob.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert bob.get(address).status_code == 200
        return len(captured)

    assert queries(40) == queries(2)


def test_what_a_label_means_stands_once_on_the_page_as_it_reads(cast, project, document, bob):
    with tenant_scope(cast.acme):
        labels.change(Label.objects.get(name="PERSON"), {"definition": "**People** <b>by</b> name."}, actor=None)
        told = Label.objects.get(name="PERSON").pk

    shown = bob.get(page(cast, document)).text

    assert shown.count("<strong>People</strong>") == 1
    assert "**People**" not in shown
    assert "<b>by</b>" not in shown
    assert shown.count(f'id="def-{told}"') == shown.count(f'aria-describedby="def-{told}"') == 1


def test_nothing_left_is_said_with_its_reason(cast, project, bob):
    response = bob.get(desk(cast, project))

    assert config(response)["reason"] == "empty"
    assert "There are no documents here yet" in response.text


def test_words_choices_and_a_comment_are_an_answer(cast, project, document, bob):
    sent = fields(bob.get(page(cast, document))) | {
        "words": ["Ada", "Oslo", "Oslo", ""],
        "label": ["PERSON", "PLACE", "PLACE", "PERSON"],
        "choice-topic": "b",
        "choice-tone": ["", "x", "y"],
        "comment": "One\r\ntwo",
        "flag": "help",
        "act": "part",
    }

    response = bob.post(page(cast, document), sent)

    assert (response.status_code, response.url) == (302, desk(cast, project))
    answer = standing(cast, document)
    assert answer.answer["spans"] == [
        {"start": 0, "end": 3, "label": "PERSON"},
        {"start": 13, "end": 17, "label": "PLACE"},
        {"start": 29, "end": 33, "label": "PLACE"},
    ]
    assert answer.answer["classes"] == {"topic": ["b"], "tone": ["x", "y"]}
    assert (answer.state, answer.complete, answer.comment, answer.flag) == ("submitted", False, "One\ntwo", "help")


def test_what_stands_can_be_unticked(cast, document, bob):
    spans = [{"start": 0, "end": 3, "label": "PERSON"}, {"start": 13, "end": 17, "label": "PLACE"}]
    answer = {"spans": spans, "relations": [{"head": 0, "tail": 1, "label": "lives_in"}]}
    with tenant_scope(cast.acme):
        review.annotate(document, cast.bob, Submission(uuid4(), 0, answer))
    shown = bob.get(page(cast, document))
    assert "Ada → Oslo" in shown.text
    kept = {"span": '[0,3,"PERSON"]', "relation": '[[0,3,"PERSON"],[13,17,"PLACE"],"lives_in"]'}

    bob.post(page(cast, document), fields(shown) | kept | {"act": "done"})

    stands = standing(cast, document)
    assert stands.revision == 2
    assert stands.answer["spans"] == spans[:1]
    assert stands.answer["relations"] == [], "a relation goes with its span"


def finishing(cast, rule: str) -> None:
    """What finishing does to suggestions that nobody decided on."""
    with tenant_scope(cast.acme):
        Project.objects.update(pending_suggestions=rule)


def verdicts(cast) -> dict[str, str]:
    with tenant_scope(cast.acme):
        return dict(Decision.objects.values_list("item", "verdict"))


@pytest.mark.parametrize("rule", ["reject", "leave"])
def test_suggestions_that_are_ticked_are_accepted_and_with_the_rest_it_is_done_by_the_rule(
    cast, project, document, bob, rule
):
    finishing(cast, rule)
    suggestion = suggest(cast, project, document)
    shown = bob.get(page(cast, document))
    assert "Ada → Oslo" in shown.text
    assert fields(shown)["suggestion"] == str(suggestion.pk)
    assert {"reject": "Done rejects those", "leave": "Done leaves those alone"}[rule] in shown.text

    bob.post(page(cast, document), fields(shown) | {"accept": ["s0", "r0"], "choice-topic": "a", "act": "done"})

    assert standing(cast, document).answer["spans"] == [{"start": 0, "end": 3, "label": "PERSON"}]
    assert verdicts(cast) == {"s0": "accept", "s1": rule, "c0": "accept", "r0": rule}


def test_where_the_rule_is_to_ask_the_form_asks(cast, project, document, bob):
    finishing(cast, "ask")
    suggest(cast, project, document)
    sent = fields(bob.get(page(cast, document))) | {"accept": ["s0"], "choice-topic": "a", "act": "done"}

    asked = bob.post(page(cast, document), sent)

    assert asked.status_code == 422
    assert "Say what becomes of the suggestions that you did not tick." in asked.text
    assert verdicts(cast) == {}
    assert bob.post(page(cast, document), sent | {"undecided": "leave"}).status_code == 302
    assert verdicts(cast) == {"s0": "accept", "s1": "leave", "c0": "accept", "r0": "leave"}


def test_the_form_asks_about_suggested_choices_alone_too(cast, project, document, bob):
    finishing(cast, "ask")
    suggest(cast, project, document)
    spans = {"span": ['[0,3,"PERSON"]', '[13,17,"PLACE"]'], "relation": '[[0,3,"PERSON"],[13,17,"PLACE"],"lives_in"]'}
    sent = fields(bob.get(page(cast, document))) | spans | {"choice-topic": "", "act": "done"}

    asked = bob.post(page(cast, document), sent)

    assert asked.status_code == 422
    assert 'name="undecided"' in asked.text


def test_an_unfinished_form_says_nothing_of_what_was_not_ticked(cast, project, document, bob):
    suggest(cast, project, document)
    sent = fields(bob.get(page(cast, document))) | {"accept": ["s0"], "choice-topic": "", "act": "part"}

    bob.post(page(cast, document), sent)

    assert verdicts(cast) == {"s0": "accept"}


@pytest.mark.parametrize("act", ["part", "done"])
def test_a_form_says_nothing_of_a_question_of_several_with_nothing_ticked(cast, project, document, bob, act):
    """What is not finished would say "none of these" of it; what is says so by itself."""
    sent = fields(bob.get(page(cast, document))) | {"choice-topic": "a", "choice-tone": "", "act": act}

    bob.post(page(cast, document), sent)

    stands = standing(cast, document)
    assert (stands.complete, stands.answer["classes"]) == (act == "done", {"topic": ["a"]})


def test_the_form_goes_on_from_the_verdicts_of_a_draft(cast, project, document, bob):
    finishing(cast, "leave")
    suggestion = suggest(cast, project, document)
    given = {"s0": "accept", "s1": "reject"}
    said = [{"suggestion": suggestion.pk, "item": item, "verdict": word} for item, word in given.items()]
    with tenant_scope(cast.acme):
        spans = [{"start": 0, "end": 3, "label": "PERSON"}]
        review.annotate(document, cast.bob, Submission(uuid4(), 0, {"spans": spans}, state="draft", decisions=said))
    shown = bob.get(page(cast, document))

    bob.post(page(cast, document), fields(shown) | {"span": '[0,3,"PERSON"]', "choice-topic": "", "act": "done"})

    assert verdicts(cast) == {"s0": "accept", "s1": "reject", "c0": "leave", "r0": "leave"}


def test_a_skip_needs_no_answer(cast, document, bob):
    bob.post(page(cast, document), fields(bob.get(page(cast, document))) | {"act": "skip", "comment": "Damaged"})

    answer = standing(cast, document)
    assert (answer.state, answer.comment) == ("skipped", "Damaged")


def test_what_the_scripts_made_is_taken_as_it_is(cast, document, bob):
    answer = {"spans": [{"start": 0, "end": 3, "label": "PERSON"}], "classes": {"topic": ["a"]}, "relations": []}
    sent = fields(bob.get(page(cast, document))) | {"answer": json.dumps(answer), "milliseconds": "1234", "act": "done"}

    bob.post(page(cast, document), sent | {"words": "Oslo", "label": "PLACE", "choice-topic": "b"})
    bob.post(page(cast, document), sent)

    stands = standing(cast, document)
    assert stands.answer == answer
    assert (stands.milliseconds, stands.revision) == (1234, 1), "sent twice, it counts once"


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "[]",
        '{"spans": [1]}',
        '{"spans": [{"start": 0, "end": 99, "label": "PERSON"}], "classes": {}, "relations": []}',
    ],
)
def test_a_broken_answer_is_refused_and_nothing_is_lost_of_the_rest(cast, document, bob, broken):
    sent = fields(bob.get(page(cast, document))) | {"answer": broken, "comment": "kept", "act": "done"}

    response = bob.post(page(cast, document), sent)

    assert response.status_code == 422
    assert "What was sent is broken" in response.text
    assert ">kept</textarea>" in response.text


def test_faults_stand_beside_what_is_wrong_and_what_was_typed_stays(cast, document, bob):
    sent = fields(bob.get(page(cast, document))) | {
        "words": ["Ada lives", "Ada", "Paris"],
        "label": ["PERSON", "PERSON", "PLACE"],
        "choice-topic": "b",
        "act": "done",
    }

    response = bob.post(page(cast, document), sent)
    assert response.status_code == 422
    assert re.search(r'value="Paris".*?These words are not in the text', response.text, re.S)
    assert config(response)["first"]["annotation"]["classes"]["topic"] == ["b"], "with scripts one goes on from it, too"

    response = bob.post(
        page(cast, document), sent | {"words": ["Ada lives", "Ada lives"], "label": ["PERSON", "PLACE"]}
    )
    assert response.status_code == 422
    assert "“Ada lives” PLACE: overlaps another" in response.text


def test_a_form_sent_twice_counts_once_and_one_gone_back_to_and_changed_is_not_dropped(cast, document, bob):
    address = page(cast, document)
    form = fields(bob.get(address)) | {"words": "Ada", "label": "PERSON"}

    assert [bob.post(address, form).status_code for _ in range(2)] == [302, 302]
    assert standing(cast, document).revision == 1
    changed = bob.post(address, form | {"label": "PLACE"})
    assert changed.status_code == 409
    assert "answered this document elsewhere" in changed.text
    bob.post(address, fields(changed) | {"span": '[0,3,"PLACE"]', "act": "done"})

    answer = standing(cast, document)
    assert (answer.revision, [span["label"] for span in answer.answer["spans"]]) == (2, ["PLACE"])


def test_a_document_answered_elsewhere_is_not_overwritten_unseen(cast, document, bob):
    sent = fields(bob.get(page(cast, document))) | {"words": "Ada", "label": "PERSON", "act": "done"}
    with tenant_scope(cast.acme):
        review.annotate(document, cast.bob, Submission(uuid4(), 0, {}))

    refused = bob.post(page(cast, document), sent)
    assert refused.status_code == 409
    assert "You have answered this document elsewhere meanwhile" in refused.text
    assert standing(cast, document).answer["spans"] == []

    bob.post(page(cast, document), fields(refused) | {"span": '[0,3,"PERSON"]', "act": "done"})
    assert standing(cast, document).answer["spans"] == [{"start": 0, "end": 3, "label": "PERSON"}]
