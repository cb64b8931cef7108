"""What scripts add to the label set's pages: labels dragged into order, guidelines shown while they are typed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import patient
from tests.pages.serving import Served


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    context = patient(browser.new_context(base_url=served.url))
    context.add_cookies(served.cookies)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def at(served: Served, name: str) -> str:
    return f"/t/{served.examples['tenant']}/projects/{served.examples['project_id']}/{name}"


def names(page: Page, group: str) -> list[str]:
    return page.locator(f"section[aria-labelledby='group-{group}'] li .name a").all_inner_texts()


def drag(page: Page, label: str, to: str) -> None:
    """By its grip, to below another."""
    row = page.locator("li[data-label]", has_text=label)
    target = page.locator("li[data-label]", has_text=to).bounding_box()
    row.locator("[data-grip]").hover()
    page.mouse.down()
    page.mouse.move(target["x"] + 20, target["y"] + target["height"] - 3, steps=4)


def test_labels_are_dragged_into_order(page, served):
    page.goto(at(served, "labels"))
    assert names(page, "span") == ["PERSON", "PLACE"]

    drag(page, "PERSON", "PLACE")
    with page.expect_navigation():
        page.mouse.up()
    assert names(page, "span") == ["PLACE", "PERSON"]

    drag(page, "PLACE", "PERSON")
    page.keyboard.press("Escape")
    page.mouse.up()
    assert names(page, "span") == ["PLACE", "PERSON"]
    assert page.locator(".dragged, .before, .after").count() == 0


def test_labels_are_moved_by_keyboard(page, served):
    page.goto(at(served, "labels"))
    first, second = names(page, "span")

    button = page.get_by_role("button", name=f"Move {second} up")
    button.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")

    assert names(page, "span") == [second, first]


def test_guidelines_show_while_they_are_typed_and_are_not_left_unsaved_by_mistake(page, served):
    page.goto(at(served, "guidelines"))
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))

    page.get_by_label("Markdown").fill("# Names\n\n**only** people")

    expect(page.locator("#preview h3")).to_have_text("Names")
    expect(page.locator("#preview strong")).to_have_text("only")
    page.get_by_label("Markdown").press("End")
    page.goto(at(served, "labels"))
    assert asked == ["beforeunload"]


def test_a_preview_that_cannot_be_made_says_so_and_loses_nothing(page, served):
    page.goto(at(served, "guidelines"))
    page.route("**/guidelines", lambda route: route.abort())

    page.get_by_label("Markdown").fill("*typed*")

    expect(page.get_by_role("status")).to_contain_text("not lost")
    page.unroute("**/guidelines")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#preview em")).to_have_text("typed")
