/** What follows from the work and the suggestions: worked out once after each act, and looked up from then on. Pure. */

import { inOrder } from "./work.js";
import { View } from "./suggesting.js";

/**
 * @typedef {import("./work.js").Work} Work
 * @typedef {import("./work.js").Mark} Mark
 * @typedef {import("./work.js").Rules} Rules
 * @typedef {import("./suggesting.js").Item} Item
 * @typedef {import("./suggesting.js").SpanItem} SpanItem
 * @typedef {import("./marks.js").Span} Span
 */

const COLORLESS = "#6b7280";

export class State {
  /** @param {Work} work @param {Item[]} items @param {Rules} rules @param {{ kind: string, name: string, color: string }[]} labels
   *  @param {(view: View) => SpanItem[]} [dictionary] what it suggests beside these items */
  constructor(work, items, rules, labels, dictionary = () => []) {
    this.work = work;
    this.view = new View(work, items, rules);
    this.terms = dictionary(this.view);
    this.pending = [...items, ...this.terms].filter((item) => this.view.waits(item));
    /** Marks in text order. */
    this.marks = [...work.marks].sort(inOrder);
    /** What waits, in text order; choices and relations after the spans. */
    this.waiting = [...this.pending].sort((a, b) => place(a) - place(b));
    /** @type {Map<string, Mark | Item>} */
    this.byId = new Map([...this.pending, ...work.marks].map((thing) => [thing.id, thing]));
    const colors = new Map(labels.filter(({ kind }) => kind === "span").map(({ name, color }) => [name, color]));
    /** Everything to draw at words, in text order. @type {Span[]} */
    this.spans = [...this.marks, ...this.pending.filter((item) => item.kind === "span")]
      .map((thing) => ({
        id: thing.id,
        start: thing.start,
        end: thing.end,
        label: thing.label,
        color: colors.get(thing.label) ?? COLORLESS,
        score: "kind" in thing ? thing.score : null,
        source: ("kind" in thing && thing.source) || null,
      }))
      .sort((a, b) => a.start - b.start || b.end - a.end);
  }

  /** Head and tail of a suggested relation. @param {import("./suggesting.js").RelationItem} item */
  ends(item) {
    return this.view.ends(item);
  }

  /** Waiting items like this one: the same words with the same label.
   *  @param {SpanItem} item @param {import("./offsets.js").Text} text */
  alike(item, text) {
    const words = text.slice(item.start, item.end);
    return this.pending.filter(
      (other) =>
        other.kind === "span" && other.label === item.label && text.slice(other.start, other.end) === words,
    );
  }
}

/** @param {Item} item */
const place = (item) => (item.kind === "span" ? item.start : Infinity);
