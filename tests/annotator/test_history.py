"""Looking back: one's own work, the newest first, and what everybody made of a document."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from annotator import history, review
from annotator.errors import Invalid
from annotator.models import Annotation
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project


@pytest.fixture
def worked(cast):
    """bob submitted d0 and d1, skipped d2, began d3, and began to change d1; alice submitted d0."""
    project = make_project(cast.acme, check_share=0, annotators_per_document=2)
    documents = add_documents(cast.acme, project, *(f"Text {i}. " + "x" * 300 for i in range(4)))
    with tenant_scope(cast.acme):
        states = ("submitted", "submitted", "skipped", "draft")
        for document, state in zip(documents, states, strict=True):
            review.annotate(document, cast.bob, Submission(uuid4(), 0, {}, state=state, comment=f"on {document}"))
        review.annotate(documents[1], cast.bob, Submission(uuid4(), 1, {}, state="draft", flag="help"))
        review.annotate(documents[0], cast.alice, Submission(uuid4(), 0, {}, flag="flagged", comment="look"))
        yield project


def ids(page):
    return [item["external_id"] for item in page[0]]


def test_ones_own_work_comes_newest_first_and_nobody_elses(cast, worked):
    page = history.own(worked, cast.bob)

    assert ids(page) == ["d3", "d2", "d1", "d0"]
    assert ids(history.own(worked, cast.alice)) == ["d0"]
    assert [item["state"] for item in page[0]] == ["draft", "skipped", "draft", "submitted"]
    changed = page[0][2]
    assert (changed["state"], changed["stands"], changed["comment"]) == ("draft", "submitted", "on d1")
    assert len(changed["excerpt"]) == 200
    assert page[1] is None


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"state": "submitted"}, ["d1", "d0"]),
        ({"state": "skipped"}, ["d2"]),
        ({"state": "draft"}, ["d3", "d1"]),
        ({"flag": "any"}, []),
    ],
)
def test_it_can_be_narrowed(cast, worked, filters, found):
    assert ids(history.own(worked, cast.bob, **filters)) == found


def test_flags_can_be_looked_for(cast, worked):
    assert ids(history.own(worked, cast.alice, flag="any")) == ["d0"]
    assert ids(history.own(worked, cast.alice, flag="help")) == []


def test_pages_follow_one_another_also_where_many_were_saved_at_the_same_moment(cast, worked):
    Annotation.objects.update(updated_at=datetime(2026, 3, 1, 12, 30, 0, 123_457, tzinfo=UTC))
    seen, cursor = [], ""

    while cursor is not None:
        items, cursor = history.own(worked, cast.bob, cursor=cursor, limit=1)
        seen += [item["external_id"] for item in items]

    assert seen == ["d3", "d2", "d1", "d0"]


@pytest.mark.parametrize("cursor", ["x", "1", "1-2-3", "9" * 30 + "-1", f"1-{2**63}"])
def test_a_cursor_that_is_none_is_refused(cast, worked, cursor):
    with pytest.raises(Invalid, match="cursor"):
        history.own(worked, cast.bob, cursor=cursor)


def test_a_page_takes_one_query(cast, worked, django_assert_num_queries):
    with django_assert_num_queries(1):
        history.own(worked, cast.bob)
