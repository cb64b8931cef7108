"""Times in a browser that is elsewhere: it says where it is, and pages and scripts tell times of there, until told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import patient
from tests.pages.serving import Served


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    context = patient(browser.new_context(base_url=served.url, timezone_id="America/Los_Angeles"))
    context.add_cookies(served.cookies)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def hour(time: Locator, zone: str) -> str:
    """What a clock showed there."""
    moment = datetime.fromisoformat(time.get_attribute("datetime") or "")
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"


def test_pages_and_scripts_tell_the_times_of_where_the_browser_is_until_another_zone_is_chosen(served, page):
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    tenant, project = served.examples["tenant"], served.examples["project_id"]
    page.goto("/")

    page.goto(f"/t/{tenant}/projects/{project}/")
    page.click("table.recent a")
    time = page.locator("td time").first
    expect(time).to_contain_text(hour(time, "America/Los_Angeles"))
    expect(time).to_have_attribute(
        "title", f"{time.get_attribute('title')}".partition("(")[0] + "(America/Los_Angeles)"
    )
    expect(page.locator("p.zone")).to_contain_text("Times are shown in America/Los_Angeles.")

    page.goto(served.desk)
    page.wait_for_selector('#desk[aria-busy="false"]')
    page.click('.tools [data-act="history"]')
    earlier = page.locator("#earlier-list time").first
    expect(earlier).to_contain_text(hour(earlier, "America/Los_Angeles"))

    page.goto("/account/password")
    page.select_option("#zone", "Asia/Tokyo")
    page.click("form:has(#zone) button >> nth=0")
    expect(page.locator(".notice")).to_contain_text("Times are shown in Asia/Tokyo from now on.")
    expect(page.locator("#zone-hint")).to_contain_text("This browser says that it is in America/Los_Angeles.")
    page.goto(f"/t/{tenant}/documents/{served.examples['document_id']}/answers")
    page.goto(f"/t/{tenant}/projects/{project}/import")
    time = page.locator("td time").first
    expect(time).to_contain_text(hour(time, "Asia/Tokyo"))
    assert errors == []
