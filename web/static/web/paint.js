/**
 * Draws a text with its marks and suggestions, and translates between places in the page and code points.
 * Nothing outside this file knows how the text is cut into elements.
 */

import { pointsIn, unitsIn } from "./offsets.js";

/** @typedef {{ id: string, start: number, end: number, label: string, color: string, suggested: boolean,
 *              score?: number, picked?: boolean, end_of?: string }} Drawn */

const MARGIN = 48; // pixels between what is chosen and the edge of the view

export class Painter {
  constructor(container) {
    this.container = container;
    this.pieces = [];
  }

  /** @param {import("./offsets.js").Text} text @param {Drawn[]} spans */
  draw(text, spans) {
    const cuts = new Set([0, text.length]);
    for (const span of spans) cuts.add(span.start).add(span.end);
    const edges = [...cuts].sort((a, b) => a - b);
    const open = [...spans].sort((a, b) => a.start - b.start || b.end - a.end);
    const live = [];
    const fragment = document.createDocumentFragment();
    this.pieces = [];
    for (let i = 0, next = 0; i + 1 < edges.length; i += 1) {
      const [start, end] = [edges[i], edges[i + 1]];
      while (next < open.length && open[next].start === start) live.push(open[next++]);
      const covers = live.filter((span) => span.end > start);
      live.splice(0, live.length, ...covers);
      fragment.append(this.#piece(text.slice(start, end), start, end, covers));
      for (const span of covers.filter((s) => s.end === end).reverse()) fragment.append(tag(span));
    }
    this.container.replaceChildren(fragment);
  }

  #piece(string, start, end, covers) {
    const element = document.createElement(covers.length ? "mark" : "span");
    element.textContent = string;
    this.pieces.push({ start, end, element });
    if (covers.length) dress(element, start, end, covers);
    return element;
  }

  /** The code point at a place in the page, or null when it lies outside the text. */
  pointAt(node, offset) {
    if (!this.container.contains(node)) return null;
    if (node.nodeType === Node.TEXT_NODE) {
      const piece = this.pieces.find((p) => p.element === node.parentNode);
      return piece ? piece.start + pointsIn(node.data, offset) : Number(node.parentNode.closest("[data-end]")?.dataset.end);
    }
    if (node !== this.container) {
      const piece = this.pieces.find((p) => p.element === node);
      if (!piece) return Number(node.closest("[data-end]")?.dataset.end ?? 0);
      return offset === 0 ? piece.start : piece.end;
    }
    const child = node.childNodes[offset];
    if (!child) return this.pieces.at(-1)?.end ?? 0;
    return this.pointAt(child, 0);
  }

  /** What the browser has selected within the text, in code points. */
  selection() {
    const chosen = document.getSelection();
    if (!chosen || chosen.rangeCount === 0) return null;
    const range = chosen.getRangeAt(0);
    const start = this.pointAt(range.startContainer, range.startOffset);
    const end = this.pointAt(range.endContainer, range.endOffset);
    return start === null || end === null ? null : { start, end };
  }

  /** Show a range as the browser's own selection, and bring it into view. */
  select({ start, end }) {
    const range = this.range(start, end);
    const chosen = document.getSelection();
    chosen.removeAllRanges();
    chosen.addRange(range);
    this.#reveal(range);
  }

  #reveal(range) {
    const scroller = this.container.parentElement;
    const [place, frame] = [range.getBoundingClientRect(), scroller.getBoundingClientRect()];
    if (place.top < frame.top + MARGIN) scroller.scrollTop += place.top - frame.top - MARGIN;
    else if (place.bottom > frame.bottom - MARGIN) {
      // Of a long range its beginning stays in view.
      scroller.scrollTop += Math.min(place.bottom - frame.bottom + MARGIN, place.top - frame.top - MARGIN);
    }
  }

  range(start, end) {
    const range = document.createRange();
    range.setStart(...this.#place(start, false));
    range.setEnd(...this.#place(end, true));
    return range;
  }

  /** A point lies at the end of one piece and at the start of the next: `closing` says which is meant. */
  #place(point, closing) {
    const piece =
      this.pieces.find((p) => (closing ? p.start < point && point <= p.end : p.start <= point && point < p.end)) ??
      this.pieces[closing ? 0 : this.pieces.length - 1];
    const node = piece.element.firstChild;
    return [node, unitsIn(node.data, point - piece.start)];
  }

  /** The code point under a spot of the window, or null. */
  pointFrom(x, y) {
    const caret = document.caretPositionFromPoint?.(x, y);
    if (caret) return this.pointAt(caret.offsetNode, caret.offset);
    const range = document.caretRangeFromPoint?.(x, y);
    return range ? this.pointAt(range.startContainer, range.startOffset) : null;
  }
}

function dress(element, start, end, covers) {
  const inner = covers.at(-1);
  element.dataset.id = inner.id;
  element.style.setProperty("--c", inner.color);
  element.classList.toggle("suggested", inner.suggested);
  element.classList.toggle("picked", covers.some((span) => span.picked));
  element.classList.toggle("nested", covers.length > 1);
  element.classList.toggle("opens", inner.start === start);
  element.classList.toggle("closes", inner.end === end);
  if (covers.length > 1) element.style.setProperty("--outer", covers[0].color);
}

function tag(span) {
  const element = document.createElement("span");
  element.className = "tag";
  element.dataset.id = span.id;
  element.dataset.end = span.end;
  element.style.setProperty("--c", span.color);
  element.classList.toggle("suggested", span.suggested);
  element.classList.toggle("picked", Boolean(span.picked));
  element.append(span.label);
  if (span.suggested) {
    const score = document.createElement("span");
    score.className = "score";
    score.textContent = percent(span.score);
    element.append(score);
  }
  if (span.end_of) {
    const role = document.createElement("span");
    role.className = "score";
    role.textContent = span.end_of;
    element.append(role);
  }
  return element;
}

/** A score as people read it; certainty is never shown as a round hundred. */
export function percent(score) {
  return `${Math.max(1, Math.min(99, Math.round(score * 100)))}%`;
}
