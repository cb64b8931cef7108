"""Held-out documents: who labels learns neither what others and models say of them, nor which documents they are."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.urls import reverse

from annotator import queue, review, suggestions, tokens
from annotator.models import Claim, Document, Membership, Role, Suggestion, User
from annotator.tenancy import tenant_scope
from tests.addresses import call, cases
from tests.cast import add_documents, make_project, signed_in
from tests.web.api_client import Api
from tests.worlds import World
from trainer import store
from trainer.models import ModelVersion

# What others said, and what models say, of the held-out document.
COMMENT, SUGGESTED, COMPARED = "zq-others-comment", "ZQ-SUGGESTED", "ZQ-COMPARED"
TEXT = "Ann met Bob in Oslo."


@pytest.fixture
def world(cast) -> World:
    return World.make(cast.acme, cast.alice)


@pytest.fixture
def rex(cast) -> User:
    """A reviewer."""
    user = User.objects.create_user("rex" + uuid4().hex[:6])
    Membership.objects.create(tenant=cast.acme, user=user, role=Role.REVIEWER)
    return user


@pytest.fixture
def text(cast, world) -> Document:
    """A document that nobody has answered, and of which no model has said anything."""
    return add_documents(cast.acme, world.project, TEXT)[0]


def hold_out(document: Document, *, others: User) -> Document:
    """Hold a document out that others have answered, and models know."""
    with tenant_scope(document.tenant):
        Document.objects.filter(pk=document.pk).update(split="check")
        document.refresh_from_db()
        spans = [{"start": 0, "end": 3, "label": "PERSON"}]
        own = review.current(document, others)
        sent = review.Submission(uuid4(), own.revision if own else 0, {"spans": spans}, comment=COMMENT, flag="help")
        review.annotate(document, others, sent)
        item = {"id": "s0", "kind": "span", "start": 0, "end": 3, "label": SUGGESTED, "score": 0.9}
        Suggestion.objects.create(project=document.project, document=document, version=1, items=[item], uncertainty=0.9)
        return document


def published(world: World, tmp_path, number: int, external_id: str, *spans: dict) -> ModelVersion:
    """A version that answered the held-out document so."""
    export = tmp_path / str(number)
    export.mkdir()
    answer = {"id": external_id, "classes": {}, "relations": [], "spans": list(spans)}
    (export / store.HELD_OUT).write_text(json.dumps(answer))
    target = store.version_dir(world.tenant.pk, world.project.pk, number)
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = store.publish(export, target)
    with tenant_scope(world.tenant):
        return ModelVersion.objects.create(
            project=world.project, run=world.run, number=number, examples=9, manifest_sha256=digest
        )


def compare_page(client, world: World):
    place = reverse("compare", args=[world.tenant.slug, world.project.pk])
    return client.get(place, {"before": 11, "after": 12})


def content(response) -> str:
    return response.getvalue().decode() if response.streaming else response.content.decode()


def test_nothing_of_held_out_documents_comes_to_an_annotator_by_any_address(cast, world, text, tmp_path):
    document = hold_out(text, others=cast.alice)
    published(world, tmp_path, 11, document.external_id)
    published(world, tmp_path, 12, document.external_id, {"start": 0, "end": 3, "label": COMPARED})
    token_id = world.token_id
    with tenant_scope(cast.acme):
        _, secret = tokens.issue(cast.bob)
        Claim.objects.create(
            project=world.project, document=document, annotator=cast.bob, expires_at=world.claim.expires_at
        )
        lease = Claim.objects.get(annotator=cast.bob)
    of_hand = {"claim": lease, "manager": world.manager, "token_id": token_id}
    ids = SimpleNamespace(**(vars(world) | of_hand))
    walked = 0

    for method, route, body, name in cases():
        for who in ({"session": cast.bob}, {"secret": secret}):
            told = content(call(method, route, body, tenant=cast.acme, ids=ids, **who))
            walked += 1
            for sentinel in (COMMENT, SUGGESTED, COMPARED):
                assert sentinel not in told, f"{method} {route} ({name}) tells {sentinel}"
            if name != "openapi-json":
                assert '"split"' not in told, f"{method} {route} ({name}) tells the split"
                assert '"blind"' not in told, f"{method} {route} ({name}) tells that it is held out"
                assert not re.search(r':\s*"check"', told), f"{method} {route} ({name}) tells that it is held out"

    assert walked > 100
    assert COMMENT in signed_in(cast.alice).get(reverse("document-answers", args=[cast.acme.slug, document.pk])).text


def test_two_documents_of_which_one_is_held_out_look_alike(cast, world):
    text = "Eve sings."  # words that the dictionary doesn't know: it is silent in both, as the model will be
    held_out, other = add_documents(cast.acme, world.project, text, text + "\n")
    with tenant_scope(cast.acme):
        Document.objects.filter(pk=held_out.pk).update(split="check")
        Document.objects.filter(pk=other.pk).update(priority=0.3, text=text)
        for document in (held_out, other):
            Claim.objects.create(
                project=world.project, document=document, annotator=cast.bob, expires_at=world.claim.expires_at
            )
            review.annotate(document, cast.bob, review.Submission(uuid4(), 0, {}, state="draft"))
    api, browser = Api(cast.acme, cast.bob), signed_in(cast.bob)

    def seen(document: Document) -> list[str]:
        told = [
            json.dumps(api.get(f"/documents/{document.pk}{part}").json(), sort_keys=True)
            for part in ("", "/annotation", "/suggestions", "/annotations")
        ]
        rows = api.get(f"/projects/{world.project.pk}/documents").json()["items"]
        told.append(json.dumps(next(row for row in rows if row["id"] == document.pk)))
        listed = browser.get(reverse("documents", args=[cast.acme.slug, world.project.pk])).text
        told.append(next(row for row in re.findall(r"<li>.*?</li>", listed, re.DOTALL) if f'{document.pk}"' in row))
        page = browser.get(reverse("document", args=[cast.acme.slug, document.pk])).text
        config = re.search(r'id="desk-config"[^>]*>(.*?)</script>', page, re.DOTALL).group(1)
        told.append(json.dumps(json.loads(config)["first"]))
        own = rf"(?<![\w-])(?:{document.pk}|{document.external_id})(?![\w-])"
        chance = r"[0-9a-f]{64}|[0-9a-f-]{36}|20\d\d-[^\"]+"
        return [re.sub(f"{own}|{chance}", "…", one) for one in told]

    def state(document: Document) -> str:
        return api.get(f"/documents/{document.pk}/suggestions").json()["state"]

    for told in ("pending", "ready"):
        assert state(held_out) == state(other) == told
        for one, another in zip(seen(held_out), seen(other), strict=True):
            assert one == another
        with tenant_scope(cast.acme):  # a worker looks, when it is asked
            suggestions.record(world.project, 1, [(held_out.pk, suggestions.NOTHING), (other.pk, suggestions.NOTHING)])


def test_a_document_that_is_held_out_is_asked_about_like_any_other(cast, world):
    held_out, other = add_documents(cast.acme, world.project, TEXT, TEXT + "\n")
    with tenant_scope(cast.acme):
        Document.objects.filter(pk=held_out.pk).update(split="check")

        assert {held_out.pk, other.pk} <= set(queue.head(world.project, 100))


def test_that_somebody_had_it_open_is_no_word_of_a_model(cast, world, text):
    document = hold_out(text, others=cast.alice)
    with tenant_scope(cast.acme):
        ModelVersion.objects.create(project=world.project, run=world.run, number=2, examples=1)
        suggestions.record(world.project, 2, [(document.pk, suggestions.NOTHING)])

    page = signed_in(cast.alice).get(reverse("document-answers", args=[cast.acme.slug, document.pk])).text

    assert SUGGESTED in page
    assert ">v2<" not in page


@pytest.mark.parametrize("asked", [{"split": "check"}, {"split": "pool"}, {"uncertain": 0.1}, {"sort": "uncertain"}])
def test_an_annotator_cannot_ask_which_documents_are_held_out(cast, world, text, asked):
    hold_out(text, others=cast.alice)
    page = reverse("documents", args=[cast.acme.slug, world.project.pk])

    assert Api(cast.acme, cast.bob).get(f"/projects/{world.project.pk}/documents", **asked).status_code == 403
    mine = signed_in(cast.bob).get(page, asked).text.partition("<main")[2]
    assert mine == signed_in(cast.bob).get(page).text.partition("<main")[2]
    assert "eld out" not in mine
    assert Api(cast.acme, cast.alice).get(f"/projects/{world.project.pk}/documents", **asked).status_code == 200


def test_numbers_by_split_are_for_reviewers(cast, world, rex):
    stats = f"/projects/{world.project.pk}/stats"
    overview = reverse("project", args=[cast.acme.slug, world.project.pk])

    assert "splits" not in Api(cast.acme, cast.bob).get(stats).json()
    assert "splits" in Api(cast.acme, rex).get(stats).json()
    assert "Held out" not in signed_in(cast.bob).get(overview).text
    assert "Held out" in signed_in(rex).get(overview).text


def test_who_has_a_held_out_document_at_hand_is_shown_nothing_whatever_their_role(cast, world, rex):
    project = make_project(cast.acme, name="Two each", annotators_per_document=2, check_share=0.5)
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        ModelVersion.objects.create(project=project, run=world.run, number=1, examples=1)
        document = hold_out(document, others=cast.alice)
        assert queue.claim_next(project, rex).document == document
    api, browser = Api(cast.acme, rex), signed_in(rex)
    answers = reverse("document-answers", args=[cast.acme.slug, document.pk])

    refused = api.get(f"/documents/{document.pk}/annotations")
    page = browser.get(answers).text
    (row,) = api.get(f"/projects/{project.pk}/documents").json()["items"]
    listed = browser.get(reverse("documents", args=[cast.acme.slug, project.pk])).text
    by_label = {"label": "span:PERSON"}
    found = browser.get(reverse("documents", args=[cast.acme.slug, project.pk]), by_label).text.partition("<main")[2]

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "answering")
    assert "You are answering this document" in page
    assert COMMENT not in page
    assert (row["split"], row["facets"]) == ("check", ["state:submitted"])
    assert "help asked for" not in listed
    assert document.external_id not in found
    assert api.get(f"/projects/{project.pk}/documents", **by_label).json()["items"] == []
    assert api.get(f"/documents/{document.pk}/suggestions").json()["suggestion"] is None
    api.put(f"/documents/{document.pk}/annotation", {"submit_id": str(uuid4())})
    assert COMMENT in browser.get(answers).text
    assert len(api.get(f"/documents/{document.pk}/annotations").json()["items"]) == 2


def test_what_a_model_says_of_a_held_out_document_is_told_only_to_who_has_answered_it(cast, world, text, rex):
    document = hold_out(text, others=cast.alice)
    page = reverse("document-answers", args=[cast.acme.slug, document.pk])

    mine, of_rex = signed_in(cast.alice).get(page).text, signed_in(rex).get(page).text

    assert SUGGESTED in mine
    assert COMMENT in of_rex
    assert SUGGESTED not in of_rex


def test_a_comparison_leaves_out_what_one_may_still_have_to_answer(cast, world, text, rex, tmp_path):
    document = hold_out(text, others=cast.alice)
    published(world, tmp_path, 11, document.external_id)
    published(world, tmp_path, 12, document.external_id, {"start": 0, "end": 3, "label": COMPARED})

    of_bob = compare_page(signed_in(cast.bob), world).text
    assert "their answers differ in 1" in of_bob
    assert COMPARED not in of_bob
    assert document.external_id not in of_bob.partition("<main")[2]
    assert COMPARED in compare_page(signed_in(rex), world).text  # it has its answers: nobody gets it any more
    with tenant_scope(cast.acme):
        Document.objects.filter(pk=document.pk).update(free_slots=1)
    assert "1 document is left out" in compare_page(signed_in(rex), world).text
    assert document.external_id not in compare_page(signed_in(rex), world).text.partition('class="changes"')[2]
    assert document.external_id in compare_page(signed_in(cast.alice), world).text.partition('class="changes"')[2]


def test_the_model_does_not_answer_annotators_about_texts_of_their_own(cast, world, rex):
    with tenant_scope(cast.acme):
        Document.objects.filter(pk=world.document.pk).update(split="check", free_slots=1)
        text = world.document.text
        Claim.objects.create(
            project=world.project, document=world.document, annotator=rex, expires_at=world.claim.expires_at
        )
    path = f"/projects/{world.project.pk}/suggest"

    assert Api(cast.acme, cast.bob).post(path, {"texts": [text]}).status_code == 403
    for alike in (text, "  " + text.upper().replace(" ", "\n")):
        refused = Api(cast.acme, rex).post(path, {"texts": ["another", alike]})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "answering")
    assert Api(cast.acme, cast.alice).post(path, {"texts": [text]}).status_code == 503  # no worker runs here


def test_a_form_that_names_a_suggestion_is_not_shown_it(cast, world, text):
    document = hold_out(text, others=cast.alice)
    with tenant_scope(cast.acme):
        shown = Suggestion.objects.get(document=document)
    page = reverse("document", args=[cast.acme.slug, document.pk])

    sent = signed_in(cast.bob).post(page, {"suggestion": shown.pk, "words": "not there", "label": "PERSON"})

    assert sent.status_code == 422
    assert SUGGESTED not in sent.text
