"""What documents are called, and where lists of them lead."""

from __future__ import annotations

import hashlib
import re
from uuid import uuid4

import pytest
from django.urls import reverse

from annotator import review, titles
from annotator.importing.store import Row, store_rows
from annotator.models import Document
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project, signed_in
from tests.web.api_client import Api

LONG = "Dear all,\nthe parcel of last week came without the second book, and nobody answers the telephone."
CALLED = "Dear all, the parcel of last week came without…"


@pytest.fixture
def project(cast):
    return make_project(cast.acme, annotators_per_document=2, check_share=0)


def without_id(cast, project, text) -> Document:
    with tenant_scope(cast.acme):
        store_rows(project, [Row(line=1, external_id=None, text=text, meta={}, answer=None, complete=True)])
        return Document.objects.get(project=project, external_id=hashlib.sha256(text.encode()).hexdigest())


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.text))


@pytest.mark.parametrize(
    ("text", "called"),
    [
        (LONG, CALLED),
        ("Short.", "Short."),
        ("  two\n\nlines ", "two lines"),
        ("字" * 60, "字" * (titles.LONGEST - 1) + "…"),
        (
            "Four of these words have letters for a title of 48 characters",
            "Four of these words have letters for a title of…",
        ),
        ("A parcel of last week did not come to Oslo. Nobody knows.", "A parcel of last week did not come to Oslo…"),
        (" \n", "36a9e7f1c95b"),
    ],
)
def test_a_document_without_an_id_is_called_by_its_first_words(text, called):
    sha256 = hashlib.sha256(text.encode()).hexdigest() if text.strip() else "36a9e7f1c95b82ffb99743e0c5c4ce95"

    assert titles.title(sha256, sha256, text) == called
    assert titles.title("mail-7", sha256, text) == "mail-7"
    assert titles.title("\u200b \u3164", sha256, text) == called


def test_no_page_calls_a_document_by_a_hash(cast, project):
    document = without_id(cast, project, LONG)
    span = {"spans": [{"start": 0, "end": 4, "label": "PERSON"}]}
    (skipped,) = [without_id(cast, project, "Nobody can say what this is about, and so it is skipped by all.")]
    held_out = without_id(cast, project, f"{LONG} Held out.")
    with tenant_scope(cast.acme):
        Document.objects.filter(pk=held_out.pk).update(split=Document.Split.CHECK)
        review.annotate(document, cast.bob, review.Submission(uuid4(), 0, span))
        review.annotate(document, cast.alice, review.Submission(uuid4(), 0, {}))
        review.annotate(held_out, cast.alice, review.Submission(uuid4(), 0, {}, state="draft"))
        review.annotate(skipped, cast.bob, review.Submission(uuid4(), 0, {}, state="skipped"))
    alice, slug = signed_in(cast.alice), cast.acme.slug

    pages = [alice.get(reverse(name, args=[slug, project.pk])) for name in ("project", "documents", "pace", "skipped")]
    pages += [alice.get(reverse(name, args=[slug, document.pk])) for name in ("document-answers", "document")]
    pages += [alice.get(reverse("document-answers", args=[slug, held_out.pk]))]
    pages += [alice.get(reverse("document-delete", args=[slug, document.pk]))]

    for page in pages:
        shown = re.sub(r'<script[^>]*id="desk-config".*?</script>', "", page.text, flags=re.DOTALL)
        assert document.sha256[:12] not in shown
        assert skipped.sha256[:12] not in shown
        assert held_out.sha256[:12] not in shown
    for page in (pages[0], pages[1], pages[2], pages[4], pages[5], pages[7]):
        assert CALLED in words(page)
    assert "You are answering this document" in words(pages[6])
    assert "Nobody can say what this is about, and so it is…" in words(pages[3])


def test_lists_do_not_say_the_words_of_a_title_twice(cast, project):
    without_id(cast, project, LONG)
    without_id(cast, project, "Short parcel.")
    without_id(cast, project, "A title of which whole words are left out, and then " + "very " * 50 + "long.")
    add_documents(cast.acme, project, "The parcel of Ann.")
    alice = signed_in(cast.alice)
    path = reverse("documents", args=[cast.acme.slug, project.pk])

    shown, found, deep = (alice.get(path, {"q": q} if q else {}).text for q in ("", "parcel", "telephone"))

    assert "Dear all, the parcel of last week came without… …the second book" in words_of_list(shown)
    assert words_of_list(shown).count("Short parcel.") == 1
    assert "d3 The parcel of Ann." in words_of_list(shown)
    assert re.search(r"whole words are left out, and… …then (very )+… 307 characters", words_of_list(shown))
    assert found.count("<mark>parcel</mark>") == 3
    assert "came without… …the second book, and nobody answers the telephone ." in words_of_list(deep)


def words_of_list(page: str) -> str:
    (listed,) = re.findall(r'<ol class="found">.*</ol>', page, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", listed))


def test_the_list_of_skipped_documents_does_not_say_a_title_twice(cast, project):
    document = without_id(cast, project, LONG)
    with tenant_scope(cast.acme):
        review.annotate(document, cast.bob, review.Submission(uuid4(), 0, {}, state="skipped"))

    page = signed_in(cast.alice).get(reverse("skipped", args=[cast.acme.slug, project.pk])).text

    assert words_of_list(page).count("Dear all") == 1 + page.count('sr"> Dear all')
    assert "…the second book, and nobody answers the telephone." in words_of_list(page)


def test_the_api_has_the_name_beside_the_id(cast, project):
    document = without_id(cast, project, LONG)
    with tenant_scope(cast.acme):
        review.annotate(document, cast.bob, review.Submission(uuid4(), 0, {}))
    api = Api(cast.acme, cast.bob)

    for item in (
        api.get(f"/documents/{document.pk}").json(),
        api.get(f"/projects/{project.pk}/documents").json()["items"][0],
        api.get(f"/projects/{project.pk}/mine").json()["items"][0],
    ):
        assert (item["external_id"], item["title"]) == (document.sha256, CALLED)


def test_lists_lead_to_the_answers_for_who_may_see_them_and_to_their_own_for_others(cast, project):
    (document,) = add_documents(cast.acme, project, "Ann lives in Oslo.")
    span = {"spans": [{"start": 0, "end": 3, "label": "PERSON"}]}
    with tenant_scope(cast.acme):
        review.annotate(document, cast.bob, review.Submission(uuid4(), 0, span))
        review.annotate(document, cast.alice, review.Submission(uuid4(), 0, {}))
    slug = cast.acme.slug
    to_answers, to_desk = (reverse(name, args=[slug, document.pk]) for name in ("document-answers", "document"))

    for name in ("project", "pace", "documents"):
        page = signed_in(cast.alice).get(reverse(name, args=[slug, project.pk])).text
        assert f'href="{to_answers}"' in page, name
        assert f'href="{to_desk}"' not in page, name
    assert f'href="{to_desk}"' in signed_in(cast.bob).get(reverse("documents", args=[slug, project.pk])).text
