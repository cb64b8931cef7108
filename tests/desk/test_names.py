"""Any name of a label, a question or a choice can be answered, is stored, and is shown again."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser import Desk
from tests.desk.bench import Bench, watched
from tests.install import eventually

# What every object of JavaScript has, and what templates and forms could take for something of theirs.
NAMES = (
    "constructor", "toString", "__proto__", "hasOwnProperty", "valueOf", "isPrototypeOf", "__defineGetter__",
    "prototype", "length", "items", "keys", "get", "name", "act", "null", "%(name)s", "a.b", "Größe \"x\" & <b>", "🙂",
)  # fmt: skip
WORDS = "one two three four five six seven eight nine ten"
SPANS = NAMES[:9]


def pick(page: Page, question: str) -> None:
    """Click the choice that is called as its question is: the first of two."""
    page.locator(".option[data-name]").nth(2 * NAMES.index(question)).click()


def test_whatever_things_are_called_can_be_said(place, browser, context):
    errors: list[str] = []
    questions = [
        {"name": name, "multiple": place % 2 == 1, "choices": [name, NAMES[place - 1]]}
        for place, name in enumerate(NAMES)
    ]
    spans = [{"name": name, "key": str(place + 1)} for place, name in enumerate(SPANS)]
    meta = {"items": "what templates take for a method", "__proto__": "x"}
    bench = Bench(
        place, "names", lines=[{"id": "d0", "text": WORDS, "meta": meta}], spans=spans, questions=questions,
        relations=[{"name": name, "pairs": [[SPANS[0], SPANS[1]]]} for name in ("constructor", "__proto__")],
    )  # fmt: skip
    desk = bench.desk(context)
    watched(desk.page, errors)

    for nth in range(len(SPANS)):
        desk.press(str(nth + 1), "Escape", "ArrowRight")
    desk.press("-", "-", "Control+Home", "Tab", "Space", "Tab", "Space")
    for question in NAMES:
        pick(desk.page, question)
    eventually("the draft to arrive", lambda: len((bench.found("d0") or {"classes": ()})["classes"]) == len(NAMES))

    elsewhere = browser.new_context()
    there = bench.desk(elsewhere)
    assert there.chosen() == list(NAMES), "the draft, in another browser"
    assert there.relations() == [("one", "__proto__", "two")]
    elsewhere.close()
    desk.page.reload()
    desk.settled().submit().saved()
    answer = bench.answer("d0")
    assert answer["state"] == "submitted"
    assert answer["classes"] == {name: [name] for name in NAMES}
    assert [span["label"] for span in answer["spans"]] == list(SPANS)
    again = Desk(desk.page).open(bench.address("d0"))
    assert again.chosen() == list(NAMES)
    assert [label for _, label in again.labelled()] == list(SPANS)
    assert errors == []

    pick(desk.page, "__proto__")
    desk.submit().saved()
    assert "__proto__" not in bench.answer("d0")["classes"], "and it can be taken back"


def test_without_scripts_too(place, browser):
    bench = Bench(place, "namesplain", WORDS, questions=[{"name": name, "choices": [name, "x"]} for name in NAMES])
    plain = browser.new_context(java_script_enabled=False)
    page = bench.page(plain)
    page.goto(bench.url)

    for nth in range(len(NAMES)):
        page.locator(".option[data-name] input").nth(2 * nth).check()
    page.click("#submit")
    page.wait_for_selector("text=Nothing left for you")

    assert bench.answer("d0")["classes"] == {name: [name] for name in NAMES}
    plain.close()
