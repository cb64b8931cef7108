"""A page with nothing but the text: what this browser takes to show a change at all, its wait for a frame included."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from bench.desks.painting import painted
from bench.loads import Load, Text

PAGE = """<!doctype html><style>body { font: 18px/1.8 sans-serif; max-width: 45em; white-space: pre-wrap }</style>
<b>0</b><p></p><script>
const texts = %s, [count, text] = document.body.children;
text.textContent = texts.shift();
addEventListener("keydown", ({ key }) => {
  if (key === "1") count.textContent++;
  if (key === "Enter") text.textContent = texts.shift();
});
</script>"""
COUNT = "() => document.querySelector('b').textContent"
SHOWS = "() => document.querySelector('p').textContent.slice(0, 60)"


class Bare:
    name = "the text alone"
    can_move = can_accept = False

    def __init__(self, port: int) -> None:
        del port

    @contextlib.contextmanager
    def running(self, folder: Path) -> Iterator[Bare]:
        del folder
        yield self

    def put(self, load: Load, texts: list[Text]) -> str:
        del load
        return PAGE % json.dumps([text.text for text in texts])

    def sign_in(self, page: Page) -> None:
        """Nobody is asked."""

    def open(self, page: Page, project: str) -> None:
        page.set_content(project)

    def words(self, _page: Page) -> list[tuple[float, float]]:
        return [(0.0, 0.0)]

    def label(self, page: Page, _word: tuple[float, float]) -> float:
        return painted(page, lambda: page.keyboard.press("1"), shown=COUNT)

    def next(self, page: Page) -> float:
        return painted(page, lambda: page.keyboard.press("Control+Enter"), shown=SHOWS)
