"""Long texts with many marks: an act takes no longer than on a short one, and only what is near the view is drawn."""

from __future__ import annotations

from typing import Any

import pytest

from tests.desk.sheet import SPANS, Sheet, span

WORDS = ("patient", "was", "given", "aspirin", "in", "Oslo", "by", "doctor", "Berg", "and", "went", "home")
# Far above what it takes (some ms), far below what a person would call waiting.
PATIENCE_MS = 60
PRESS = """async (keys) => {
  for (const key of keys) {
    document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    document.body.offsetHeight;
    await new Promise((done) => requestAnimationFrame(done));
  }
}"""


def act(sheet: Sheet, *keys: str) -> float:
    """What each of these keys costs."""
    return sheet.cost(PRESS, keys) / len(keys)


def long_text(words: int, end: str = ". ") -> str:
    return "".join(WORDS[i % len(WORDS)] + (end if i % 12 == 11 else " ") for i in range(words)).strip()


def many_spans(text: str, count: int) -> list[dict[str, Any]]:
    """So many words, evenly spread."""
    starts = [0, *(i + 1 for i, character in enumerate(text) if character == " ")]
    chosen = [starts[i * len(starts) // count] for i in range(count)]
    ends = [text.find(" ", at) if text.find(" ", at) > 0 else len(text) for at in chosen]
    return [{"start": a, "end": b, "label": SPANS[i % 3]} for i, (a, b) in enumerate(zip(chosen, ends, strict=True))]


def elements(sheet: Sheet) -> int:
    return int(sheet.page.evaluate("() => document.querySelectorAll('.layer *').length"))


@pytest.fixture(params=["5,000 words", "100,000 characters in one line"])
def large(request, sheet):
    text = long_text(5000) if request.param == "5,000 words" else long_text(20_000, end=" ")[:100_000]
    spans = many_spans(text, 500)
    items = [span(f"s{i}", one["start"], one["end"], one["label"]) for i, one in enumerate(spans) if i % 2]
    return sheet.open(text, *items, spans=spans[::2])


def test_every_act_is_quick(large):
    assert act(large, "Escape", *["ArrowRight"] * 9) < PATIENCE_MS
    left = len(large.page.evaluate("() => board.pending"))
    assert act(large, "Tab", *[" "] * 9) < PATIENCE_MS, "accepting"
    assert len(large.page.evaluate("() => board.pending")) == left - 9
    assert act(large, *["1", "2"] * 5) < PATIENCE_MS, "labelling"
    large.page.evaluate("() => board.choose(board.tokens.at(board.text.length >> 1))")
    assert act(large, *["ArrowDown", "ArrowUp", "ArrowRight"] * 3) < PATIENCE_MS, "in the middle"


def test_only_what_is_near_the_view_is_drawn_and_scrolling_draws_the_rest(large):
    assert 0 < elements(large) < 400
    drawn = {tuple(one) for one in large.labelled()}
    assert len(drawn) > 0

    large.press("Control+End", "[")
    last = large.page.evaluate("() => board.state.marks.at(-1)")
    assert large.page.locator(f".name[data-start='{last['start']}']").is_visible()
    mark = large.page.locator(".mark.picked").bounding_box()
    words = large.page.evaluate("(at) => board.boxOf(at).toJSON()", last)
    assert abs(mark["x"] - words["x"]) < 1
    assert abs(mark["y"] - words["y"]) < 1
    assert elements(large) < 400


def test_a_span_over_everything_costs_what_is_seen_of_it(sheet):
    text = long_text(5000)
    sheet.open(text, overlap=True, spans=[{"start": 0, "end": len(text), "label": "PLACE"}])

    assert 5 < sheet.page.locator(".mark").count() < 80
    sheet.page.evaluate("() => (document.querySelector('main').scrollTop = 5000)")
    sheet.frame()
    shown = sheet.page.locator(".mark").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().top)")
    assert min(shown) < 0
    assert max(shown) > 600


def test_the_cursor_goes_a_line_at_a_time_and_keeps_its_column(sheet):
    sheet.open(long_text(400))
    sheet.press("ArrowRight", "ArrowRight", "ArrowRight")
    first = sheet.page.evaluate("() => board.boxOf(board.selection).toJSON()")

    for _ in range(5):
        sheet.press("ArrowDown")
    there = sheet.page.evaluate("() => board.boxOf(board.selection).toJSON()")
    height = sheet.page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('#text')).lineHeight)")
    assert abs(there["y"] - first["y"] - 5 * height) < 3
    assert abs(there["x"] - first["x"]) < 90
    sheet.press(*["ArrowUp"] * 5)
    assert sheet.page.evaluate("() => board.boxOf(board.selection).toJSON()") == first
