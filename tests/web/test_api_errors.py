"""Bad input and refusals: one shape for all, naming field and reason, and nothing is changed."""

from __future__ import annotations

from io import BytesIO
from uuid import uuid4

import orjson
import pytest
from django.test import Client

from annotator import tokens
from annotator.models import Annotation, Document, Job, Project
from annotator.tenancy import tenant_scope
from tests.cast import SPEC, add_documents, make_project
from tests.web.api_client import Api

TEXT = "Ann 🦊 lives in Oslo."


@pytest.fixture
def alice(cast):
    return Api(cast.acme, cast.alice)


@pytest.fixture
def document(cast):
    return add_documents(cast.acme, make_project(cast.acme), TEXT)[0]


def error(response, status, code):
    """The error, after a look at its shape."""
    assert response.status_code == status, response.content
    body = response.json()
    assert set(body["error"]) == {"code", "message", "details"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    return body["error"]


def put(api, document, **changes):
    return api.put(f"/documents/{document.pk}/annotation", {"submit_id": str(uuid4())} | changes)


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        ({"start": 0, "end": 999, "label": "PERSON"}, "lies outside"),
        ({"start": -1, "end": 3, "label": "PERSON"}, "lies outside"),
        ({"start": 3, "end": 0, "label": "PERSON"}, "must come before"),
        ({"start": 0, "end": 3, "label": "ANIMAL"}, "no span label 'ANIMAL'"),
        ({"start": 0, "end": 3, "label": "PERSON", "quote": "Bob"}, "'Bob' is not what the text has there: 'Ann'"),
    ],
)
def test_a_span_that_breaks_a_rule(alice, document, span, reason):
    told = error(put(alice, document, spans=[span]), 422, "invalid_answer")

    assert told["details"][0]["field"] == "spans[0]"
    assert reason in told["details"][0]["reason"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"spans": [{"start": "0", "end": 3, "label": "PERSON"}]}, "spans[0].start"),
        ({"spans": [{"start": 0, "end": 3.5, "label": "PERSON"}]}, "spans[0].end"),
        ({"spans": [{"start": True, "end": 3, "label": "PERSON"}]}, "spans[0].start"),
        ({"spans": [{"start": 0, "end": 3}]}, "spans[0].label"),
        ({"spans": "none"}, "spans"),
        ({"classes": {"topic": "praise"}}, "classes.topic"),
        ({"submit_id": "again"}, "submit_id"),
        ({"state": "finished"}, "state"),
        ({"revison": 1}, "revison"),
        ({"decisions": [{"suggestion": 1, "item": "s0", "verdict": "correct", "correction": {"label": "\x00"}}]}, None),
        ({"decisions": [{"suggestion": 1, "item": "s0", "verdict": "correct", "correction": {"\x00": 1}}]}, None),
        ({"decisions": [{"suggestion": 2**63, "item": "s0", "verdict": "accept"}]}, "decisions[0]"),
    ],
)
def test_an_answer_that_is_malformed(alice, document, changes, field):
    response = put(alice, document, **changes)

    assert response.status_code == 422, response.content
    if field:
        assert response.json()["error"]["details"][0]["field"] == field
    assert response.json()["error"]["details"][0]["reason"]


@pytest.mark.parametrize("body", [b'{"submit_id": ', b"\xff\xfe", b'{"state": "\\ud800"}', b"NaN"])
def test_a_body_that_is_no_json(alice, document, body):
    response = alice.call("PUT", f"/documents/{document.pk}/annotation", body)

    assert "JSON" in error(response, 400, "invalid_json")["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b'"text"', b"7"])
def test_a_body_that_is_no_object(alice, document, body):
    response = alice.call("PUT", f"/documents/{document.pk}/annotation", body)

    assert error(response, 422, "invalid_request")["details"][0]["field"] == "body"


def test_a_refused_decision_takes_the_answer_back_too(cast, alice, document):
    wrong = [{"suggestion": 1, "item": "s0", "verdict": "accept"}]

    error(
        put(alice, document, spans=[{"start": 0, "end": 3, "label": "PERSON"}], decisions=wrong),
        422,
        "invalid_decision",
    )

    with tenant_scope(cast.acme):
        assert not Annotation.objects.exists()


def test_a_stale_revision_comes_with_the_one_that_stands(alice, document):
    first = put(alice, document).json()["annotation"]

    response = put(alice, document, spans=[{"start": 0, "end": 3, "label": "PERSON"}])

    error(response, 409, "stale_revision")
    assert response.json()["current"] == first


def test_ten_gigabytes_promised_are_refused_on_the_word(cast, alice, document):
    response = alice.client.generic(
        "POST",
        f"{alice.base}/projects/{document.project_id}/import",
        b"{}",
        content_type="application/x-ndjson",
        headers=alice.headers,
        CONTENT_LENGTH=str(10 * 1024**3),
    )

    error(response, 413, "too_large")
    page = Client().post("/signin", b"", content_type="text/plain", CONTENT_LENGTH=str(10 * 1024**3))
    assert page.status_code == 413


def test_a_stranger_may_send_no_more_than_a_sign_in_takes(cast):
    body = b"username=" + b"x" * 100_000
    form = "application/x-www-form-urlencoded"
    known = Client()
    known.force_login(cast.alice)

    assert Client().post("/signin", body, content_type=form).status_code == 413
    assert Client().post(f"/t/{cast.acme.slug}/projects/new", body, content_type=form).status_code == 413
    assert known.post(f"/t/{cast.acme.slug}/projects/new", body, content_type=form).status_code == 422


def test_a_client_that_falls_silent_in_its_body(alice, document):
    class Silent(BytesIO):
        def read(self, *_size: int | None) -> bytes:
            raise BlockingIOError

    response = alice.client.generic(
        "PUT",
        f"{alice.base}/documents/{document.pk}/annotation",
        b"{",
        content_type="application/json",
        headers=alice.headers,
        CONTENT_LENGTH="1000",
        **{"wsgi.input": Silent()},
    )

    error(response, 422, "cut_short")


@pytest.mark.parametrize("came", [1000, 2_000_000])
def test_an_upload_that_breaks_off_is_not_taken_for_the_whole(cast, alice, document, came):
    response = alice.client.generic(
        "POST",
        f"{alice.base}/projects/{document.project_id}/import",
        b"a",
        content_type="text/plain",
        headers=alice.headers,
        CONTENT_LENGTH=str(came + 1000),
        **{"wsgi.input": BytesIO((b"a line\n" * came)[:came])},
    )

    error(response, 422, "cut_short")
    with tenant_scope(cast.acme):
        assert Document.objects.count() == 1
        assert not Job.objects.exists()


def test_a_json_body_of_more_than_its_limit(alice, document):
    body = b'{"texts": ["' + b"x" * 17 * 1024**2 + b'"]}'

    error(alice.call("POST", f"/projects/{document.project_id}/suggest", body), 413, "too_large")


def test_a_broken_content_length(alice):
    response = alice.client.get(f"{alice.base}/me", headers=alice.headers, CONTENT_LENGTH="much")

    error(response, 400, "bad_request")


def test_a_body_of_unknown_length(alice):
    """Read as promised, it would be taken for an empty one."""
    response = alice.client.post(f"{alice.base}/projects", headers=alice.headers | {"Transfer-Encoding": "chunked"})

    error(response, 411, "length_required")


def test_an_unknown_address_and_an_unknown_method(alice):
    error(alice.get("/nothing"), 404, "not_found")
    response = alice.call("PATCH", "/projects")
    error(response, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(response.headers["Allow"].replace(" ", "").split(","))


def test_numbers_beyond_the_database(alice):
    for number in ("9" * 19, "9" * 40, "9" * 6000):
        error(alice.get(f"/documents/{number}"), 404, "not_found")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"guidelines": "a\x00b"}, "guidelines"),
        ({"spans": ["A", "A"]}, "spans[1]"),
        ({"spans": [{"name": "A", "color": "red;}"}]}, "spans[0]"),
        ({"questions": [{"name": "q", "choices": ["one"]}]}, "questions[0].choices"),
        ({"check_share": 0.9}, "check_share"),
        ({"annotators_per_document": 0}, "annotators_per_document"),
        ({"annotators_per_document": 10**9}, "annotators_per_document"),
        ({"spans": [f"L{i}" for i in range(40_000)]}, "spans"),
        ({"guidelines": "a" * 200_000}, "guidelines"),
    ],
)
def test_a_project_that_breaks_a_rule(alice, cast, changes, field):
    response = alice.post("/projects", SPEC | changes)

    assert response.status_code == 422, response.content
    assert response.json()["error"]["details"][0]["field"] == field
    with tenant_scope(cast.acme):
        assert not Project.objects.exists()


def test_a_name_that_is_taken(alice):
    assert alice.post("/projects", SPEC).status_code == 201

    error(alice.post("/projects", SPEC), 409, "name_taken")


def test_filters_that_are_wrong(alice, document):
    path = f"/projects/{document.project_id}/documents"

    for query in ({"q": "a\x00b"}, {"limit": 0}, {"cursor": "x"}, {"state": "lost"}, {"split": "train"}):
        assert error(alice.get(path, **query), 422, "invalid_request")["details"][0]["field"] == next(iter(query))


def test_nobody_and_a_token_that_is_none(cast):
    nobody = Api(cast.acme)
    assert error(nobody.get("/me"), 401, "sign_in_first")
    nobody.headers["Authorization"] = "Bearer mgn_made-up"
    error(nobody.get("/me"), 404, "not_found")


def test_an_expired_token(cast):
    with tenant_scope(cast.acme):
        token, secret = tokens.issue(cast.alice, days=1)
        token.expires_at = token.created_at
        token.save()
    api = Api(cast.acme)
    api.headers["Authorization"] = f"Bearer {secret}"

    error(api.get("/me"), 401, "token_expired")


def test_texts_that_no_model_could_read(alice, document):
    path = f"/projects/{document.project_id}/suggest"

    for texts, field in (([""], "texts[0]"), (["a", "b\x00"], "texts[1]"), ([], "texts"), (["x"] * 101, "texts")):
        assert alice.post(path, {"texts": texts}).json()["error"]["details"][0]["field"] == field
    error(alice.post(path, {"texts": ["Ann"]}), 422, "no_model")


def test_offsets_in_the_middle_of_a_character(alice, document):
    span = {"start": 5, "end": 8, "label": "PERSON"}

    response = alice.put(
        f"/documents/{document.pk}/annotation", {"submit_id": str(uuid4()), "spans": [span]}, offsets="utf16"
    )

    assert error(response, 422, "invalid_answer")["details"][0]["field"] == "spans[0].start"
    assert alice.get(f"/documents/{document.pk}/annotation", offsets="utf32").status_code == 422


def test_a_session_needs_the_csrf_token(cast):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)

    response = client.post(f"/t/{cast.acme.slug}/api/v1/projects", orjson.dumps(SPEC), content_type="application/json")

    error(response, 403, "csrf_failed")
