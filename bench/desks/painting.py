"""From an event to the picture of what it did, as the page itself sees it.

The clock starts at the event's own `timeStamp`, when the browser received it; of keys pressed together, at that of the
last one, for it is what acts. In each frame the page is asked whether it shows what was to happen; the first frame that
does posts a message, which is handled after that frame was painted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

PATIENCE_MS = 60_000
ARM = """() => {
  const shown = %(shown)s;
  const before = shown();
  window.painted = new Promise((resolve, reject) => {
    const started = performance.now();
    let pressed = null;
    const began = (event) => {
      if (["Alt", "Control", "Meta", "Shift"].includes(event.key)) return;
      pressed = event.timeStamp;
      removeEventListener("%(event)s", began, true);
    };
    addEventListener("%(event)s", began, true);
    const look = () => {
      if (performance.now() - started > %(patience)s) return reject(new Error("not painted in time"));
      if (pressed === null || shown() === before || shown() === null) return requestAnimationFrame(look);
      const channel = new MessageChannel();
      channel.port1.onmessage = () => resolve(performance.now() - pressed);
      channel.port2.postMessage(null);
    };
    requestAnimationFrame(look);
  });
}"""
# Words that are in view, belong to no span yet, and have nothing lying over them: the middle of each.
FREE_WORDS = """([text, marked]) => {
  const container = document.querySelector(text);
  const spans = [...document.querySelectorAll(marked)].flatMap((one) => [...one.getClientRects()])
    .filter((box) => box.bottom > 0 && box.top < innerHeight);
  const inside = (box) =>
    box.width > 12 && box.left > 0 && box.right < innerWidth && box.top > 0 && box.bottom < innerHeight;
  const free = (box) => !spans.some((span) => span.left < box.right && span.right > box.left &&
    span.top < box.bottom + 6 && span.bottom > box.top - 6);
  const found = [];
  const walk = document.createTreeWalker(container, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const whole = document.createRange();
    whole.selectNodeContents(node);
    const around = whole.getBoundingClientRect();
    if (around.bottom < 0 || around.top > innerHeight) continue;
    for (const word of node.data.matchAll(/[a-z]{3,}/g)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const box = range.getBoundingClientRect();
      if (box.top > innerHeight) break;
      if (!inside(box) || !free(box)) continue;
      const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
      if (container.contains(document.elementFromPoint(x, y))) found.push([x, y]);
    }
  }
  return found;
}"""


def painted(page: Page, act: Callable[[], Any], *, shown: str, event: str = "keydown") -> float:
    """Milliseconds from the event that ``act`` makes to the paint in which ``shown`` has another value, not null."""
    page.evaluate(ARM % {"shown": shown, "event": event, "patience": PATIENCE_MS})
    act()
    return float(page.evaluate("() => window.painted"))


def free_words(page: Page, text: str, marked: str) -> list[tuple[float, float]]:
    return [(x, y) for x, y in page.evaluate(FREE_WORDS, [text, marked])]
