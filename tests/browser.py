"""A real Chromium for tests and for the pictures of the documentation, and how a person uses the desk with it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.install import Install

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 20_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's own Chromium; there is none in the virtual environment."""
    name = os.environ.get("CHROMIUM") or "chromium"
    program = shutil.which(name)
    assert program, f"There is no Chromium ({name}): install the package chromium, or set CHROMIUM to its path."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


def sign_in(context: BrowserContext, install: Install, person: str) -> Page:
    """A page of somebody who has just used a one-time link."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    found = re.search(r"/signin/link/\S+", install.manage("loginlink", person))
    assert found, "loginlink printed no link"
    page.goto(install.url + found.group())
    return page


class Desk:
    """The desk as a person sees it: keys, words, and what the page says."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, url: str) -> Desk:
        self.page.goto(url)
        return self.settled()

    def settled(self) -> Desk:
        self.page.wait_for_selector('#desk[aria-busy="false"]')
        return self

    def press(self, *keys: str) -> Desk:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def submit(self, key: str = "Enter") -> Desk:
        """Press it and wait for the next document, or for the end."""
        before = self.document
        self.press(key)
        self.page.wait_for_function(
            """(before) => document.querySelector('#desk').getAttribute('aria-busy') === 'false' &&
               (document.querySelector('#document-name').textContent !== before ||
                document.querySelector('#desk').dataset.finished === 'yes')""",
            arg=before,
        )
        return self

    @property
    def document(self) -> str:
        return self.page.inner_text("#document-name")

    @property
    def selection(self) -> str:
        return str(self.page.evaluate("() => getSelection().toString()"))

    @property
    def state(self) -> str:
        return self.page.inner_text("#state-text")

    @property
    def note(self) -> str:
        return self.page.inner_text("#note")

    @property
    def text(self) -> str:
        """The text alone, without the tags that stand in it."""
        return "".join(self._all("#text > :not(.tag)"))

    def labelled(self) -> list[tuple[str, str]]:
        """Each labelled span as (words, label), in order."""
        return self._spans(":not(.suggested)")

    def suggested(self) -> list[tuple[str, str]]:
        return self._spans(".suggested")

    def chosen(self) -> list[str]:
        names = self.page.eval_on_selector_all(
            '[data-act="choice"][aria-pressed="true"]', "(found) => found.map((one) => one.dataset.name)"
        )
        return [str(name) for name in names]

    def drag(self, first: str, last: str, *, modifier: str = "") -> Desk:
        """Select with the mouse from the first character of one piece of text to the last of another."""
        start, end = self._box(first), self._box(last)
        if modifier:
            self.page.keyboard.down(modifier)
        self.page.mouse.move(start["left"] + 1, start["middle"])
        self.page.mouse.down()
        self.page.mouse.move(end["right"] - 1, end["middle"], steps=4)
        self.page.mouse.up()
        if modifier:
            self.page.keyboard.up(modifier)
        return self._frame()

    def click(self, words: str) -> Desk:
        box = self._box(words)
        self.page.mouse.click((box["left"] + box["right"]) / 2, box["middle"])
        return self._frame()

    def _frame(self) -> Desk:
        """The desk reads a mouse's selection in the frame after."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return self

    def _box(self, words: str) -> dict[str, float]:
        found = self.page.evaluate(
            """(words) => {
                 const walk = document.createTreeWalker(document.querySelector('#text'), NodeFilter.SHOW_TEXT);
                 for (let node = walk.nextNode(); node; node = walk.nextNode()) {
                   const at = node.data.indexOf(words);
                   if (at < 0 || node.parentElement.closest('.tag')) continue;
                   const range = document.createRange();
                   range.setStart(node, at);
                   range.setEnd(node, at + words.length);
                   const box = range.getBoundingClientRect();
                   return { left: box.left, right: box.right, middle: (box.top + box.bottom) / 2 };
                 }
                 return null;
               }""",
            words,
        )
        assert found, f"{words!r} is not on the desk in one piece"
        return dict(found)

    def _all(self, selector: str) -> list[str]:
        return [str(text) for text in self.page.eval_on_selector_all(selector, "(f) => f.map((e) => e.textContent)")]

    def _spans(self, kind: str) -> list[tuple[str, str]]:
        labels = self.page.eval_on_selector_all(
            f"#text > .tag{kind}", "(found) => found.map((tag) => tag.firstChild.textContent)"
        )
        return list(zip(self._all(f"#text > mark{kind}"), [str(label) for label in labels], strict=True))
