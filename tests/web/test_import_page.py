"""The page of an import: what it asks before anything goes in, and what it says of files of any kind."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotator import jobs
from annotator.models import Annotation, Document, Job
from annotator.tenancy import tenant_scope
from tests.cast import make_project, signed_in

DOCCANO = {
    "text": "Nordlys hired Ada",
    "entities": [{"start_offset": 0, "end_offset": 7, "label": "X"}],
    "relations": [],
}


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


def upload(cast, project, data: bytes, name: str):
    """Alice sends the form; the answer, and the page that it leads to."""
    client = signed_in(cast.alice)
    path = f"/t/{cast.acme.slug}/projects/{project.pk}/import"
    return client, client.post(path, {"file": SimpleUploadedFile(name, data), "format": ""}, follow=True)


def the_job(cast) -> Job:
    with tenant_scope(cast.acme):
        return Job.objects.get()


def test_nothing_begins_before_somebody_says_what_becomes_of_unread_labels(cast, project):
    client, page = upload(cast, project, json.dumps(DOCCANO).encode(), "a.jsonl")
    path = page.request["PATH_INFO"]
    assert "1 row with labels that are not read" in page.content.decode()
    form = {"format": "jsonl", "act": "start", "asked_labels": "1", "labels": "on"}

    told = client.post(path, form, follow=True)
    assert "Say first what becomes of the rows whose labels are not read." in told.content.decode()
    assert the_job(cast).state == "uploaded"
    client.post(path, form | {"unread_labels": "unlabelled"})

    job = the_job(cast)
    assert job.state == "queued"
    jobs.run_import(cast.acme, job.pk)
    with tenant_scope(cast.acme):
        assert (Document.objects.count(), Annotation.objects.count()) == (1, 0)
    assert "“entities” seems to hold labels (doccano)" in client.get(path).content.decode()


def test_whoever_refuses_them_finds_them_listed(cast, project):
    client, page = upload(cast, project, json.dumps(DOCCANO).encode(), "a.jsonl")
    path = page.request["PATH_INFO"]

    client.post(
        path, {"format": "jsonl", "act": "start", "asked_labels": "1", "labels": "on", "unread_labels": "refuse"}
    )

    jobs.run_import(cast.acme, the_job(cast).pk)
    assert (the_job(cast).rows_refused, the_job(cast).rows_new) == (1, 0)
    assert "looks like labels (doccano)" in client.get(path).content.decode()


def test_the_same_refusal_is_one_line_with_a_count(cast, project):
    row = {"text": "Ada", "spans": [{"start": 0, "end": 3, "label": "DRUG"}]}
    client, page = upload(
        cast, project, b"".join(json.dumps(row | {"id": n}).encode() + b"\n" for n in range(126)), "a.jsonl"
    )

    shown = page.content.decode()

    assert shown.count("there is no span label") == 1
    assert '<td class="right number">126</td><td class="number">1, 2, 3, 4, 5, …</td><td>spans</td>' in shown
