"""Projects, documents, import, export, statistics, runs and versions through the API; OpenAPI; health."""

from __future__ import annotations

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError

from annotator.models import Document, Job
from annotator.tenancy import tenant_scope
from tests.cast import SPEC, add_documents, make_project
from tests.web.api_client import Api, operations
from trainer import celery, pulse, queues
from trainer.models import ModelVersion, TrainingRun
from web.api.api import api

ROOT = Path(__file__).resolve().parent.parent.parent
# Refusals that no operation can bring about: of commands and pages, or of what the schemas refuse before.
NOT_OF_THE_API = {
    "invalid_form", "invalid_invitation", "invalid_offsets", "invalid_person", "invalid_role", "invalid_state",
    "invalid_time_zone", "invalid_token", "invitation_over", "last_admin", "no_member", "nobody", "passwords_differ",
    "role_too_high", "unread_labels",
}  # fmt: skip

TEXT = "Ann 🦊 lives in Oslo."


@pytest.fixture
def alice(cast):
    return Api(cast.acme, cast.alice)


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


@pytest.fixture
def versions(cast, project):
    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
        make = ModelVersion.objects.create
        return [make(project=project, run=run, number=n, examples=1, live=n == 1) for n in (1, 2)]


def test_a_project_and_its_labels(alice):
    made = alice.post("/projects", SPEC)
    project = made.json()

    assert made.status_code == 201
    assert alice.get(f"/projects/{project['id']}").json() == project
    assert alice.get("/projects").json()["items"][0]["name"] == "Mails"
    names = {(label["kind"], label["question"], label["name"]) for label in project["labels"]}
    assert {("span", None, "PERSON"), ("relation", None, "lives_in"), ("choice", "topic", "praise")} <= names
    added = alice.post(f"/projects/{project['id']}/labels", {"kind": "choice", "question": "topic", "name": "other"})
    assert added.status_code == 201
    assert added.json() in alice.get(f"/projects/{project['id']}/labels").json()["items"]


def test_a_projects_settings_are_changed_as_on_its_page(cast, alice, project):
    path = f"/projects/{project.pk}"

    assert alice.get(path).json()["pending_suggestions"] == "reject"
    assert alice.call("PATCH", path, {"pending_suggestions": "forget"}).status_code == 422
    changed = alice.call("PATCH", path, {"pending_suggestions": "ask"}).json()
    assert changed["pending_suggestions"] == "ask"
    changed = alice.call("PATCH", path, {"name": " Letters ", "show_times": False, "archived": True}).json()

    assert (changed["name"], changed["show_times"], changed["random_share"]) == ("Letters", False, 0.2)
    assert changed["archived_at"]
    assert alice.get(path).json() == changed
    assert alice.call("PATCH", path, {"archived": False}).json()["archived_at"] is None
    refused = alice.call("PATCH", path, {"check_share": 0.9, "name": "Mails"})
    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (422, "check_share")
    assert Api(cast.acme, cast.bob).call("PATCH", path, {"show_times": True}).status_code == 403
    assert Api(cast.globex, cast.charlie).call("PATCH", path, {"show_times": True}).status_code == 404


def test_a_question_gets_another_name(cast, alice, project):
    questions = {one["name"]: one["id"] for one in alice.get(f"/projects/{project.pk}").json()["questions"]}
    path = f"/projects/{project.pk}/questions/{questions['topic']}"

    changed = alice.call("PATCH", path, {"name": "subject"})

    assert changed.json() == {"id": questions["topic"], "name": "subject", "multiple": False}
    assert alice.call("PATCH", path, {"name": "tone"}).status_code == 409
    with tenant_scope(cast.acme):
        other = make_project(cast.acme, name="Other")
    assert alice.call("PATCH", path.replace(f"/{project.pk}/", f"/{other.pk}/"), {"name": "x"}).status_code == 404
    assert Api(cast.acme, cast.bob).call("PATCH", path, {"name": "x"}).status_code == 403


def test_a_label_that_does_not_fit(alice, project):
    path = f"/projects/{project.pk}/labels"

    assert alice.post(path, {"kind": "span", "name": "PERSON"}).status_code == 409
    assert alice.post(path, {"kind": "choice", "name": "x"}).json()["error"]["details"][0]["field"] == "question"
    assert alice.post(path, {"kind": "span", "name": "x", "question": "topic"}).status_code == 422


def test_documents_go_by_pages(cast, alice, project):
    documents = add_documents(cast.acme, project, *(f"Text {i}" for i in range(5)))
    path = f"/projects/{project.pk}/documents"

    first = alice.get(path, limit=2).json()
    second = alice.get(path, limit=2, cursor=first["next"]).json()
    last = alice.get(path, limit=2, cursor=second["next"]).json()

    pages = [page["items"] for page in (first, second, last)]
    assert [item["id"] for page in pages for item in page] == [document.pk for document in documents]
    assert last["next"] is None
    assert alice.get(f"/documents/{documents[0].pk}").json()["text"] == "Text 0"


def test_documents_are_found_by_text_state_and_split(cast, alice, project):
    documents = add_documents(cast.acme, project, "Oslo 100%", "Rome", "Bern")
    for document, state in ((documents[0], "submitted"), (documents[1], "skipped")):
        sent = {"submit_id": str(uuid4()), "state": state}
        assert alice.put(f"/documents/{document.pk}/annotation", sent).status_code == 200

    def found(**query):
        return [item["external_id"] for item in alice.get(f"/projects/{project.pk}/documents", **query).json()["items"]]

    assert found(q="oSLo") == ["d0"]
    assert found(q="%") == ["d0"]
    assert found(state="done") == ["d0"]
    assert found(state="skipped") == ["d1"]
    assert found(state="open") == ["d1", "d2"], "somebody else may have what one skipped"
    assert found(split="check") == []


def test_offsets_in_other_units_there_and_back(cast, alice, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    path = f"/documents/{document.pk}/annotation"

    for unit, start in (("utf16", 16), ("utf8", 18), ("codepoints", 15)):
        before = alice.get(path).json()["annotation"]
        sent = {
            "submit_id": str(uuid4()),
            "revision": before["revision"] if before else 0,
            "spans": [{"start": start, "end": start + 4, "label": "PLACE", "quote": "Oslo"}],
        }
        told = alice.put(path, sent, offsets=unit)
        assert told.status_code == 200, told.content
        assert told.json()["annotation"]["spans"][0]["start"] == start
        assert alice.get(path).json()["annotation"]["spans"][0]["start"] == 15


def test_a_small_file_is_imported_at_once(cast, alice, project):
    lines = b'{"id": "a", "text": "Ann"}\n{"id": "b", "text": ""}\n'

    told = alice.call("POST", f"/projects/{project.pk}/import", lines, content_type="application/x-ndjson")

    assert told.status_code == 200
    reason = {"field": "text", "reason": "is empty", "varied": False, "rows": 1, "lines": [2]}
    assert told.json() | {"errors": 0} == {
        "rows": 2, "new": 1, "known": 0, "refused": 1, "errors": 0, "reasons": [reason], "notes": [], "job": None,
    }  # fmt: skip
    assert told.json()["errors"] == [{"line": 2, "field": "text", "reason": "is empty"}]


def test_strict_takes_all_or_nothing(cast, alice, project):
    lines = b'{"id": "a", "text": "Ann"}\n{"id": "b", "text": ""}\n'
    path = f"/projects/{project.pk}/import"

    told = alice.call("POST", path, lines, content_type="application/x-ndjson", query={"strict": "1"})

    assert told.status_code == 422
    assert told.json()["error"]["details"] == [{"line": 2, "field": "text", "reason": "is empty"}]
    with tenant_scope(cast.acme):
        assert not Document.objects.exists()


def test_a_form_with_a_file(cast, alice, project):
    file = SimpleUploadedFile("mails.csv", b'id,text\n1,"two\nlines"\n')

    told = alice.client.post(f"{alice.base}/projects/{project.pk}/import", {"file": file}, headers=alice.headers)

    assert told.json()["new"] == 1
    none = alice.client.post(f"{alice.base}/projects/{project.pk}/import", {"x": "y"}, headers=alice.headers)
    assert none.json()["error"]["code"] == "no_file"


def test_a_large_file_becomes_a_job(cast, alice, project):
    lines = b"".join(b'{"text": "%d %s"}\n' % (i, b"x" * 1000) for i in range(1100))

    told = alice.call("POST", f"/projects/{project.pk}/import", lines, content_type="application/x-ndjson")

    assert told.status_code == 202
    job = alice.get(f"/jobs/{told.json()['id']}").json()
    assert (job["state"], job["total_bytes"]) == ("queued", len(lines))
    with tenant_scope(cast.acme):
        assert Job.objects.get().options["import"]["format"] == "jsonl"


def test_a_body_of_another_kind(alice, project):
    path = f"/projects/{project.pk}/import"

    told = alice.call("POST", path, b"a=b", content_type="application/x-www-form-urlencoded")

    assert told.status_code == 415
    assert "text/csv" in told.json()["error"]["message"]


def test_the_export_is_streamed(cast, alice, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    alice.put(f"/documents/{document.pk}/annotation", {"submit_id": str(uuid4()), "classes": {"topic": ["praise"]}})

    response = alice.get(f"/projects/{project.pk}/export")

    assert response.streaming
    (line,) = [json.loads(line) for line in response.getvalue().splitlines()]
    assert (line["id"], line["text"], line["classes"]) == ("d0", TEXT, {"topic": ["praise"]})
    assert alice.get(f"/projects/{project.pk}/export", documents="some").status_code == 422


def test_statistics_count_labels_people_and_splits(cast, alice, project):
    documents = add_documents(cast.acme, project, TEXT, "Bob", "Cid")
    span = {"start": 0, "end": 3, "label": "PERSON"}
    for document, state in zip(documents, ("submitted", "submitted", "skipped"), strict=True):
        sent = {"submit_id": str(uuid4()), "spans": [span], "classes": {"topic": ["praise"]}, "state": state}
        alice.put(f"/documents/{document.pk}/annotation", sent)

    told = alice.get(f"/projects/{project.pk}/stats").json()

    assert (told["documents"], told["done"]) == (3, 2)
    assert (told["wanted"], told["given"], told["imported"], told["you"]) == (3, 2, 0, {"today": 2, "all": 2})
    pool = {"documents": 3, "done": 2, "open": 1, "wanted": 3, "given": 2}
    assert told["splits"]["pool"] == pool, "what was skipped waits for somebody else"
    counts = {(label["kind"], label["question"], label["name"]): label["count"] for label in told["labels"]}
    assert counts["span", None, "PERSON"] == 2
    assert counts["choice", "topic", "praise"] == 2
    assert counts["span", None, "PLACE"] == 0
    work = {"submitted": 2, "skipped": 1, "draft": 0, "imported": 0}
    assert told["annotators"] == [{"username": cast.alice.username, **work}]


def test_runs_are_started_watched_and_cancelled(cast, alice, project):
    path = f"/projects/{project.pk}/runs"
    assert alice.post(path).json()["error"]["code"] == "nothing_to_learn"
    (document,) = add_documents(cast.acme, project, TEXT)
    alice.put(f"/documents/{document.pk}/annotation", {"submit_id": str(uuid4())})

    run = alice.post(path).json()

    assert (run["state"], run["started_by"]) == ("queued", cast.alice.username)
    assert alice.post(path).json()["error"]["code"] == "run_active"
    assert alice.get(f"/runs/{run['id']}").json() == run
    assert alice.get(path).json()["items"][0]["id"] == run["id"]
    assert alice.post(f"/runs/{run['id']}/cancel").json()["state"] == "cancelled"
    assert alice.post(f"/runs/{run['id']}/cancel").json()["error"]["code"] == "run_over"


def test_an_older_or_newer_version_is_promoted(alice, project, versions):
    assert [v["live"] for v in alice.get(f"/projects/{project.pk}/versions").json()["items"]] == [False, True]

    told = alice.post(f"/versions/{versions[1].pk}/promote").json()

    assert (told["number"], told["live"]) == (2, True)
    assert alice.get(f"/projects/{project.pk}").json()["live_version"] == 2


def test_a_document_that_the_model_has_not_seen_is_pending_and_a_held_out_one_blind(cast, alice, project, versions):
    (document,) = add_documents(cast.acme, project, TEXT)
    path = f"/documents/{document.pk}/suggestions"

    assert alice.get(path).json() == {"state": "pending", "version": 1, "suggestion": None, "terms": []}
    with tenant_scope(cast.acme):
        Document.objects.update(split="check")
    assert alice.get(path).json() == {"state": "blind", "version": None, "suggestion": None, "terms": []}


def test_without_a_worker_suggestions_are_unavailable(alice, project, versions):
    told = alice.post(f"/projects/{project.pk}/suggest", {"texts": [TEXT]})

    assert told.status_code == 503
    assert told.json()["error"]["code"] == "suggestions_unavailable"
    assert told.headers["Retry-After"] == "5"


def test_suggestions_for_a_text_from_outside(alice, project, versions, monkeypatch):
    place = {"start": 15, "end": 19, "label": "PLACE", "score": 0.9}
    relations = [{"head": 1, "tail": 0, "label": "lives_in", "score": 0.8}]
    found = {"spans": [place], "choices": {}, "relations": relations, "uncertainty": 0.1}
    monkeypatch.setattr("web.api.training.serving.suggest", lambda project, texts: (versions[0], [found]))

    told = alice.post(f"/projects/{project.pk}/suggest", {"texts": [TEXT]}, offsets="utf16").json()

    assert told["answers"] == [{"spans": [place | {"start": 16, "end": 20}], "choices": {}, "relations": relations}]


def test_openapi_describes_every_operation(alice):
    described = alice.get("/openapi.json").json()

    paths = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert len(paths) == len(operations())
    for item in described["paths"].values():
        for operation in item.values():
            assert operation["description"]
            assert {"401", "404"} <= set(operation["responses"])
            assert operation["security"] == [{"Bearer": []}, {"Session": []}]
    assert set(described["components"]["securitySchemes"]) == {"Bearer", "Session"}


def test_health(client, db):
    celery.client().delete(*queues.QUEUES)
    assert client.get("/healthz").json() == {"status": "alive"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    told = ready.json()
    assert told.pop("disk_free_bytes") > 0
    assert told.pop("disk") in ("ok", "low")
    assert told == {
        "ready": True,
        "database": "ok",
        "redis": "ok",
        "workers": {"train": False, "suggest": False, "io": False, "maintenance": False, "beat": False},
        "queues": {queue: {"waiting": 0, "oldest_seconds": 0.0} for queue in queues.QUEUES},
    }


def test_a_worker_that_leaves_work_waiting_is_told_as_such(client, db):
    celery.client().delete(*queues.QUEUES)
    celery.send("refresh", 1, 1)
    for worker, stalled in (("suggest", b"true"), ("train", b"false")):
        celery.client().set(
            pulse.PULSE_KEY.format(worker), b'{"pid": 1, "begun": 7, "stalled": ' + stalled + b"}", ex=60
        )

    told = client.get("/readyz").json()
    celery.client().delete("refresh", *(pulse.PULSE_KEY.format(worker) for worker in pulse.WORKERS))

    assert (told["workers"]["suggest"], told["workers"]["train"]) == (False, True)
    assert told["queues"]["refresh"]["waiting"] == 1
    assert 0 <= told["queues"]["refresh"]["oldest_seconds"] < 60


def test_not_ready_without_redis(client, db, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    ready = client.get("/readyz")

    assert ready.status_code == 503
    assert ready.json()["redis"] == "ConnectionError"


def test_the_documentation_names_every_operation_and_every_error_code():
    page = (ROOT / "docs" / "api.md").read_text()
    described = {
        (method, re.sub(r"\{\w+\}", "{id}", path).rstrip("/"))
        for methods, path in re.findall(r"^    ((?:[A-Z]+, )*[A-Z]+) +(\S+)", page, flags=re.MULTILINE)
        for method in methods.split(", ")
    }
    source = "".join(
        path.read_text() for folder in ("annotator", "trainer", "web") for path in (ROOT / folder).rglob("*.py")
    )
    raising = r"(?:Invalid|Conflict|Unavailable|WrongMediaType|answers\.error|error|_unauthorized)"
    codes = set(re.findall(raising + r"\(\s*(?:\d+, )?\"(\w+)\"", source))

    operations_there = {
        (method, re.sub(r"\{int:\w+\}", "{id}", path).lstrip("/"))
        for _, router in api._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
    }
    assert operations_there <= described
    assert len(codes) > 20
    assert not {code for code in codes - NOT_OF_THE_API if f"`{code}`" not in page}


def test_not_ready_without_a_database(client, db, monkeypatch):
    def gone(_connection):
        raise OperationalError("no route to host")

    monkeypatch.setattr("web.health.MigrationExecutor", gone)

    ready = client.get("/readyz")

    assert ready.status_code == 503
    assert ready.json()["database"] == "OperationalError"


def test_a_label_is_renamed_merged_and_told_where_it_stands(cast):
    project = make_project(cast.acme)
    alice, bob = Api(cast.acme, cast.alice), Api(cast.acme, cast.bob)
    path = f"/projects/{project.pk}/labels"
    ids = {label["name"]: label["id"] for label in alice.get(path).json()["items"]}
    person = f"{path}/{ids['PERSON']}"

    told = alice.call("PATCH", person, {"name": "HUMAN", "definition": "People.", "key": "h"}).json()

    assert (told["name"], told["definition"], told["key"]) == ("HUMAN", "People.", "h")
    assert alice.get(f"{person}/effect").json()["answers"] == 0
    assert alice.call("PATCH", person, {"name": "PLACE"}).status_code == 409
    assert alice.post(f"{person}/merge", {"into": ids["lives_in"]}).status_code == 422
    assert alice.post(f"{person}/merge", {"into": ids["PLACE"]}).json()["name"] == "PLACE"
    assert alice.get(f"{person}/effect").status_code == 404
    assert bob.call("PATCH", f"{path}/{ids['PLACE']}", {"name": "X"}).status_code == 403


def test_whoever_exports_chooses_whose_answers_count(cast, alice):
    project = make_project(cast.acme, check_share=0, annotators_per_document=2)
    (document,) = add_documents(cast.acme, project, TEXT)
    bob = Api(cast.acme, cast.bob)
    span = {"start": 0, "end": 3, "label": "PERSON"}
    alice.put(f"/documents/{document.pk}/annotation", {"submit_id": str(uuid4()), "spans": [span]})
    bob.put(f"/documents/{document.pk}/annotation", {"submit_id": str(uuid4())})

    def lines(**options):
        return list(map(json.loads, alice.get(f"/projects/{project.pk}/export", **options).getvalue().splitlines()))

    (usual,) = lines()
    assert usual["disputed"] == [{"kind": "span", **span, "for": 1, "against": 1}]
    assert (usual["spans"], usual["complete"], usual["answers"]) == ([], False, 2)
    assert lines(answers="majority") == [usual]
    assert [(line["spans"], line["complete"]) for line in lines(answers="latest")] == [([], True)]
    assert [line["spans"] for line in lines(answers="each")] == [[span], []]
    assert alice.get(f"/projects/{project.pk}/export", answers="first").status_code == 422
