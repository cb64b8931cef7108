"""Exports as people and programs get them: the form, the job's page, the API; and what each says is not in the file."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.urls import reverse

from annotator import jobs, review
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project, signed_in
from tests.web.api_client import Api
from web.views import exports


@pytest.fixture
def project(cast):
    project = make_project(cast.acme, allow_overlap=True)
    whole, unfinished = add_documents(cast.acme, project, "=Ada of Oslo", "Bo of Rome")
    spans = [{"start": 1, "end": 12, "label": "PERSON"}, {"start": 8, "end": 12, "label": "PLACE"}]
    relations = [{"head": 0, "tail": 1, "label": "lives_in"}]
    with tenant_scope(cast.acme):
        review.annotate(whole, cast.bob, review.Submission(uuid4(), 0, {"spans": spans, "relations": relations}))
        review.annotate(unfinished, cast.bob, review.Submission(uuid4(), 0, {}, complete=False))
    return project


CONLL = "-DOCSTART- -X- O O\n\n=\tO\nAda\tB-PERSON\nof\tI-PERSON\nOslo\tI-PERSON\n\n"


def ask(cast, project, **sent):
    return signed_in(cast.alice).post(reverse("export", args=[cast.acme.slug, project.pk]), sent)


def test_a_small_export_comes_with_its_report(cast, project):
    client = signed_in(cast.alice)
    address = reverse("export", args=[cast.acme.slug, project.pk])

    response = client.post(address, {"format": "conll", "documents": "annotated"})
    page = client.get(address)

    assert b"".join(response.streaming_content).decode() == CONLL
    counts = json.loads(response.headers["Marginalia-Report"])
    assert {name: count for name, count in counts.items() if count} == {
        "written": 1, "left_out_incomplete": 1, "overlapping_spans": 1, "relations": 1,
    }  # fmt: skip
    for sentence in ("have no complete answer: 1", "they overlap others: 1", "Relations not written: 1"):
        assert sentence in page.text
    assert page.text.count("notice warning") == page.text.count(".conll: ") == 1


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_an_export_that_holds_everything_is_followed_by_no_warning(cast, format):
    project = make_project(cast.acme)
    client = signed_in(cast.alice)
    address = reverse("export", args=[cast.acme.slug, project.pk])

    sent = client.post(address, {"format": format})

    assert sent.status_code == 200
    assert "notice warning" not in client.get(address).text


def test_the_form_asks_for_each_dialect_and_for_raw_cells(cast, project):
    told = {
        name: b"".join(ask(cast, project, **sent).streaming_content).decode()
        for name, sent in {
            "comments": {"format": "conll", "conll": "comments"},
            "all": {"format": "conll", "conll": "all"},
            "safe": {"format": "csv", "label": "span:PERSON", "conll": "all"},
            "raw": {"format": "csv", "cells": "raw", "offsets": "utf8"},
        }.items()
    }

    assert (told["comments"].count("# id = "), told["all"].count("# id = ")) == (1, 2)
    assert "# id = d1\n# state = submitted\n# complete = false\n1\tBo\t_\n" in told["all"]
    assert "d0,1,12,PERSON,Ada of Oslo,,,submitted,true," in told["safe"]
    assert "d1,,,,,,,submitted,false," in told["raw"]


def test_a_large_export_is_a_job_whose_page_says_what_is_not_in_it(cast, project, monkeypatch, settings, tmp_path):
    settings.EXPORTS_DIR = tmp_path
    monkeypatch.setattr(exports, "AT_ONCE", 0)
    to_job = ask(cast, project, format="conll")
    number = int(to_job.url.rstrip("/").rpartition("/")[2])

    jobs.run_export(cast.acme, number)
    page = signed_in(cast.alice).get(to_job.url)
    api = Api(cast.acme, cast.alice)
    told = api.get(f"/jobs/{number}").json()

    assert "as they have no complete answer: 1" in page.text
    assert told["report"] == {
        "written": 1, "left_out_incomplete": 1, "left_out_crossing": 0, "overlapping_spans": 1, "blank_spans": 0,
        "relations": 1, "choices": 0, "neutralised_cells": 0, "disputed": 0, "tags": {},
    }  # fmt: skip
    assert b"".join(api.get(f"/jobs/{number}/file").streaming_content).decode() == CONLL


def test_the_api_sends_options_and_counts(cast, project):
    api = Api(cast.acme, cast.alice)
    path = f"/projects/{project.pk}/export"

    full = api.get(path, format="conll", comments="all", incomplete="keep")
    table = api.get(path, format="csv", cells="raw")
    refused = api.get(path, format="conll", incomplete="keep")

    assert b"# complete = false" in b"".join(full.streaming_content)
    assert json.loads(table.headers["Marginalia-Report"])["relations"] == 1
    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (422, "incomplete")


def test_what_is_streamed_has_no_report_ahead_of_it(cast, project, monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE", 0)

    response = Api(cast.acme, cast.alice).get(f"/projects/{project.pk}/export", format="conll")

    assert "Marginalia-Report" not in response.headers
    assert b"".join(response.streaming_content).decode() == CONLL


def test_a_job_that_0_3_0_left_is_shown_and_run(cast, project, settings, tmp_path):
    settings.EXPORTS_DIR = tmp_path
    with tenant_scope(cast.acme):
        job = jobs.start_export(project, cast.alice, {"format": "csv"})
        old = {name: job.options["export"][name] for name in ("documents", "answers", "offsets", "format", "label")}
        job.options["export"] = old
        job.save(update_fields=["options"])

    page = signed_in(cast.alice).get(reverse("job", args=[cast.acme.slug, job.pk]))
    jobs.run_export(cast.acme, job.pk)

    assert page.status_code == 200
    with tenant_scope(cast.acme):
        job.refresh_from_db()
    assert (job.state, job.report["written"]) == ("succeeded", 2)
