/**
 * The text as it lies on the page: one text node that never changes while a document is open. This file knows where
 * things are: it turns code points into boxes and spots of the window into code points. Drawing is up to others; they
 * get a layer below the text and one above it, and nothing that they put there moves a word.
 */

import { Text } from "./offsets.js";

/**
 * @typedef {import("./offsets.js").Range} Range
 * @typedef {{ left: number, top: number, width: number, height: number }} Box pixels from the stack's corner
 */

/** Pixels beyond the view that are drawn ahead of scrolling. */
const AHEAD = 500;
/** Ranges of more code points are measured only where they can be seen. */
const LONG = 3000;
/** Pixels between what is chosen and the edge of the view. */
const MARGIN = 56;

export class Sheet {
  /** @param {HTMLElement} element @param {{ moved: () => void, resized: () => void }} on */
  constructor(element, on) {
    this.element = element;
    this.on = on;
    this.stack = stacked(element);
    this.under = layer(this.stack, "under", element);
    this.over = layer(this.stack, "over", null);
    this.text = new Text("");
    /** @type {globalThis.Text} */
    this.node = document.createTextNode("");
    this.range = document.createRange();
    /** @type {Map<number, Box[]>} */
    this.known = new Map();
    /** @type {{ top: number, bottom: number, start: number, end: number } | null} */
    this.drawn = null;
    /** @type {Element | null} */
    this.scrolls = null;
    this.frame = 0;
    this.#listen();
  }

  #listen() {
    const soon = () => {
      this.frame ||= requestAnimationFrame(() => {
        this.frame = 0;
        this.on.moved();
      });
    };
    document.addEventListener("scroll", soon, { capture: true, passive: true });
    let width = 0;
    new ResizeObserver(() => {
      if (this.element.clientWidth === width && this.drawn) return soon();
      width = this.element.clientWidth;
      this.scrolls = null;
      this.forget();
      return this.on.resized();
    }).observe(this.element);
    document.fonts?.addEventListener("loadingdone", () => {
      this.forget();
      this.on.resized();
    });
  }

  /** @param {Text} text */
  open(text) {
    this.text = text;
    const first = this.element.firstChild;
    if (this.element.childNodes.length === 1 && first instanceof globalThis.Text) this.node = first;
    else this.element.replaceChildren(this.node);
    if (this.node.data !== text.string) this.node.data = text.string;
    this.forget();
    this.scroller.scrollTop = 0;
  }

  /** Measure everything anew: width or letters changed. */
  forget() {
    this.known.clear();
    this.drawn = null;
  }

  // --- from code points to places ----------------------------------------------------------------------------------

  /** The boxes of a range, one a line (more where directions mix). They stay known until the text flows anew.
   *  @param {number} start @param {number} end */
  boxes(start, end) {
    const key = start * 2 ** 26 + end;
    let found = this.known.get(key);
    if (!found) {
      found = this.#measure(start, end);
      this.known.set(key, found);
    }
    return found;
  }

  /** The boxes of a range, as far as they are drawn at all. @param {Range} range */
  seenBoxes({ start, end }) {
    if (end - start <= LONG) return this.boxes(start, end);
    const { start: from, end: to } = this.window;
    return start < to && from < end ? this.boxes(Math.max(start, from), Math.min(end, to)) : [];
  }

  /** Where one character is, though it may take no room. @param {number} point @returns {Box | null} */
  spot(point) {
    const { left, top } = this.stack.getBoundingClientRect();
    const rect = this.#rects(this.text.unit(point), this.text.unit(point + 1))[0];
    return rect ? { left: rect.left - left, top: rect.top - top, width: rect.width, height: rect.height } : null;
  }

  /** @param {number} start @param {number} end @returns {Box[]} */
  #measure(start, end) {
    const { left, top } = this.stack.getBoundingClientRect();
    /** @type {Box[]} */
    const boxes = [];
    for (const rect of this.#rects(this.text.unit(start), this.text.unit(end))) {
      const last = boxes.at(-1);
      const box = { left: rect.left - left, top: rect.top - top, width: rect.width, height: rect.height };
      if (last && Math.abs(last.top - box.top) < 2 && Math.abs(last.left + last.width - box.left) < 1) last.width += box.width;
      else if (box.width > 0.5) boxes.push(box);
    }
    return boxes;
  }

  /** @param {number} start @param {number} end in units */
  #rects(start, end) {
    this.range.setStart(this.node, Math.min(start, this.node.length));
    this.range.setEnd(this.node, Math.min(end, this.node.length));
    return this.range.getClientRects();
  }

  /** A range of the page. @param {Range} range */
  rangeOf({ start, end }) {
    const range = document.createRange();
    range.setStart(this.node, this.text.unit(start));
    range.setEnd(this.node, this.text.unit(end));
    return range;
  }

  /** Where a range is in the window. @param {Range} range @returns {DOMRect} */
  boxOf({ start, end }) {
    this.#rects(this.text.unit(start), this.text.unit(end));
    return this.range.getBoundingClientRect();
  }

  // --- what is in view ---------------------------------------------------------------------------------------------

  /** The part of the stack that can be seen, from its top. */
  view() {
    const { top } = this.stack.getBoundingClientRect();
    const frame = this.scroller.getBoundingClientRect();
    const isPage = this.scroller === document.scrollingElement;
    const [from, to] = isPage ? [0, innerHeight] : [Math.max(0, frame.top), Math.min(innerHeight, frame.bottom)];
    return { top: from - top, bottom: to - top };
  }

  /** The nearest ancestor that scrolls. @returns {Element} */
  get scroller() {
    this.scrolls ??= scrollerOf(this.stack);
    return this.scrolls;
  }

  /** The code points to draw: those in view and somewhat more. Changes only when the view comes near their edge. */
  get window() {
    const { top, bottom } = this.view();
    const { drawn } = this;
    if (drawn && drawn.top <= top - AHEAD / 4 && bottom + AHEAD / 4 <= drawn.bottom) return drawn;
    const [from, to] = [top - AHEAD, bottom + AHEAD];
    this.drawn = { top: from, bottom: to, start: this.#pointBelow(from), end: this.#pointBelow(to) };
    return this.drawn;
  }

  /** The code points in view. @returns {Range} */
  get inView() {
    const { top, bottom } = this.view();
    return { start: this.#pointBelow(top), end: this.#pointBelow(bottom) };
  }

  /** The first code point whose line ends below a height of the stack: lines follow each other as the text does.
   *  @param {number} y */
  #pointBelow(y) {
    const { top } = this.stack.getBoundingClientRect();
    let low = 0;
    let high = this.node.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#bottomOf(middle, high) - top <= y) low = middle + 1;
      else high = middle;
    }
    return this.text.point(low);
  }

  /** Some characters have no box of their own (a line's end, half a pair): then the next one that has tells.
   *  @param {number} unit @param {number} end */
  #bottomOf(unit, end) {
    for (let at = unit; at < Math.min(end, unit + 40); at += 1) {
      const rects = this.#rects(at, at + 1);
      if (rects.length > 0) return rects[0].bottom;
    }
    this.#rects(unit, end);
    return this.range.getBoundingClientRect().bottom;
  }

  // --- from places to code points ----------------------------------------------------------------------------------

  /** The code point under a spot of the window; null outside the text. @param {number} x @param {number} y */
  pointAt(x, y) {
    const caret = document.caretPositionFromPoint?.(x, y);
    if (caret) return this.#pointIn(caret.offsetNode, caret.offset);
    // Browsers of before 2025 know the same under another name.
    const range = /** @type {any} */ (document).caretRangeFromPoint?.(x, y);
    return range ? this.#pointIn(range.startContainer, range.startOffset) : null;
  }

  /** The character under a spot, whichever half of it; between characters the one after. @param {number} x @param {number} y */
  characterAt(x, y) {
    const point = this.pointAt(x, y);
    if (point === null || this.text.length === 0) return null;
    const holds = (/** @type {DOMRect} */ { left, right }) => left <= x && x < right;
    const before = point > 0 ? [...this.#rects(this.text.unit(point - 1), this.text.unit(point))] : [];
    return before.some(holds) ? point - 1 : Math.min(point, this.text.length - 1);
  }

  /** @param {Node} node @param {number} offset */
  #pointIn(node, offset) {
    if (node === this.node) return this.text.point(offset);
    if (node === this.element) return offset === 0 ? 0 : this.text.length;
    return null;
  }

  /** @param {Range} range */
  columnOf({ start, end }) {
    const box = this.boxes(start, end)[0];
    return box ? box.left + Math.min(box.width / 2, 12) : 0;
  }

  /** The code point some lines further down (or up, below zero) from a range, nearest to a column; null past the ends.
   *  @param {Range} from @param {number} lines @param {number} column pixels from the stack's left */
  across({ start, end }, lines, column) {
    const boxes = this.boxes(start, end);
    const box = lines > 0 ? boxes.at(-1) : boxes[0];
    if (!box) return null;
    const height = parseFloat(getComputedStyle(this.element).lineHeight);
    const bottom = box.top + box.height;
    const first = this.#pointBelow(bottom + (lines > 0 ? (lines - 1) * height + 1 : lines * height - 1));
    const beyond = lines > 0 ? first >= this.text.length : first >= start || this.#sameLine(first, start);
    return beyond ? null : this.#nearest(first, column);
  }

  /** @param {number} a @param {number} b */
  #sameLine(a, b) {
    return Math.abs(this.#top(a) - this.#top(b)) < 2;
  }

  /** @param {number} point */
  #top(point) {
    return this.#rects(this.text.unit(point), this.text.unit(point + 1))[0]?.top ?? NaN;
  }

  /** The code point of a line that stands nearest to a column. @param {number} first @param {number} column */
  #nearest(first, column) {
    const x = column + this.stack.getBoundingClientRect().left;
    const top = this.#top(first);
    let [best, distance] = [first, Infinity];
    for (let point = first; point < this.text.length; point += 1) {
      const rect = this.#rects(this.text.unit(point), this.text.unit(point + 1))[0];
      if (!rect) continue;
      if (Math.abs(rect.top - top) > 2) break;
      const away = Math.max(rect.left - x, x - rect.right, 0);
      if (away < distance) [best, distance] = [point, away];
    }
    return best;
  }

  // --- the browser's own selection ---------------------------------------------------------------------------------

  /** What the browser has selected within the text. @returns {Range | null} */
  get selected() {
    const chosen = document.getSelection();
    if (!chosen || chosen.rangeCount === 0) return null;
    const range = chosen.getRangeAt(0);
    if (!range.intersectsNode(this.node)) return null;
    const inside = (/** @type {Node} */ node) => node === this.node || node === this.element;
    const start = inside(range.startContainer) ? this.#pointIn(range.startContainer, range.startOffset) : 0;
    const end = inside(range.endContainer) ? this.#pointIn(range.endContainer, range.endOffset) : this.text.length;
    return start === null || end === null ? null : { start, end };
  }

  /** Show a range as selected. Whoever is writing elsewhere on the page keeps the cursor. @param {Range | null} range */
  select(range) {
    const chosen = document.getSelection();
    if (!chosen || isWriting(document.activeElement)) return;
    if (!range) return chosen.removeAllRanges();
    const [start, end] = [this.text.unit(range.start), this.text.unit(range.end)];
    const { anchorNode, focusNode, anchorOffset, focusOffset } = chosen;
    if (anchorNode === this.node && focusNode === this.node && anchorOffset === start && focusOffset === end) return;
    chosen.setBaseAndExtent(this.node, start, this.node, end);
  }

  /** Scroll as little as needed; of a long range the beginning stays in view. @param {Range} range */
  reveal(range) {
    const { top, bottom } = this.view();
    const boxes = this.boxes(range.start, range.end);
    const [first, last] = [boxes[0], boxes.at(-1)];
    if (!first || !last) return;
    const [from, to] = [first.top - MARGIN, last.top + last.height + MARGIN];
    if (from < top) this.scroller.scrollTop += from - top;
    else if (to > bottom) this.scroller.scrollTop += Math.min(to - bottom, from - top);
  }
}

/** @param {Element | null} element */
function isWriting(element) {
  return element instanceof HTMLElement && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));
}

/** @param {HTMLElement} inner @returns {Element} */
function scrollerOf(inner) {
  for (let at = inner.parentElement; at; at = at.parentElement) {
    if (at !== document.body && /auto|scroll/.test(getComputedStyle(at).overflowY)) return at;
  }
  return /** @type {Element} */ (document.scrollingElement);
}

/** The box that holds a text and its layers; made here where the page has none. @param {HTMLElement} element */
function stacked(element) {
  const there = element.parentElement;
  if (there?.classList.contains("stack")) return there;
  const stack = document.createElement("div");
  stack.className = "stack";
  element.replaceWith(stack);
  stack.append(element);
  return stack;
}

/** Screen readers have the text itself, and hear of each act. @param {HTMLElement} stack @param {string} name @param {Node | null} before */
function layer(stack, name, before) {
  const made = document.createElement("div");
  made.className = `layer ${name}`;
  made.setAttribute("aria-hidden", "true");
  stack.insertBefore(made, before);
  return made;
}
