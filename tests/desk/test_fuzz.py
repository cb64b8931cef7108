"""Whatever keys, mouse and fingers do to any text: offsets stay true, marks lie on their words, undo takes all back."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.desk.sheet import Sheet, labels

SIGNS = (
    "Ada", "Berg", "Élan", "e\u0301", "שלום", "עולם", "مُحَمَّد", "أوسلو", "北京", "東京に住む", "👨‍👩‍👧‍👦",
    "🇳🇴", "👍🏽", "😀", "𝒳", "1990", "don't", "x-ray",
    "नमस्ते", "ภาษาไทย", "a\u200bb", "\u200e", "\u202eabc\u202c", "\ufeff", "\u00ad", "ﬁ", "\x07",
)  # fmt: skip
GAPS = (" ", " ", " ", " ", "\n", "\r\n", "\t", "  ", "\u00a0", "\u3000", ", ", ". ", "")
KEYS = (
    "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "Home", "End", "Control+Home", "Control+End",
    "Shift+ArrowRight", "Shift+ArrowLeft", "Control+Shift+ArrowLeft", "Control+Shift+ArrowRight",
    "Alt+Shift+ArrowRight", "Alt+Shift+ArrowLeft", "Control+Alt+Shift+ArrowLeft", "Control+Alt+Shift+ArrowRight",
    "Shift+ArrowDown", "Shift+ArrowUp", "Shift+End", "]", "[", ">", "<", "Delete", "Shift+Space", "Control+z",
    "Control+z", "Control+y", "Escape", "Tab", "Space", "k", "-", "7", "1", "2", "3", "1", "2", "3", "_", "%",
    "Shift+A", "Shift+B", "Shift+Delete",
)  # fmt: skip

# What must be true after any act, told from the page itself and from the text alone, not from what the desk keeps.
TRUE = """(text) => {
  const points = [...text];
  const units = [0];
  for (const one of points) units.push(units.at(-1) + one.length);
  const node = document.querySelector('#text').firstChild;
  const wrong = [];
  if (node.data !== text) wrong.push('the text has changed');
  const [frame, height] = [document.querySelector('.stack').getBoundingClientRect(), innerHeight];
  for (const { id, start, end } of board.work.marks) {
    if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start < end && end <= points.length)) {
      wrong.push(`${start} to ${end}`);
      continue;
    }
    if (board.words({ start, end }) !== points.slice(start, end).join('')) wrong.push(`words at ${start} to ${end}`);
    const range = document.createRange();
    range.setStart(node, units[start]);
    range.setEnd(node, units[end]);
    const seen = ({ top, bottom }) => top > 0 && bottom < height;
    const boxes = [...range.getClientRects()].filter((box) => box.width > 1 && seen(box));
    const drawn = [...document.querySelectorAll(`.mark[data-id="${id}"]`)];
    const pieces = drawn.map((piece) => piece.getBoundingClientRect());
    const level = (a, b) => Math.abs(a.top - b.top) < 1.5;
    for (const box of boxes) {
      if (!pieces.some((one) => level(one, box) && one.left <= box.left + 1.5 && box.right <= one.right + 1.5)) {
        wrong.push(`nothing drawn for ${start} to ${end} at ${box.left - frame.left} ${box.top}`);
      }
    }
    for (const one of pieces.filter(seen)) {
      const under = [...range.getClientRects()].filter((box) => level(one, box));
      const [left, right] = [Math.min(...under.map((box) => box.left)), Math.max(...under.map((box) => box.right))];
      if (one.left < left - 1.5 || right + 1.5 < one.right) wrong.push(`too much drawn for ${start} to ${end}`);
    }
  }
  return wrong;
}"""
ANSWER = "async () => JSON.stringify((await import('/static/web/desk/work.js')).toAnswer(board.work))"
# The tokens that a drag from one character to another touches, by cutting the whole text.
MEANT = """([text, from, to]) => {
  const blank = /^[\\s\\p{Cc}\\p{Cf}]*$/u;
  let at = 0;
  const touched = [];
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'word' }).segment(text)) {
    const end = at + [...segment].length;
    if (!blank.test(segment) && at <= to && from < end) touched.push([at, end]);
    at = end;
  }
  return touched.length ? [touched[0][0], touched.at(-1)[1]] : null;
}"""
# What the browser has selected, in code points.
SELECTED = """() => {
  const range = getSelection().getRangeAt(0);
  const points = (unit) => [...range.startContainer.data.slice(0, unit)].length;
  return [points(range.startOffset), points(range.endOffset)];
}"""
SPOT = "(at) => { const box = board.sheet.spot(at); const { left, top } = board.sheet.stack.getBoundingClientRect(); "
SPOT += "return box && box.width > 3 ? [Math.floor(left + box.left + box.width / 2), "
SPOT += "Math.floor(top + box.top + box.height / 2)] : null; }"


def text_of(chance: random.Random, words: int) -> str:
    return "".join(chance.choice(SIGNS) + chance.choice(GAPS) for _ in range(words))


def act(sheet: Sheet, chance: random.Random) -> str:
    """Do something, and say what it was."""
    box = sheet.page.locator("#text").bounding_box()
    assert box
    height = min(box["height"], 600)

    def anywhere() -> tuple[float, float]:
        # A mouse knows whole pixels; Chromium selects nothing when a press lies between them.
        return int(box["x"] + chance.random() * box["width"]), int(max(box["y"], 0) + chance.random() * height)

    spot = anywhere()
    kind = chance.randrange(12)
    if kind < 7:
        key = chance.choice(KEYS)
        sheet.press(key)
        return key
    if kind == 7:
        sheet.page.mouse.click(*spot, click_count=chance.randint(1, 3))
    elif kind < 10:
        other = anywhere()
        alt = chance.random() < 0.3
        if alt:
            sheet.page.keyboard.down("Alt")
        sheet.pull(spot, other)
        if alt:
            sheet.page.keyboard.up("Alt")
        return f"drag {spot} {other} {alt}"
    elif kind == 10:
        sheet.press("f")
        sheet.page.keyboard.insert_text(chance.choice(("a", "b", "ש", "北", "1", "zz")))
        sheet.press(chance.choice(("Enter", "ArrowDown", "2", "Space", "Shift+Enter", "Escape")))
        sheet.press("Enter") if sheet.page.is_visible(".jump") else None
    else:
        sheet.page.touchscreen.tap(*spot)
    return f"{kind} {spot}"


@pytest.mark.parametrize(("seed", "overlap"), [(1, False), (3, True)])
def test_nothing_that_is_done_leaves_the_desk_wrong(make_sheet, seed, overlap):
    chance = random.Random(seed)
    sheet = make_sheet(has_touch=True, viewport={"width": chance.choice((420, 1000)), "height": 700})
    text = text_of(chance, 60)
    given: list[dict[str, Any]] = labels({"name": "knows"})
    sheet.open(text, overlap=overlap, labels=given)
    first = sheet.page.evaluate(ANSWER)

    did = []
    for _ in range(60):
        did.append(act(sheet, chance))
        assert sheet.frame().page.evaluate(TRUE, text) == [], did
        assert sheet.errors == [], did
    last = sheet.page.evaluate(ANSWER)
    acts = sheet.page.evaluate("() => { let n = 0; for (; board.canUndo; n += 1) board.undo(); return n; }")
    assert sheet.page.evaluate(ANSWER) == first
    sheet.page.evaluate("(n) => { for (let i = 0; i < n; i += 1) board.redo(); }", acts)
    assert sheet.page.evaluate(ANSWER) == last
    assert acts > 4


@pytest.mark.parametrize("seed", [11, 12])
def test_a_drag_marks_the_words_that_it_goes_over_and_no_others(make_sheet, seed):
    chance = random.Random(seed)
    sheet = make_sheet().open("", overlap=True)
    tried = 0
    for _ in range(12):
        text = text_of(chance, 25).replace("\u202e", "").replace("\u202c", "")
        sheet.page.evaluate("(text) => board.open({ text })", text)
        sheet.frame()
        points = sorted(chance.sample(range(len(text)), 2))
        spots = [sheet.page.evaluate(SPOT, at) for at in points]
        if not all(spots):
            continue
        sheet.page.mouse.move(*spots[0])
        sheet.page.mouse.down()
        sheet.page.mouse.move(*spots[1], steps=4)
        start, end = sheet.page.evaluate(SELECTED)
        sheet.page.mouse.up()
        sheet.frame().press("1")
        meant = sheet.page.evaluate(MEANT, [text, start, end - 1]) if end > start else None
        if meant is None:
            continue
        tried += 1
        marks = sheet.page.evaluate("() => board.work.marks.map(({ start, end }) => [start, end])")
        assert marks == [meant], (text, start, end)
    assert tried > 4
