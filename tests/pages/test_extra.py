"""A document that has its answers, opened by somebody else: asked first, and then the desk as ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from annotator.accounts import Tenant, User
from annotator.models import Claim, Document, Project
from annotator.review import Submission, annotate
from annotator.tenancy import tenant_scope
from tests.browser import Desk, patient
from tests.pages.serving import Served
from tests.pages.test_accessibility import broken


@dataclass
class Place:
    full: int
    held_out: int


@pytest.fixture(scope="module")
def place(served: Served) -> Place:
    """A document that two others answered, and a held-out one that the person who is signed in has at hand."""
    return elsewhere(lambda: make(Tenant.objects.get(slug=served.examples["tenant"])))


def elsewhere(work: Callable[[], Place]) -> Place:
    """In a thread of its own, because Playwright's may not use the database."""
    found: list[Place] = []
    worker = threading.Thread(target=lambda: found.append(work()))
    worker.start()
    worker.join()
    return found[0]


def make(tenant: Tenant) -> Place:
    from tests.cast import add_documents

    with tenant_scope(tenant):
        project = Project.objects.get()
        manager = User.objects.get(memberships__tenant=tenant, memberships__role="manager")
        full, held_out = add_documents(tenant, project, "Ada met Bo in Oslo.", "Cy met Di in Rome.")
        Document.objects.filter(pk=held_out.pk).update(split="check")
        for user in (User.objects.create_user(f"answers-{uuid4().hex[:6]}") for _ in range(2)):
            span = {"start": 0, "end": 3, "label": "PERSON"}
            for document in (full, held_out):
                annotate(document, user, Submission(uuid4(), 0, {"spans": [span]}))
        until = timezone.now() + timedelta(minutes=15)
        Claim.objects.create(project=project, document=held_out, annotator=manager, expires_at=until)
        return Place(full.pk, held_out.pk)


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    context = patient(browser.new_context(base_url=served.url))
    context.add_cookies(served.cookies)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def test_who_adds_an_answer_is_asked_and_then_the_desk_takes_it(served, place, page):
    page.goto(f"/t/{served.examples['tenant']}/documents/{place.full}/answers")
    page.get_by_role("link", name="Answer it yourself").click()

    expect(page.get_by_role("heading", name="Add another answer?")).to_be_visible()
    assert broken(page) == []
    with page.expect_response(lambda response: response.url.endswith(f"/documents/{place.full}/annotation")) as sent:
        page.get_by_role("link", name="Add another answer").click()
        page.wait_for_function("() => !document.querySelector('[aria-busy=\"true\"]')")
        Desk(page).press("Enter")

    assert sent.value.status == 200
    page.goto(f"/t/{served.examples['tenant']}/documents/{place.full}")
    assert not page.get_by_role("heading", name="Add another answer?").is_visible()


def test_answers_to_what_one_is_answering_blind_come_later(served, place, page):
    page.goto(f"/t/{served.examples['tenant']}/documents/{place.held_out}/answers")

    expect(page.get_by_role("heading", name="You are answering this document")).to_be_visible()
    assert broken(page) == []
