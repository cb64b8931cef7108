/** Draws relations as lines between the names of marks, over the text. Those of what is picked stand out. */

import { lineOf, percent } from "./marks.js";
import { routes } from "./routes.js";

/**
 * @typedef {import("./sheet.js").Box} Box
 * @typedef {import("./work.js").Mark} Mark
 * @typedef {import("./suggesting.js").SpanItem} SpanItem
 * @typedef {{ key: string, head: Mark | SpanItem, tail: Mark | SpanItem, label: string, color: string,
 *             score: number | null, near: boolean, picked: boolean }} Arc
 */

/** Begins the key of a relation that was made, before its place; suggested ones have the keys of their items. */
export const MADE = "made ";
const SVG = "http://www.w3.org/2000/svg";
const COLORLESS = "#6b7280";
/** Between the ends of lines that meet at one name. */
const APART = 8;
/** About as wide as a letter of a relation's name is. */
const LETTER = 5.5;

/** Those to the left first, the near ones before the far; then those to the right, the far ones first: so they need not cross.
 *  @param {{ way: number }} a @param {{ way: number }} b */
const uncrossed = (a, b) => (a.way < 0 !== b.way < 0 ? a.way - b.way : b.way - a.way);

export class Arcs {
  /** @param {import("./sheet.js").Sheet} sheet @param {import("./marks.js").Marks} marks */
  constructor(sheet, marks) {
    this.sheet = sheet;
    this.marks = marks;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.classList.add("arcs");
    sheet.over.prepend(this.svg);
    /** @type {Map<string, { look: string, group: SVGGElement }>} */
    this.shown = new Map();
    this.rope = shape("path", "rope");
  }

  /** @param {import("./showing.js").Showing} board */
  draw(board) {
    const arcs = this.#near(board);
    if (arcs.length + this.shown.size === 0) return;
    const wanted = this.#anchored(arcs);
    const gone = new Map(this.shown);
    const found = new Map(arcs.map((arc) => [arc.key, arc]));
    for (const route of routes(wanted, this.#frame())) {
      gone.delete(route.key);
      this.#show(/** @type {Arc} */ (found.get(route.key)), route, board.scores);
    }
    for (const [key, { group }] of gone) {
      group.remove();
      this.shown.delete(key);
    }
  }

  /** Relations with an end near the view. @param {import("./showing.js").Showing} board @returns {Arc[]} */
  #near(board) {
    const suggested = board.pending.filter((item) => item.kind === "relation");
    if (board.work.relations.length + suggested.length === 0) return [];
    const window = this.sheet.window;
    const colors = new Map(board.labels.filter(({ kind }) => kind === "relation").map(({ name, color }) => [name, color]));
    const color = (/** @type {string} */ label) => colors.get(label) ?? COLORLESS;
    const made = board.work.relations.map(({ head, tail, label }, index) => {
      const ends = [board.find(head), board.find(tail)];
      const near = board.picked === head || board.picked === tail;
      return { key: `${MADE}${index}`, ends, label, color: color(label), score: null, near, picked: board.pickedRelation === index };
    });
    const offered = suggested.map((item) => {
      const ends = board.ends(item);
      const near = ends.some((end) => end && end.id === board.picked);
      return { key: item.id, ends, label: item.label, color: color(item.label), score: item.score, near, picked: board.picked === item.id };
    });
    return [...made, ...offered].flatMap(({ ends, ...arc }) => {
      const [head, tail] = /** @type {(Mark | SpanItem | null)[]} */ (ends);
      const inWindow = [head, tail].some((end) => end && end.start < window.end && window.start < end.end);
      return head && tail && inWindow ? [{ ...arc, head, tail }] : [];
    });
  }

  /** Where each line leaves and arrives: beside each other where several meet at one name. @param {Arc[]} arcs
   *  @returns {import("./routes.js").Wanted[]} */
  #anchored(arcs) {
    /** Of each name, who ends there and how far to the right the other end is. @type {Map<string, { key: string, way: number }[]>} */
    const meeting = new Map();
    const spots = new Map(arcs.flatMap(({ head, tail }) => [head, tail].map((span) => [span.id, this.#spot(span)])));
    for (const { key, head, tail } of arcs) {
      const [from, to] = [spots.get(head.id), spots.get(tail.id)];
      if (!from || !to) continue;
      const way = from.line === to.line ? to.x - from.x : -1e6;
      meeting.set(head.id, [...(meeting.get(head.id) ?? []), { key, way }]);
      meeting.set(tail.id, [...(meeting.get(tail.id) ?? []), { key, way: from.line === to.line ? -way : -1e6 }]);
    }
    for (const ends of meeting.values()) ends.sort(uncrossed);
    const end = (/** @type {string} */ key, /** @type {string} */ id) => {
      const spot = spots.get(id);
      if (!spot) return null;
      const place = meeting.get(id)?.findIndex((one) => one.key === key) ?? 0;
      const room = Math.max(1, Math.floor((spot.width - 8) / APART));
      return { x: spot.x + (place % room) * APART, y: spot.y, line: spot.line, base: spot.base };
    };
    return arcs.flatMap(({ key, head, tail, label }) => {
      const [from, to] = [end(key, head.id), end(key, tail.id)];
      return from && to ? [{ key, head: from, tail: to, width: label.length * LETTER }] : [];
    });
  }

  /** @param {Mark | SpanItem} span */
  #spot(span) {
    const name = this.marks.nameBox(span);
    const line = this.sheet.boxes(span.start, span.end)[0];
    if (!name || !line) return null;
    const base = this.marks.topOf(line);
    return { x: name.left + 6, y: name.top, width: name.width, line: lineOf(line), base };
  }

  /** @returns {import("./routes.js").Frame} */
  #frame() {
    const style = getComputedStyle(this.sheet.element);
    const room = parseFloat(style.paddingInlineStart);
    const width = this.sheet.stack.clientWidth;
    return style.direction === "rtl"
      ? { gutter: width - room + 6, inward: -1, room: room - 10, width }
      : { gutter: room - 6, inward: 1, room: room - 10, width };
  }

  /** @param {Arc} arc @param {import("./routes.js").Route} route @param {boolean} scores */
  #show(arc, { path, tip, label, crowded }, scores) {
    const score = arc.score !== null && (scores || arc.picked) ? ` ${percent(arc.score)}` : "";
    const state = `arc${arc.score === null ? "" : " suggested"}${arc.near || arc.picked ? " near" : ""}${arc.picked ? " picked" : ""}${crowded ? " crowded" : ""}`;
    const look = JSON.stringify([path, arc.label, arc.color, score, state]);
    const before = this.shown.get(arc.key);
    if (before?.look === look) return;
    const group = before?.group ?? made(arc.key);
    group.setAttribute("class", state);
    group.style.setProperty("--c", arc.color);
    const [hit, line, arrow, text] = /** @type {Iterable<SVGElement>} */ (group.children);
    hit.setAttribute("d", path);
    line.setAttribute("d", path);
    arrow.setAttribute("d", tip);
    text.setAttribute("x", String(label.x));
    text.setAttribute("y", String(label.y));
    text.textContent = arc.label + score;
    // What stands out lies above the rest; the others stay where they are, or a press on one would be lost.
    if (!before || (arc.picked && group.nextSibling)) this.svg.append(group);
    this.shown.set(arc.key, { look, group });
  }

  /** A line from a name to the pointer, while a relation is drawn. @param {string | null} id @param {{ x: number, y: number }} [to] */
  loose(id, to) {
    const span = id && this.marks.placed.get(id)?.span;
    const name = span && this.marks.nameBox(span);
    if (!name || !to) return this.rope.remove();
    const { left, top } = this.sheet.stack.getBoundingClientRect();
    const [x, y] = [name.left + name.width / 2, name.top];
    const end = { x: to.x - left, y: to.y - top };
    this.rope.setAttribute("d", `M${x} ${y}Q${(x + end.x) / 2} ${Math.min(y, end.y) - 24} ${end.x} ${end.y}`);
    if (!this.rope.parentNode) this.svg.append(this.rope);
    return undefined;
  }

  /** Where a suggested relation is drawn in the window. @param {string} id */
  boxOf(id) {
    return this.shown.get(id)?.group.getBoundingClientRect() ?? new DOMRect();
  }
}

/** @param {string} key */
function made(key) {
  const group = /** @type {SVGGElement} */ (document.createElementNS(SVG, "g"));
  group.dataset.arc = key;
  group.append(shape("path", "hit"), shape("path", "line"), shape("path", "tip"), shape("text", "kind"));
  return group;
}

/** @param {"path" | "text"} name @param {string} className */
function shape(name, className) {
  const element = document.createElementNS(SVG, name);
  element.setAttribute("class", className);
  return element;
}
