"""A real Chromium for tests and for the pictures of the documentation, and how a person uses the desk with it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.install import Install

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Only what never comes takes so long; a machine with much else to do is slow.
PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)


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


def patient(context: BrowserContext) -> BrowserContext:
    """A context whose pages wait as long as that."""
    context.set_default_timeout(PATIENCE_MS)
    return context


def sign_in(context: BrowserContext, install: Install, person: str) -> Page:
    """A page of somebody who has just used a one-time link. The link's own page is not drawn for it."""
    found = re.search(r"/signin/link/\S+", install.manage("loginlink", person))
    assert found, "loginlink printed no link"
    link = install.url + found.group()
    asked = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', context.request.get(link).text())
    assert asked, "the link asks for no confirmation"
    form = {"csrfmiddlewaretoken": asked[1]}
    answer = context.request.post(link, form=form, headers={"Referer": link}, max_redirects=0)
    assert answer.status == 302, answer.text()
    return patient(context).new_page()


class Desk:
    """The desk as a person sees it: keys, words, and what the page says."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._torn: list[str] = []
        page.on("requestfailed", self._failed)

    def open(self, url: str) -> Desk:
        """Where the machine's network changes meanwhile, as it does when containers start, Chromium gives up requests
        to whatever server: then once more, as a person would."""
        while True:
            self._torn.clear()
            self.page.goto(url)
            self.settled()
            if not self._torn:
                return self

    def _failed(self, request: Request) -> None:
        if "ERR_NETWORK_CHANGED" in (request.failure or ""):
            self._torn.append(request.url)

    def settled(self) -> Desk:
        """Nothing is being fetched, and what was done is drawn."""
        self.page.wait_for_selector('#desk[aria-busy="false"]')
        return self._frame()

    def press(self, *keys: str) -> Desk:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def submit(self, *keys: str) -> Desk:
        """Press Enter, or these keys, and wait for the next document, or for the end."""
        before = self.document
        self.press(*(keys or ("Enter",)))
        return self.after(before)

    def after(self, document: str) -> Desk:
        """Wait until another document than this one is on the desk, or none is left."""
        self.page.wait_for_function(
            """(before) => document.querySelector('#desk').getAttribute('aria-busy') === 'false' &&
               (document.querySelector('#document-name').textContent !== before ||
                document.querySelector('#desk').dataset.finished === 'yes')""",
            arg=document,
        )
        return self._frame()

    def saved(self) -> Desk:
        """Wait until the server has everything."""
        return self.says("Saved")

    def says(self, words: str) -> Desk:
        """Wait until the line of the state holds these words."""
        self.page.wait_for_function(
            "(words) => document.querySelector('#state-text').textContent.includes(words)", arg=words
        )
        return self

    def states(self) -> Callable[[], list[str]]:
        """Listen to the line of the state; what it holds from now on, however shortly, is told when it is asked for."""
        heard = self.page.evaluate_handle(
            """() => {
                 const [line, heard] = [document.querySelector('#state-text'), []];
                 const listening = new MutationObserver(() => heard.push(line.textContent));
                 listening.observe(line, { childList: true, characterData: true, subtree: true });
                 return heard;
               }"""
        )
        return lambda: list(heard.json_value())

    def notes(self, words: str) -> Desk:
        """Wait until the line above the text holds these words."""
        self.page.wait_for_function("(words) => document.querySelector('#note').textContent.includes(words)", arg=words)
        return self

    @property
    def document(self) -> str:
        return self.page.inner_text("#document-name")

    @property
    def finished(self) -> bool:
        return self.page.get_attribute("#desk", "data-finished") == "yes"

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
    def heard(self) -> str:
        """What a screen reader was told last."""
        return self.page.inner_text("#live")

    @property
    def text(self) -> str:
        return str(self.page.evaluate("() => document.querySelector('#text').textContent"))

    def labelled(self) -> list[tuple[str, str]]:
        """Each labelled span as (words, label), in order."""
        return self._spans("board.work.marks")

    def suggested(self) -> list[tuple[str, str]]:
        return self._spans("board.pending.filter((item) => item.kind === 'span')")

    def relations(self) -> list[tuple[str, str, str]]:
        """Head, kind and tail of each relation."""
        found = self._of_board(
            """board.work.relations.map(({ head, tail, label }) =>
                 [board.words(board.find(head)), label, board.words(board.find(tail))])"""
        )
        return [(str(head), str(label), str(tail)) for head, label, tail in found]

    def chosen(self) -> list[str]:
        names = self.page.eval_on_selector_all(
            ".option[data-name]:has(:checked)", "(found) => found.map((one) => one.dataset.name)"
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
                 const node = document.querySelector('#text').firstChild;
                 const at = node.data.indexOf(words);
                 if (at < 0) return null;
                 const range = document.createRange();
                 range.setStart(node, at);
                 range.setEnd(node, at + words.length);
                 const box = range.getBoundingClientRect();
                 return { left: box.left, right: box.right, middle: (box.top + box.bottom) / 2 };
               }""",
            words,
        )
        assert found, f"{words!r} is not on the desk"
        return dict(found)

    def _of_board(self, expression: str) -> Any:
        return self.page.evaluate(
            f"() => {{ const {{ board }} = document.querySelector('#desk'); return {expression}; }}"
        )

    def _spans(self, things: str) -> list[tuple[str, str]]:
        found = self._of_board(
            f"[...{things}].sort((a, b) => a.start - b.start).map((one) => [board.words(one), one.label])"
        )
        return [(str(words), str(label)) for words, label in found]
