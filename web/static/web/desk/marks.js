/**
 * Draws marks and suggestions around the words: boxes below the text, names in the gap above its lines. Only what is
 * near the view has elements, and an act touches those alone that look different after it.
 */

import { levels, nameRows } from "./levels.js";

/**
 * @typedef {import("./sheet.js").Sheet} Sheet
 * @typedef {import("./sheet.js").Box} Box
 * @typedef {{ id: string, start: number, end: number, label: string, color: string, score: number | null, source: string | null }} Span
 *   `score` is null for what a person marked, `source` for what the dictionary does not suggest
 * @typedef {{ picked: string | null, grips: boolean, scores: boolean, dimmed: (id: string) => boolean, role: (id: string) => string,
 *   grounds: (id: string) => string }} Look `grounds`: where a term comes from, in words
 * @typedef {{ span: Span, level: number, boxes: Box[], name: { x: number, width: number, row: number, text: string, right: boolean } | null }} Placed
 * @typedef {{ key: string, pieces: HTMLElement[], name: HTMLElement | null }} Shown
 */

const LEVEL = 4;
const NAME = 15;

export class Marks {
  /** @param {Sheet} sheet @param {number} rows of names above a line */
  constructor(sheet, rows) {
    this.sheet = sheet;
    this.rows = rows;
    sheet.stack.dataset.rows = String(rows);
    this.under = sheet.under.appendChild(element("div", "marks"));
    this.over = sheet.over.appendChild(element("div", "names"));
    this.handles = [element("i", "handle start"), element("i", "handle end")];
    this.pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    this.clear();
  }

  clear() {
    /** @type {Map<string, Shown>} */
    this.shown = new Map();
    /** The highest row of names over each line. @type {Map<number, number>} */
    this.highest = new Map();
    /** @type {Map<string, Placed>} */
    this.placed = new Map();
    /** @type {Span[]} */
    this.spans = [];
    /** @type {Map<Span, number>} */
    this.levels = new Map();
    /** @type {Map<string, number>} */
    this.widths = new Map();
    /** Whose grips are shown since it was picked with the pointer, and since that is over it. @type {string | null} */
    this.grips = null;
    /** @type {string | null} */
    this.hovered = null;
    this.under.replaceChildren();
    this.over.replaceChildren();
  }

  /** @param {Span[]} spans in text order; the same array again means the same spans @param {Look} look */
  draw(spans, look) {
    if (spans !== this.spans) {
      this.spans = spans;
      this.levels = levels(spans);
    }
    const placed = this.#place(look);
    this.placed = new Map(placed.map((one) => [one.span.id, one]));
    const gone = new Map(this.shown);
    for (const one of placed) {
      gone.delete(one.span.id);
      this.#show(one, look);
    }
    for (const [id, shown] of gone) {
      remove(shown);
      this.shown.delete(id);
    }
    this.grips = look.grips ? look.picked : null;
    this.#hold();
  }

  /** @param {Look} look @returns {Placed[]} */
  #place(look) {
    const { start, end } = this.sheet.window;
    const seen = this.spans.filter((span) => span.start < end && start < span.end);
    const placed = seen.map((span) => {
      return { span, level: this.levels.get(span) ?? 0, boxes: this.sheet.seenBoxes(span), name: null };
    });
    this.#name(placed, look);
    return placed;
  }

  /** Names line by line. @param {Placed[]} placed @param {Look} look */
  #name(placed, look) {
    /** @type {Map<string, Placed[]>} */
    const lines = new Map();
    for (const one of placed) {
      const box = this.#first(one);
      if (!box) continue;
      const right = this.sheet.text.rightToLeft(one.span.start);
      const text = caption(one.span, look);
      one.name = { x: right ? -box.left - box.width : box.left, width: this.#width(text), row: 0, text, right };
      const line = `${right} ${lineOf(box)}`;
      const there = lines.get(line);
      if (there) there.push(one);
      else lines.set(line, [one]);
    }
    this.highest.clear();
    for (const line of lines.values()) this.#arrange(line);
  }

  /** The box that holds the beginning of a span: in mixed directions it need not be the leftmost. @param {Placed} one */
  #first({ span, boxes }) {
    if (span.start < this.sheet.window.start) return undefined;
    if (!this.sheet.text.bidirectional || boxes.length < 2) return boxes[0];
    return this.sheet.boxes(span.start, this.sheet.text.graphemeAfter(span.start))[0] ?? boxes[0];
  }

  /** @param {Placed[]} line */
  #arrange(line) {
    const wanted = line.map(({ span, name }) => ({
      id: span.id,
      x: name?.x ?? 0,
      width: name?.width ?? 0,
      length: span.end - span.start,
    }));
    const rows = nameRows(wanted, this.rows);
    for (const one of line) {
      Object.assign(/** @type {object} */ (one.name), rows.get(one.span.id));
      const at = lineOf(one.boxes[0]);
      this.highest.set(at, Math.max(this.highest.get(at) ?? 0, one.name?.row ?? 0));
    }
  }

  /** @param {string} text */
  #width(text) {
    let width = this.widths.get(text);
    if (width === undefined) {
      const { fontWeight, fontSize, fontFamily } = getComputedStyle(this.over);
      this.pen.font = `${fontWeight} ${fontSize} ${fontFamily}`;
      width = Math.ceil(this.pen.measureText(text).width) + 9;
      this.widths.set(text, width);
    }
    return width;
  }

  /** Make or change the elements of one span, if it looks different. @param {Placed} one @param {Look} look */
  #show({ span, level, boxes, name }, look) {
    const picked = span.id === look.picked;
    const state = [picked && "picked", span.score !== null && "suggested", span.source && "term", look.dimmed(span.id) && "dim"].filter(Boolean);
    const key = JSON.stringify([span.start, span.end, span.color, level, state, boxes, name]);
    const before = this.shown.get(span.id);
    if (before?.key === key) return;
    const pieces = boxes.map((box, i) => piece(box, level, ends(i, boxes.length), before?.pieces[i]));
    before?.pieces.slice(boxes.length).forEach((extra) => extra.remove());
    const tag = name ? nameTag(name, boxes, span, before?.name ?? null) : null;
    if (!tag) before?.name?.remove();
    for (const made of tag ? [...pieces, tag] : pieces) {
      made.dataset.id = span.id;
      made.classList.add(...state.map(String));
      made.style.setProperty("--c", span.color);
    }
    this.under.append(...pieces.filter((made) => !made.parentNode));
    if (tag && !tag.parentNode) this.over.append(tag);
    this.shown.set(span.id, { key, pieces, name: tag });
  }

  /** The mouse is over this mark or suggestion, or over none. @param {string | null} id */
  hover(id) {
    if (id === this.hovered) return;
    this.hovered = id;
    this.#hold();
  }

  /** Grips to be dragged, at both ends of what the mouse is over, else of what was picked with it. */
  #hold() {
    const held = this.placed.get(this.hovered ?? "") ?? this.placed.get(this.grips ?? "");
    const boxes = held?.boxes ?? [];
    const [first, last] = [boxes[0], boxes.at(-1)];
    if (!first || !last) return this.handles.forEach((handle) => handle.remove());
    const right = this.sheet.text.rightToLeft(held?.span.start ?? 0);
    const edges = [right ? first.left + first.width : first.left, right ? last.left : last.left + last.width];
    [first, last].forEach((box, i) => {
      const { style, dataset, classList } = this.handles[i];
      dataset.id = held?.span.id;
      classList.toggle("slight", held?.span.id !== this.grips);
      style.left = `${edges[i]}px`;
      style.top = `${box.top}px`;
      style.height = `${box.height}px`;
      if (!this.handles[i].parentNode) this.over.append(this.handles[i]);
    });
  }

  /** Above this height of a line nothing is written. @param {Box} line */
  topOf(line) {
    return line.top - NAME * (1 + (this.highest.get(lineOf(line)) ?? 0));
  }

  /** Where the name of a span stands, or would stand: relations lead there.
   *  @param {{ id: string, start: number, end: number }} span @returns {Box | null} */
  nameBox(span) {
    const placed = this.placed.get(span.id);
    const box = placed?.boxes[0] ?? this.sheet.boxes(span.start, Math.min(span.end, span.start + 80))[0];
    if (!box) return null;
    const name = placed?.name;
    if (!name) return { left: box.left, top: box.top - NAME, width: Math.min(box.width, 40), height: NAME };
    const left = name.right ? -name.x - name.width : name.x;
    return { left, top: box.top - NAME * (name.row + 1), width: name.width, height: NAME };
  }
}

/** @param {number} i @param {number} count */
const ends = (i, count) => `${i === 0 ? " opens" : ""}${i === count - 1 ? " closes" : ""}`;

/** @param {Box} box @param {number} level @param {string} edges @param {HTMLElement} [made] */
function piece(box, level, edges, made = element("i", "")) {
  made.className = `mark${edges}`;
  const { style } = made;
  style.left = `${box.left}px`;
  style.top = `${box.top}px`;
  style.width = `${box.width}px`;
  style.height = `${box.height + level * LEVEL}px`;
  style.zIndex = String(99 - level);
  style.setProperty("--level", String(level));
  return made;
}

/** @param {NonNullable<Placed["name"]>} name @param {Box[]} boxes @param {Span} span @param {HTMLElement | null} made */
function nameTag({ x, width, row, text, right }, boxes, span, made) {
  const tag = made ?? element("b", "");
  tag.className = row > 0 ? "name raised" : "name";
  if (tag.textContent !== text) tag.textContent = text;
  tag.title = text;
  tag.dataset.start = String(span.start);
  tag.dataset.end = String(span.end);
  const { style } = tag;
  // A name grows away from the beginning of its span when it is shown in full.
  style.left = right ? "auto" : `${x}px`;
  style.right = right ? `calc(100% + ${x}px)` : "auto";
  style.top = `${boxes[0].top - NAME * (row + 1)}px`;
  style.setProperty("--width", `${width}px`);
  return tag;
}

/** @param {Span} span @param {Look} look */
function caption(span, look) {
  const scored = span.score !== null && (look.scores || span.id === look.picked);
  const grounds = span.source ? look.grounds(span.id) : percent(span.score ?? 0);
  const parts = [span.label, scored ? grounds : "", look.role(span.id)];
  return parts.filter(Boolean).join(" ");
}

/** @param {Shown} shown */
function remove({ pieces, name }) {
  for (const gone of pieces) gone.remove();
  name?.remove();
}

/** @param {string} name @param {string} className */
function element(name, className) {
  const made = document.createElement(name);
  made.className = className;
  return made;
}

/** A number for the line that a box lies in. @param {Box} box */
export const lineOf = ({ top }) => Math.round(top / 4);

/** A score as people read it; certainty is never shown as a round hundred. @param {number} score */
export function percent(score) {
  return `${Math.max(1, Math.min(99, Math.round(score * 100)))}%`;
}
