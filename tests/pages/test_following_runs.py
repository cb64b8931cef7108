"""The model's page follows a run by itself, says when nobody answers, and looks no longer than it needs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page

from annotator.models import Project
from annotator.tenancy import Tenant, tenant_scope
from tests.browser import patient
from tests.pages.serving import Served
from trainer.models import ModelVersion, TrainingRun

QUIET, BUSY = 10_000, 1_500
LOOKS = 60  # how often a quiet project is looked after


@pytest.fixture
def page(browser, served) -> Iterator[Page]:
    context = patient(browser.new_context(base_url=served.url))
    context.add_cookies(served.cookies)
    page = context.new_page()
    page.clock.install()
    page.goto(f"/t/{served.examples['tenant']}/projects/{served.examples['project_id']}/model")
    yield page
    context.close()


def change(served: Served, act: Callable[[Project], Any]) -> None:
    """Something happens on the server; in another thread, for Playwright's may not use the database."""

    def work() -> None:
        try:
            with tenant_scope(Tenant.objects.get(slug=served.examples["tenant"])):
                act(Project.objects.get(pk=served.examples["project_id"]))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as beside:
        beside.submit(work).result()


def begin(project: Project) -> None:
    now = timezone.now()
    TrainingRun.objects.create(
        project=project, state="running", phase="train", steps=20, heartbeat_at=now, started_at=now
    )


def learn(project: Project) -> None:
    TrainingRun.objects.filter(project=project, state="running").update(step=7)


def half_way(project: Project) -> None:
    begun = timezone.now() - timedelta(seconds=100)
    TrainingRun.objects.filter(project=project, state="running").update(step=10, started_at=begun)


def end(project: Project) -> None:
    ModelVersion.objects.filter(project=project).update(live=False)
    run = TrainingRun.objects.get(project=project, state="running")
    ModelVersion.objects.create(project=project, run=run, number=2, examples=33, live=True)
    TrainingRun.objects.filter(pk=run.pk).update(state="succeeded")


def look(page: Page, wait: int) -> None:
    with page.expect_response("**/training"):
        page.clock.run_for(wait)


def test_a_run_is_followed_from_its_beginning_to_its_version(served, page):
    assert page.locator("#active section").count() == 0
    change(served, begin)
    look(page, QUIET)
    page.wait_for_selector("#active section h2:text('Training')")

    before = page.locator("#active progress").evaluate("bar => bar.value")
    change(served, learn)
    look(page, BUSY)
    page.wait_for_function("before => document.querySelector('#active progress').value > before", arg=before)

    change(served, end)
    look(page, BUSY)
    page.wait_for_selector("#active section", state="detached")
    page.wait_for_selector(".figures a:text('v2')")


def test_a_server_that_does_not_answer_is_told_of_until_it_does(served, page):
    page.route("**/training", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.clock.run_for(QUIET)
    page.wait_for_selector("text=The server does not answer.")

    page.unroute("**/training")
    look(page, QUIET)
    page.wait_for_selector("[data-lost]", state="hidden")


def test_a_quiet_project_is_looked_after_for_some_minutes_and_when_somebody_comes_back(served, page):
    for _ in range(LOOKS):
        look(page, QUIET)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(10 * QUIET)

    page.evaluate("() => fetch('/healthz')")
    assert [url for url in asked if "training" in url] == []
    assert len(asked) == 1
    with page.expect_response("**/training"):
        page.evaluate("() => window.dispatchEvent(new Event('focus'))")


def test_the_state_of_the_model_is_one_sentence_wherever_a_page_says_it(served, page):
    change(served, lambda project: ModelVersion.objects.filter(project=project).update(live=False))
    page.goto(f"/t/{served.examples['tenant']}/projects/{served.examples['project_id']}/")
    change(served, begin)
    look(page, QUIET)
    page.wait_for_selector("[data-told]:text('Training the first model')")

    change(served, half_way)
    look(page, BUSY)

    page.wait_for_selector("#active h2:text('left')")
    told = page.inner_text("[data-told]")
    assert page.inner_text("#active h2").startswith(told)
    assert "about" in told
