"""How far a project is: answers given of those wanted; what was imported is nobody's work; each sees their own."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from annotator import attention, pace, queue, review, stats
from annotator.finding import search
from annotator.importing.store import Row, store_rows
from annotator.models import Annotation, AnnotationRevision, Document, User
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project

ANN = {"spans": [{"start": 0, "end": 3, "label": "PERSON"}], "classes": {}, "relations": []}


def answer(document, user, *, state="submitted", revision=0):
    review.annotate(document, user, review.Submission(uuid4(), revision, ANN, state=state))


def import_answers(project, user, *texts):
    rows = [
        Row(line=i, external_id=f"i{i}", text=text, meta={}, answer=ANN, complete=True) for i, text in enumerate(texts)
    ]
    store_rows(project, rows, user=user)
    return list(Document.objects.filter(project=project, external_id__startswith="i").order_by("pk"))


def counted(project):
    found = stats.work(project)
    counts = {name: found[name] for name in ("documents", "done", "wanted", "given")}
    return counts | {"imported": stats.imported(project)}


def test_two_people_a_document_half_done_reads_half_done(cast):
    project = make_project(cast.acme, annotators_per_document=2, check_share=0)
    one, two, _ = add_documents(cast.acme, project, "Ann one", "Ann two", "Ann three")

    with tenant_scope(cast.acme):
        answer(one, cast.bob)
        answer(one, cast.alice)
        answer(two, cast.bob)
        answer(two, cast.alice, state="skipped")

        assert counted(project) == {"documents": 3, "done": 1, "wanted": 6, "given": 3, "imported": 0}
        assert stats.overview()[project.pk] == {"documents": 3, "wanted": 6, "given": 3}
        assert stats.given(project) == {"wanted": 6, "given": 3}
        assert stats.work(project)["splits"]["pool"] == {
            "documents": 3, "done": 1, "open": 2, "wanted": 6, "given": 3,
        }  # fmt: skip


@pytest.mark.parametrize("wanted", [1, 2])
def test_answers_beyond_what_a_document_wants_count_for_no_other(cast, wanted):
    project = make_project(cast.acme, annotators_per_document=wanted)
    one, _ = add_documents(cast.acme, project, "Ann one", "Ann two")

    with tenant_scope(cast.acme):
        for user in (cast.alice, cast.bob, User.objects.create_user("dora")):
            answer(one, user)

        assert counted(project) == {
            "documents": 2, "done": 1, "wanted": 2 * wanted, "given": wanted, "imported": 0,
        }  # fmt: skip


def test_with_more_people_a_document_what_was_done_is_half_done(cast):
    project = make_project(cast.acme)
    one, _ = add_documents(cast.acme, project, "Ann one", "Ann two")

    with tenant_scope(cast.acme):
        answer(one, cast.bob)
        done = search.Filters(state="done")
        assert [row.external_id for row in search.page(project, done).rows] == ["d0"]
        project.annotators_per_document = 2
        project.save()

        assert counted(project) == {"documents": 2, "done": 0, "wanted": 4, "given": 1, "imported": 0}
        assert search.page(project, done).rows == []
        (row, _) = search.page(project, search.Filters()).rows
        assert (row.done, row.answers, row.wanted) == (False, 1, 2)


def test_what_was_imported_counts_as_done_and_as_nobodys_work(cast):
    project = make_project(cast.acme)
    with tenant_scope(cast.acme):
        documents = import_answers(project, cast.alice, "Ann one", "Ann two", "Ann three")
        (mine,) = add_documents(cast.acme, project, "Ann four")
        answer(mine, cast.bob)

        assert counted(project) == {"documents": 4, "done": 4, "wanted": 4, "given": 4, "imported": 3}
        assert stats.own(project, cast.alice) == {"today": 0, "all": 0}
        assert stats.own(project, cast.bob) == {"today": 1, "all": 1}
        people = {one["username"]: one for one in stats.progress(project)["annotators"]}
        assert (people["alice"]["submitted"], people["alice"]["imported"]) == (0, 3)
        alice, bob = pace.people(project)
        assert (alice.counts["submitted"], alice.counts["imported"], sum(alice.days)) == (0, 3, 0)
        assert (bob.counts["submitted"], bob.days[-1]) == (1, 1)
        assert list(pace.labels(project).values()) == [{"bob": 1}]
        assert [one.username for one in attention.recent(project)] == ["bob"]

        answer(documents[0], cast.alice, revision=1)

        assert counted(project)["imported"] == 2, "settled anew it is the work of who did"
        assert stats.own(project, cast.alice) == {"today": 1, "all": 1}
        assert [one.imported for one in AnnotationRevision.objects.filter(annotation__document=documents[0])] == [
            True, False,
        ]  # fmt: skip


def test_one_sees_what_one_has_done_today_and_in_all(cast):
    project = make_project(cast.acme)
    documents = add_documents(cast.acme, project, "Ann one", "Ann two", "Ann three")

    with tenant_scope(cast.acme):
        for document in documents[:2]:
            answer(document, cast.bob)
        answer(documents[2], cast.bob, state="skipped")
        Annotation.objects.filter(document=documents[0]).update(updated_at=timezone.now() - timedelta(days=1))

        assert stats.own(project, cast.bob) == {"today": 1, "all": 2}
        assert stats.own(project, cast.alice) == {"today": 0, "all": 0}


def test_an_old_install_gives_places_of_skips_back_and_knows_what_was_imported(cast):
    project = make_project(cast.acme)
    skipped, answered, held = add_documents(cast.acme, project, "one", "two", "three")
    with tenant_scope(cast.acme):
        for document in (skipped, answered, held):
            answer(document, cast.bob, state="skipped")
        answer(answered, cast.alice)
        assert queue.claim_next(project, cast.alice, besides=[skipped.pk]).document == held
        Document.objects.update(free_slots=0)
        kept, changed = import_answers(project, cast.alice, "Ann one", "Ann two")
        answer(changed, cast.alice, revision=1)
        Annotation.objects.update(imported=False)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")  # as a migration: who made the tables

        migration = import_module("annotator.migrations.0012_work_counted")
        migration.settle_what_is_there(apps, SimpleNamespace(connection=connection))
        cursor.execute("SET LOCAL ROLE marginalia_app")

    with tenant_scope(cast.acme):
        slots = dict(Document.objects.values_list("pk", "free_slots"))
        assert slots == {skipped.pk: 1, answered.pk: 0, held.pk: 0, kept.pk: 0, changed.pk: 0}
        assert [one.document_id for one in Annotation.objects.filter(imported=True)] == [kept.pk]
        imported = AnnotationRevision.objects.filter(imported=True)
        assert set(imported.values_list("annotation__document", "revision")) == {(kept.pk, 1), (changed.pk, 1)}
