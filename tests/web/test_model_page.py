"""The model's story: runs as they go, verdicts, versions, and what changed between two of them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotator import labels, review, verdicts
from annotator.models import Annotation, Document, Label, Suggestion
from annotator.tenancy import tenant_scope
from tests.cast import add_documents
from tests.worlds import World
from trainer import celery, pulse, store
from trainer.models import ModelVersion, TrainingRun
from web.views.compare import around


@pytest.fixture
def world(cast):
    return World.make(cast.acme, cast.alice)


@pytest.fixture
def alice(cast) -> Client:
    client = Client()
    client.force_login(cast.alice)
    return client


def words(answer) -> str:
    """The page's words, without markup."""
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def place(world, name: str, number: int | None = None) -> str:
    return reverse(name, args=[world.tenant.slug, world.project.pk if number is None else number])


# --- runs -------------------------------------------------------------------------------------------------------


def test_what_is_under_way_is_told_alone_and_changes_its_key_when_it_ends(world, alice):
    idle = alice.get(place(world, "training")).json()["html"]
    with tenant_scope(world.tenant):
        run = TrainingRun.objects.create(
            project=world.project, state="running", phase="train", step=3, steps=12, heartbeat_at=timezone.now()
        )
    going = alice.get(place(world, "training")).json()["html"]
    with tenant_scope(world.tenant):
        TrainingRun.objects.filter(pk=run.pk).update(state="succeeded")
    over = alice.get(place(world, "training")).json()["html"]

    key = re.compile(r'data-state="([^"]*)"')
    assert "<html" not in going
    assert re.search(r'<progress value="[1-9]\d?" max="100"', going)
    assert "learning" in going
    assert "<section" not in idle + over
    assert len({key.search(text)[1] for text in (idle, going, over)}) == 3


@pytest.mark.parametrize(
    ("sign", "told"),
    [
        (None, "No training worker answers"),
        (b'{"stalled": true}', "No training worker answers"),  # it lives, and hears nothing
        (b'{"stalled": false}', "Labelling goes on meanwhile"),
    ],
)
def test_a_run_that_waits_says_whether_a_worker_is_there(world, alice, sign, told):
    key = pulse.PULSE_KEY.format("train")
    if sign:
        celery.client().set(key, sign)
    with tenant_scope(world.tenant):
        TrainingRun.objects.create(project=world.project, state="queued")

    page = words(alice.get(place(world, "training")))
    celery.client().delete(key)

    assert told in page


def test_a_run_whose_worker_fell_silent_says_so(world, alice):
    with tenant_scope(world.tenant):
        long_ago = timezone.now() - timedelta(minutes=2)
        TrainingRun.objects.create(project=world.project, state="running", heartbeat_at=long_ago, started_at=long_ago)

    told = alice.get(place(world, "training")).json()["html"]

    assert "fallen silent" in told
    assert "for 2\xa0minutes" in told


def test_annotators_watch_runs_and_stop_none(world, cast):
    with tenant_scope(world.tenant):
        TrainingRun.objects.create(project=world.project, state="queued")
    bob = Client()
    bob.force_login(cast.bob)

    assert "Cancel" not in bob.get(place(world, "training")).text


# --- versions ---------------------------------------------------------------------------------------------------


def test_going_live_is_confirmed_on_a_page_that_says_what_happens(world, alice):
    with tenant_scope(world.tenant):
        ModelVersion.objects.filter(pk=world.version.pk).update(live=False)
        newer = ModelVersion.objects.create(project=world.project, run=world.run, number=2, examples=9, live=True)

    asked = words(alice.get(place(world, "version-promote", world.version.pk)))
    with tenant_scope(world.tenant):
        assert ModelVersion.objects.get(live=True) == newer
    told = words(alice.post(place(world, "version-promote", world.version.pk), follow=True))

    assert "Roll back to version 1?" in asked
    assert "instead of 2" in asked
    assert "Version 1 is live." in told
    with tenant_scope(world.tenant):
        assert ModelVersion.objects.get(live=True).number == 1


def test_many_versions_are_shown_some_at_a_time(world, alice):
    with tenant_scope(world.tenant):
        for number in range(2, 31):
            ModelVersion.objects.create(project=world.project, run=world.run, number=number, examples=number)

    some, everything = alice.get(place(world, "model")).text, alice.get(place(world, "model"), {"all": ""}).text

    assert len(re.findall(r">v\d+</a>", some)) == 13
    assert "18 earlier versions" in some
    assert len(re.findall(r">v\d+</a>", everything)) == 31


# --- verdicts ---------------------------------------------------------------------------------------------------


def test_verdicts_are_told_by_day_and_label_by_label(world, alice, cast):
    (fresh,) = add_documents(world.tenant, world.project, "Ann lives in Oslo.")
    with tenant_scope(world.tenant):
        found = Suggestion.objects.get(document=world.document)
        suggestion = Suggestion.objects.create(
            project=world.project, document=fresh, version=1, items=found.items, uncertainty=0.1
        )
        said = [
            {"suggestion": suggestion.pk, "item": "s0", "verdict": "reject"},
            {"suggestion": suggestion.pk, "item": "c0", "verdict": "leave"},
        ]
        review.annotate(fresh, cast.bob, review.Submission(uuid4(), 0, {}, decisions=said))

        ((_day, counts),), weekly = verdicts.over_time(world.project)
        of = {one.name: one.counts for one in verdicts.by_label(world.project)}

    assert not weekly
    assert (counts.accept, counts.reject, counts.leave, counts.decided) == (1, 1, 1, 3)
    assert (of["PERSON"].accept, of["PERSON"].reject, of["PERSON"].rate) == (1, 1, 0.5)
    assert of["praise"].leave == 1
    assert "PERSON 50 1 0 1 0" in words(alice.get(place(world, "model")))

    with tenant_scope(world.tenant):
        labels.rename(Label.objects.get(name="PERSON"), "HUMAN", actor=None)
    assert "HUMAN 50 1 0 1 0" in words(alice.get(place(world, "model")))


# --- what changed -----------------------------------------------------------------------------------------------


def published(world, tmp_path, number: int, **answers) -> ModelVersion:
    """A version whose answers to held-out documents are these, by external id."""
    export = tmp_path / str(number)
    export.mkdir()
    lines = [json.dumps({"id": key, "classes": {}, "relations": [], **answer}) for key, answer in answers.items()]
    (export / store.HELD_OUT).write_text("\n".join(lines))
    target = store.version_dir(world.tenant.pk, world.project.pk, number)
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = store.publish(export, target)
    with tenant_scope(world.tenant):
        return ModelVersion.objects.create(
            project=world.project, run=world.run, number=number, examples=9, manifest_sha256=digest
        )


def span(start: int, end: int, label: str) -> dict:
    return {"start": start, "end": end, "label": label}


def test_what_changed_between_two_versions_document_by_document(world, alice, tmp_path):
    published(world, tmp_path, 11, d0={"spans": [span(0, 3, "PLACE")]}, d1={"spans": []}, gone={"spans": []})
    published(
        world,
        tmp_path,
        12,
        d0={"spans": [span(0, 3, "PERSON")]},
        d1={"spans": [span(13, 17, "PLACE")]},
        new={"spans": []},
    )

    page = alice.get(place(world, "compare"), {"before": 11, "after": 12})
    told = words(page)

    assert "Both were asked about 2 held-out documents; their answers differ in 2." in told
    # d0 was annotated with PERSON at 0–3; nobody has answered d1.
    assert re.search(r"d0 ↔ changed Ann lives in Oslo\. PLACE ✗ wrong → PERSON ✓ right", told)
    assert re.search(r"d1 \+ gained Bob lives in Rome *\. PLACE (?!✓)", told)
    assert reverse("document", args=[world.tenant.slug, world.document.pk]) in page.text
    only = words(alice.get(place(world, "compare"), {"before": 11, "after": 12, "label": "PERSON"}))
    assert "d0" in only
    assert "gained" not in only


def test_versions_whose_answers_were_not_kept_say_so(world, alice, tmp_path):
    published(world, tmp_path, 11, d0={"spans": []})

    assert "Version 1 has no answers" in words(alice.get(place(world, "compare"), {"before": 1, "after": 11}))
    for nonsense in ({}, {"before": "x"}, {"before": "11", "after": "99"}, {"before": "9" * 30, "after": "1"}):
        assert alice.get(place(world, "compare"), nonsense).status_code == 200


def test_many_changes_go_by_pages(world, alice, tmp_path):
    with tenant_scope(world.tenant):
        assert Document.objects.count() == 2
    added = add_documents(world.tenant, world.project, *(f"Bob lives in Rome, {n}." for n in range(43)))
    keys = [document.external_id for document in added]
    published(world, tmp_path, 11, **{key: {"spans": []} for key in keys})
    published(world, tmp_path, 12, **{key: {"spans": [span(0, 3, "PERSON")]} for key in keys})

    first = alice.get(place(world, "compare"), {"before": 11, "after": 12}).text
    last = alice.get(place(world, "compare") + "?before=11&after=12&from=40").text

    assert first.count('class="gained"') == 20
    assert "from=20" in first
    assert last.count('class="gained"') == 3
    assert "Next page" not in last


# --- the overview -----------------------------------------------------------------------------------------------


def test_the_overview_tells_a_manager_what_waits(world, alice, cast):
    quiet = words(alice.get(place(world, "project")))
    with tenant_scope(world.tenant):
        Annotation.objects.filter(document=world.document).update(flag="help")
        TrainingRun.objects.create(project=world.project, state="failed", reason="The disk is full.")
    told = words(alice.get(place(world, "project")))
    bob = Client()
    bob.force_login(cast.bob)

    assert "Needs you now" not in quiet
    assert "Somebody asks for help with 1 document" in told
    assert "The last training run failed The disk is full." in told
    assert "Needs you now" not in words(bob.get(place(world, "project")))


def test_people_who_differ_are_told_of_where_several_answer(world, alice, cast):
    with tenant_scope(world.tenant):
        world.project.annotators_per_document = 2
        world.project.save()
        review.annotate(world.document, cast.bob, review.Submission(uuid4(), 0, {}))

    assert "People answered 1 document differently" in words(alice.get(place(world, "project")))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("Dear ", " lives.", ("Dear ", " lives.")),
        ("I bought the lamp that is called Anchor Plus. The voucher for ", " was not taken off when I paid for it.",
         ("…Anchor Plus. The voucher for ", " was not taken off when I…")),
        ("x" * 40, "y" * 40, ("…" + "x" * 30, "y" * 30 + "…")),
    ],
)  # fmt: skip
def test_what_stands_around_a_change_is_not_cut_within_words(before, after, told):
    assert around(f"{before}Ann{after}", len(before), len(before) + 3) == told
