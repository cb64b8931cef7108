"""How many queries the annotator's round takes: with eight people at it, this is what a request costs."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotator.suggestions import record
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project
from tests.web.api_client import Api
from trainer.models import ModelVersion, TrainingRun

# Tests run inside a transaction: what is a BEGIN elsewhere is a savepoint here, and the setting is reset by hand.
OF_THE_TEST = ("SAVEPOINT", "RELEASE", "SELECT set_config('marginalia.tenant', ''")


class Queries(CaptureQueriesContext):
    def __init__(self) -> None:
        super().__init__(connection)

    def told(self) -> list[str]:
        return [query["sql"][:200] for query in self.captured_queries if not query["sql"].startswith(OF_THE_TEST)]


@pytest.fixture
def suggested(cast):
    """A project whose two documents have a suggestion each."""
    project = make_project(cast.acme, check_share=0)
    documents = add_documents(cast.acme, project, "Ann lives in Oslo.", "Bob lives in Rome.")
    found = {
        "spans": [{"start": 0, "end": 3, "label": "PERSON", "score": 0.9}],
        "choices": {"topic": [{"label": "praise", "score": 0.6}]},
        "relations": [],
        "uncertainty": 0.3,
    }
    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, trigger="hand")
        ModelVersion.objects.create(project=project, run=run, number=1, examples=1, live=True)
        record(project, 1, [(document.pk, found) for document in documents])
    return project


def known(cast) -> Api:
    """Bob by a token that was used just now: that it is used is noted once an hour."""
    bob = Api(cast.acme, cast.bob)
    bob.get("/me")
    return bob


def test_knowing_the_tenant_and_the_person_takes_three_queries(cast):
    bob = known(cast)

    with Queries() as queries:
        bob.get("/me")

    assert len(queries.told()) <= 3, "\n".join(queries.told())


def test_next_takes_nine_queries(cast, suggested):
    bob = known(cast)

    with Queries() as queries:
        answer = bob.post(f"/projects/{suggested.pk}/next").json()

    assert answer["suggestion"]["state"] == "ready"
    assert len(queries.told()) <= 9, "\n".join(queries.told())


def test_more_ahead_takes_one_query_more_for_each_new_lease(cast, suggested):
    bob = known(cast)

    with Queries() as queries:
        answer = bob.post(f"/projects/{suggested.pk}/next", {"held": [], "ahead": 1}).json()

    assert [one["suggestion"]["state"] for one in (answer, *answer["ahead"])] == ["ready", "ready"]
    assert len(queries.told()) <= 10, "\n".join(queries.told())


def test_next_by_session_takes_one_more(cast, suggested, client):
    client.force_login(cast.bob)
    client.get(f"/t/{cast.acme.slug}/api/v1/me")
    path = f"/t/{cast.acme.slug}/api/v1/projects/{suggested.pk}/next"

    with Queries() as queries:
        answer = client.post(path, content_type="application/json").json()

    assert answer["suggestion"]["state"] == "ready"
    assert len(queries.told()) <= 10, "\n".join(queries.told())


def test_next_takes_one_query_more_before_a_model_has_looked(cast, suggested):
    bob = known(cast)
    with tenant_scope(cast.acme):
        ModelVersion.objects.update(live=False)

    with Queries() as queries:
        answer = bob.post(f"/projects/{suggested.pk}/next", {"held": [], "ahead": 1}).json()

    assert [one["suggestion"]["state"] for one in (answer, *answer["ahead"])] == ["no_model", "no_model"]
    assert len(queries.told()) <= 11, "\n".join(queries.told())


def test_submit_takes_fourteen_queries(cast, suggested):
    bob = known(cast)
    given = bob.post(f"/projects/{suggested.pk}/next").json()
    sent = {
        "submit_id": str(uuid4()),
        "spans": [{"start": 0, "end": 3, "label": "PERSON"}],
        "decisions": [
            {"suggestion": given["suggestion"]["suggestion"]["id"], "item": "s0", "verdict": "accept"},
            {"suggestion": given["suggestion"]["suggestion"]["id"], "item": "c0", "verdict": "reject"},
        ],
    }

    with Queries() as queries:
        answer = bob.put(f"/documents/{given['document']['id']}/annotation", sent)

    assert answer.status_code == 200
    assert len(queries.told()) <= 14, "\n".join(queries.told())


def test_statistics_take_a_fixed_number_of_queries(cast, suggested):
    bob = known(cast)

    with Queries() as queries:
        bob.get(f"/projects/{suggested.pk}/stats")

    assert len(queries.told()) <= 13, "\n".join(queries.told())
