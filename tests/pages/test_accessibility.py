"""Every page by the rules of WCAG 2.2 AA, as axe knows them, and on narrow screens; the URL table says which."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.addresses import API_PREFIX, routes
from tests.browser import Desk, patient
from tests.pages.serving import Served

AXE = Path(__file__).parents[2] / ".venv/node/node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Where colours are forced, the browser paints others than those that axe computes.
BROKEN_RULES = """async (tags) => {
  const forced = matchMedia("(forced-colors: active)").matches;
  const rules = { "color-contrast": { enabled: !forced } };
  const found = await axe.run(document, { runOnly: { type: "tag", values: tags }, rules });
  return found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}: ${node.any[0]?.message ?? rule.help}`));
}"""
TOO_WIDE = """() => {
  const page = document.documentElement;
  if (page.scrollWidth <= page.clientWidth) return [];
  const all = [...document.querySelectorAll("body *")];
  const out = all.filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
  return [`${page.scrollWidth} px wide: ` + out.slice(0, 5).map((one) => `${one.tagName}.${one.className}`).join(", ")];
}"""
# After another look was asked for, colours change bit by bit.
TRANSITIONS = """async () => {
  const changing = document.getAnimations().filter((one) => one instanceof CSSTransition);
  await Promise.allSettled(changing.map((one) => one.finished));
}"""
PLAIN: dict[str, Any] = {"color_scheme": "light", "forced_colors": "none", "reduced_motion": "no-preference"}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"forced_colors": "active"},
    "reduced motion": {"reduced_motion": "reduce"},
}
# 640 px is what is left of 1280 at a zoom of 200 %.
NARROW = {"390 px": 390, "zoom 200 %": 640}


@pytest.fixture(scope="module")
def pages(served: Served) -> list[str]:
    """Addresses of all that answers GET with a page; no address may answer that it failed."""
    found = []
    for route, _, _ in routes():
        if route.startswith(API_PREFIX) or route in ("healthz", "readyz"):
            continue
        address = "/" + re.sub(r"<\w+:(\w+)>", lambda name: served.example(name.group(1)), route)
        status, kind = served.probe(address)
        assert status in (200, 302, 405, 410), f"{address} answers {status}"
        if status in (200, 410) and kind.startswith("text/html"):
            found.append(address)
    return found


def opened(browser: Browser, served: Served, width: int = 1280, **look: Any) -> BrowserContext:
    context = patient(browser.new_context(viewport={"width": width, "height": 800}, base_url=served.url, **look))
    context.add_cookies(served.cookies)  # type: ignore[arg-type]
    return context


def broken(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    return list(page.evaluate(BROKEN_RULES, TAGS))


def assert_none(found: dict[str, list[str]]) -> None:
    said = [f"{where}: {what}" for where, complaints in found.items() for what in complaints]
    assert not said, "\n".join(said)


def settled(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_function("() => !document.querySelector('[aria-busy=\"true\"]')")


def test_no_page_breaks_a_rule_however_it_looks(browser, served, pages):
    context = opened(browser, served)
    page = context.new_page()
    found = {}
    for address in pages:
        settled(page, address)
        page.evaluate(AXE.read_text())
        for name, look in LOOKS.items():
            page.emulate_media(**PLAIN | look)
            page.evaluate(TRANSITIONS)
            found[f"{address} ({name})"] = page.evaluate(BROKEN_RULES, TAGS)
    context.close()

    assert_none(found)


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("address", ["/signin", "/nothing-here"])
def test_what_strangers_see_breaks_no_rule(browser, served, address, look):
    context = browser.new_context(base_url=served.url, **LOOKS[look])
    page = context.new_page()
    page.goto(address)

    assert_none({address: broken(page)})
    context.close()


def test_no_page_is_wider_than_its_screen(browser, served, pages):
    context = opened(browser, served, min(NARROW.values()))
    page = context.new_page()
    found = {}
    for address in pages:
        settled(page, address)
        for name, width in NARROW.items():
            page.set_viewport_size({"width": width, "height": 800})
            found[f"{address} ({name})"] = page.evaluate(TOO_WIDE)
        page.set_viewport_size({"width": min(NARROW.values()), "height": 800})
    context.close()

    assert_none(found)


@pytest.mark.parametrize("look", ["light", "dark", "forced colours"])
def test_the_desk_at_work_breaks_no_rule(browser, served, look):
    context = opened(browser, served, **LOOKS[look])
    desk = Desk(context.new_page()).open(served.desk)
    found = {"suggestions": broken(desk.page)}
    for state, keys in {
        "picked": ["Tab"], "labelled": ["End", "1"], "selected": ["ArrowLeft"], "keys": ["?"],
        "skip": ["Escape", "."], "comment": ["Escape", ";"], "earlier": ["Escape", "h"], "search": ["Escape", "/"],
        "guidelines": ["Escape", "g"],
    }.items():  # fmt: skip
        desk.press(*keys)
        found[state] = broken(desk.page)
    context.close()

    assert_none(found)
