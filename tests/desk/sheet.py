"""The text of the desk alone in a small page, without server or panel: what a person does to it, and what they see."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser import patient

ROOT = Path(__file__).resolve().parents[2]
HERE = "/tests/desk/page.html"

SPANS = ("PERSON", "PLACE", "DRUG")
COLORS = ("#2563eb", "#b45309", "#15803d")


class _Files(SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        return super().translate_path(path.replace("/static/web/", "/web/static/web/", 1))

    def log_message(self, format: str, *args: Any) -> None:
        """Tests print nothing."""


@contextmanager
def served() -> Iterator[str]:
    """The address of the page, with the scripts and styles as the repository has them."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(ROOT))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}{HERE}"
        server.shutdown()
        thread.join()


def labels(*relations: dict[str, Any]) -> list[dict[str, Any]]:
    """Three kinds of spans on the keys 1 to 3, a question, and whatever relations there are on 7, 8, …"""
    spans = [
        {"kind": "span", "name": name, "color": color, "key": str(key)}
        for key, (name, color) in enumerate(zip(SPANS, COLORS, strict=True), start=1)
    ]
    choices = [
        {"kind": "choice", "question": "topic", "name": name, "color": "#888888", "key": key}
        for name, key in (("billing", "4"), ("delivery", "5"))
    ]
    joined = [
        {"kind": "relation", "color": "#7c3aed", "key": str(key)} | relation
        for key, relation in enumerate(relations, start=7)
    ]
    return [*spans, *choices, *joined]


def span(item: str, start: int, end: int, label: str, score: float = 0.9) -> dict[str, Any]:
    """A suggested span."""
    return {"id": item, "kind": "span", "start": start, "end": end, "label": label, "score": score}


class Sheet:
    """A page with a text on it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.goto(url)

    def anew(self) -> Sheet:
        """As at first, for the next test."""
        self.page.emulate_media(media="null")
        self.page.mouse.up()
        self.page.mouse.move(0, 0)
        self.page.goto(self.page.url)
        self.errors.clear()
        return self

    def open(self, text: str, *items: dict[str, Any], overlap: bool = False, **parts: Any) -> Sheet:
        """Put a text on the desk; `spans` and `relations` are those of an answer that stands already, `terms` what the
        dictionary says."""
        given = {
            "text": text,
            "labels": parts.pop("labels", labels()),
            "rules": {"allowOverlap": overlap},
            "suggestion": {"id": 1, "items": list(items)} if items else None,
            "terms": parts.pop("terms", None),
        }
        answer = {"spans": parts.pop("spans", []), "relations": parts.pop("relations", [])}
        assert not parts, f"no such parts: {parts}"
        self.page.wait_for_function("() => window.start")
        self.page.evaluate(
            """async ([given, answer]) => {
                 const { fromAnswer } = await import("/static/web/desk/work.js");
                 const { itemOf } = await import("/static/web/desk/terms.js");
                 const terms = given.terms?.map(itemOf) ?? null;
                 start({ ...given, terms, work: fromAnswer(answer) });
               }""",
            [given, answer],
        )
        return self.frame()

    def frame(self) -> Sheet:
        """Wait until what was done is drawn."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return self

    def cost(self, program: str, argument: Any = None) -> float:
        """Milliseconds for which the page computes; waiting for the processor of a busy machine is not counted."""
        asked = self.page.context.new_cdp_session(self.page)
        asked.send("Performance.enable", {"timeDomain": "threadTicks"})

        def spent() -> float:
            told = asked.send("Performance.getMetrics")["metrics"]
            return float(next(one["value"] for one in told if one["name"] == "ThreadTime"))

        before = spent()
        self.page.evaluate(program, argument)
        after = spent()
        asked.detach()
        return 1000 * (after - before)

    def press(self, *keys: str) -> Sheet:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    # --- what is seen ---------------------------------------------------------------------------------------------

    @property
    def selection(self) -> str:
        """What the browser shows as selected."""
        return str(self.page.evaluate("() => getSelection().toString()"))

    def labelled(self) -> list[tuple[str, str]]:
        """Each mark on the page as (words, label), in order."""
        return self._names(":not(.suggested)")

    def suggested(self) -> list[tuple[str, str]]:
        return self._names(".suggested")

    def relations(self) -> list[tuple[str, str, str]]:
        """Head, kind and tail of each relation."""
        found = self.page.evaluate(
            """() => {
                 const words = (id) => board.words(board.find(id));
                 return board.work.relations.map((r) => [words(r.head), r.label, words(r.tail)]);
               }"""
        )
        return [(str(head), str(label), str(tail)) for head, label, tail in found]

    @property
    def picked(self) -> str:
        """The words of what is picked on the page, and its name there."""
        return str(
            self.page.evaluate(
                """() => {
                     const name = document.querySelector('.name.picked');
                     if (!name) return '';
                     return `${board.text.slice(+name.dataset.start, +name.dataset.end)} ${name.textContent}`;
                   }"""
            )
        )

    @property
    def said(self) -> str:
        """What a screen reader heard last."""
        return str(self.page.evaluate("() => said.at(-1) ?? ''"))

    @property
    def seen(self) -> set[str]:
        return set(self.page.evaluate("() => [...board.seen]"))

    def verdicts(self, *, complete: bool = True) -> dict[str, str]:
        found = self.page.evaluate("(complete) => board.decisions({ complete })", complete)
        return {one["item"]: one["verdict"] for one in found if "item" in one}

    def of_terms(self, text: str, **how: Any) -> list[tuple[str, str, str, str]]:
        """What was decided on of the dictionary's: words, label, source, verdict."""
        found = self.page.evaluate("(how) => board.decisions(how)", {"complete": True} | how)
        terms = [(one["term"], one["verdict"]) for one in found if "term" in one]
        return [(text[t["start"] : t["end"]], t["label"], t["source"], verdict) for t, verdict in terms]

    def _names(self, kind: str) -> list[tuple[str, str]]:
        found = self.page.evaluate(
            """(kind) => [...document.querySelectorAll(`.name${kind}`)]
                 .map((name) => board.find(name.dataset.id))
                 .sort((a, b) => a.start - b.start || b.end - a.end)
                 .map((thing) => [board.words(thing), thing.label])""",
            kind,
        )
        return [(str(words), str(label)) for words, label in found]

    # --- what is done with the pointer ----------------------------------------------------------------------------

    def box(self, words: str, nth: int = 0) -> dict[str, float]:
        """Where some words stand in the window."""
        found = self.page.evaluate(
            """([words, nth]) => {
                 const at = board.text.all(words)[nth];
                 const box = at && board.boxOf(at);
                 return box && { left: box.left, right: box.right, top: box.top, bottom: box.bottom,
                                 x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
               }""",
            [words, nth],
        )
        assert found, f"{words!r} is not in the text"
        return dict(found)

    def click(self, words: str, *, count: int = 1, nth: int = 0) -> Sheet:
        box = self.box(words, nth)
        self.page.mouse.click(box["x"], box["y"], click_count=count)
        return self.frame()

    def drag(self, first: str, last: str, *, modifier: str = "") -> Sheet:
        """From the first character of some words to the last of others."""
        start, end = self.box(first), self.box(last)
        if modifier:
            self.page.keyboard.down(modifier)
        self.pull((start["left"] + 1, start["y"]), (end["right"] - 1, end["y"]))
        if modifier:
            self.page.keyboard.up(modifier)
        return self.frame()

    def pull(self, start: tuple[float, float], end: tuple[float, float]) -> Sheet:
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=5)
        self.page.mouse.up()
        return self.frame()

    def middle(self, selector: str) -> tuple[float, float]:
        """The middle of something drawn."""
        box = self.page.locator(selector).bounding_box()
        assert box, f"{selector} is not to be seen"
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def opened(browser: Browser, url: str, **options: Any) -> Sheet:
    context = patient(browser.new_context(**({"viewport": {"width": 1000, "height": 700}} | options)))
    return Sheet(context.new_page(), url)
