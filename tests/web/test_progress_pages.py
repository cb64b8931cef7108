"""Progress on pages: half done reads half done, imports are named apart, and everybody sees what they did."""

from __future__ import annotations

import re
from uuid import uuid4

import orjson
import pytest
from django.urls import reverse

from annotator import review
from annotator.importing.store import Row, store_rows
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project, signed_in

ANN = {"spans": [{"start": 0, "end": 3, "label": "PERSON"}], "classes": {}, "relations": []}


@pytest.fixture
def project(cast):
    """Two people a document: d0 has both answers, d1 one; a third document came with an answer."""
    project = make_project(cast.acme, annotators_per_document=2, check_share=0)
    one, two = add_documents(cast.acme, project, "Ann one", "Ann two")
    with tenant_scope(cast.acme):
        for document, user in ((one, cast.alice), (one, cast.bob), (two, cast.bob)):
            review.annotate(document, user, review.Submission(uuid4(), 0, ANN))
        store_rows(
            project,
            [Row(line=1, external_id="i", text="Ann three", meta={}, answer=ANN, complete=True)],
            user=cast.alice,
        )
    return project


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.text))


def at(name, project):
    return reverse(name, args=[project.tenant.slug, project.pk])


def test_the_overview_counts_answers_of_those_wanted_and_ones_own(cast, project):
    by_bob, by_alice = (words(signed_in(user).get(at("project", project))) for user in (cast.bob, cast.alice))

    assert "Labelled 4 of 6 answers" in by_bob
    assert "documents with 2 answers: 1 of 3 · 1 imported" in by_bob
    assert "You 2 today 2 in all" in by_bob
    assert "You 1 today 1 in all" in by_alice, "what she imported is not her work"


def test_the_list_of_projects_and_that_of_documents_say_the_same(cast, project):
    alice = signed_in(cast.alice)

    assert "4 of 6 answers" in words(alice.get(reverse("projects", args=[cast.acme.slug])))
    documents = words(alice.get(at("documents", project)))
    assert documents.count("1 of 2 answers") == 2
    assert documents.count(" done ") == 1
    assert "3 documents" in words(alice.get(at("documents", project), {"state": "answered"}))
    assert "1 document " in words(alice.get(at("documents", project), {"state": "done"}))


def test_the_desk_says_how_far_the_project_is_and_how_far_one_is_oneself(cast, project):
    page = signed_in(cast.bob).get(at("desk", project))

    config = orjson.loads(re.search(r'id="desk-config"[^>]*>(.*?)</script>', page.text, re.DOTALL)[1])
    told = {name: config["progress"][name] for name in ("done", "total", "today", "mine")}
    assert told == {"done": 4, "total": 6, "today": 2, "mine": 2}
    assert "You: 2 today, 2 in all" in words(page)
    assert "4 of 6" in words(page)


def test_people_and_pace_and_lately_leave_imports_to_nobody(cast, project):
    alice = signed_in(cast.alice)

    pace, overview = words(alice.get(at("pace", project))), words(alice.get(at("project", project)))

    assert "Imported" in pace
    assert "alice 1 0 0 0 1 1 1" in pace, "labelled, skipped, begun, help, imported, last 7 days, on a working day"
    assert "bob 2 0 0 0 0 2 2" in pace
    assert len(re.findall(r"labelled d\d", overview)) == 3
    assert "labelled i" not in overview
    (imported,) = alice.get(at("documents", project), {"q": "three"}).context["page"].rows
    history = words(alice.get(reverse("document-answers", args=[cast.acme.slug, imported.pk])))
    assert "alice 1 imported" in history
