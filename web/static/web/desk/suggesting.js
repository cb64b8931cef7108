/** What a model suggests and what becomes of it: which items still wait, and the verdict on each at the end. Pure. */

import { idOf, itemOf } from "./terms.js";
import { addMark, chosen, decide, overlaps, relate, same, toggleChoice } from "./work.js";

/**
 * @typedef {import("./work.js").Work} Work
 * @typedef {import("./work.js").Mark} Mark
 * @typedef {import("./work.js").Rules} Rules
 * @typedef {{ id: string, kind: "span", start: number, end: number, label: string, score: number,
 *             source?: import("./terms.js").Source, times?: number }} SpanItem `source`: the dictionary's, marked so many times
 * @typedef {{ id: string, kind: "choice", question: string, label: string, score: number }} ChoiceItem
 * @typedef {{ id: string, kind: "relation", head: string, tail: string, label: string, score: number }} RelationItem
 * @typedef {SpanItem | ChoiceItem | RelationItem} Item
 * @typedef {{ id: number, version?: number, items: Item[] }} Suggestion
 * @typedef {{ item: SpanItem | undefined, mark: Mark | undefined }} End the item suggested, and the mark that stands for it
 * @typedef {{ start: number, end: number, label: string, source: import("./terms.js").Source }} Told a term as it is sent
 * @typedef {{ suggestion?: number, item?: string, term?: Told, verdict: "accept" | "reject" | "correct" | "leave",
 *             correction?: object, milliseconds?: number }} Decision on an item of a suggestion, or on a term
 */

/** What of a model's items is put before a person: of a question with one answer, the best choice alone.
 *  @param {Item[]} items @param {Rules} rules */
export function offered(items, { multiple }) {
  const asked = new Set();
  return items.filter((item) => {
    if (item.kind !== "choice" || multiple(item.question)) return true;
    const first = !asked.has(item.question);
    asked.add(item.question);
    return first;
  });
}

/** Items and marks as they are looked up again and again for one state of the work. */
export class View {
  /** @param {Work} work @param {Item[]} items @param {Rules} rules */
  constructor(work, items, rules) {
    this.work = work;
    this.rules = rules;
    this.items = new Map(items.map((item) => [item.id, item]));
    this.marks = [...work.marks].sort((a, b) => a.start - b.start);
    /** How far the marks up to each one reach. @type {number[]} */
    this.reach = [];
    for (const { end } of this.marks) this.reach.push(Math.max(end, this.reach.at(-1) ?? 0));
    this.bySpan = new Map(work.marks.map((mark) => [key(mark), mark]));
    this.from = new Map(work.marks.flatMap((mark) => (mark.from === null ? [] : [[mark.from, mark]])));
  }

  /** A mark that meets this span; without overlaps there is seldom more than one. @param {import("./work.js").Range} item */
  met(item) {
    let low = 0;
    let high = this.marks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.marks[middle].start < item.end) low = middle + 1;
      else high = middle;
    }
    if (low === 0 || this.reach[low - 1] <= item.start) return undefined;
    return this.marks.slice(0, low).findLast((mark) => overlaps(mark, item));
  }

  /** The mark that stands for a suggested span: the very same, or what it was corrected to. @param {SpanItem} item */
  markOf(item) {
    return this.bySpan.get(key(item)) ?? this.from.get(item.id);
  }

  /** @param {RelationItem} relation @returns {[End, End]} */
  ends(relation) {
    return [this.#end(relation.head), this.#end(relation.tail)];
  }

  /** @param {string} id @returns {End} */
  #end(id) {
    const item = /** @type {SpanItem | undefined} */ (this.items.get(id));
    return { item, mark: item && this.markOf(item) };
  }

  /** @param {RelationItem} item */
  related(item) {
    const [head, tail] = this.ends(item);
    const joins = (/** @type {import("./work.js").Relation} */ r) =>
      r.head === head.mark?.id && r.tail === tail.mark?.id && r.label === item.label;
    return this.work.relations.some(joins);
  }

  /** @param {Item} item @returns {boolean} */
  waits(item) {
    if (item.id in this.work.decided) return false;
    if (item.kind === "span") return !this.bySpan.has(key(item)) && (this.rules.allowOverlap || !this.met(item));
    if (item.kind === "relation") {
      return this.ends(item).every((end) => end.mark || (end.item && this.waits(end.item))) && !this.related(item);
    }
    const taken = chosen(this.work, item.question);
    return this.rules.multiple(item.question) ? !taken.includes(item.label) : taken.length === 0;
  }
}

/** @param {{ start: number, end: number, label: string }} span */
const key = ({ start, end, label }) => `${start} ${end} ${label}`;

/** Suggested items that still wait for a word. What a person did already is never argued with.
 *  @param {Work} work @param {Item[]} items @param {Rules} rules */
export function pending(work, items, rules) {
  const view = new View(work, items, rules);
  return items.filter((item) => view.waits(item));
}

/** Head and tail of a suggested relation. @param {Work} work @param {Item[]} items @param {RelationItem} relation @param {Rules} rules */
export function ends(work, items, relation, rules) {
  return new View(work, items, rules).ends(relation);
}

/** The work with one item taken. @param {Work} work @param {Item[]} items @param {Item} item @param {Rules} rules @param {number} milliseconds @returns {Work} */
export function accepted(work, items, item, rules, milliseconds) {
  const base = decide(work, [item], milliseconds);
  if (item.kind === "relation") {
    const [head, tail] = ends(work, items, item, rules);
    if (!head.mark || !tail.mark) return work;
    return relate(base, { head: head.mark.id, tail: tail.mark.id, label: item.label });
  }
  if (item.kind === "span") return addMark(base, item, { ...rules, from: item.id }).work;
  if (chosen(base, item.question).includes(item.label)) return base;
  return toggleChoice(base, { name: item.question, multiple: rules.multiple(item.question) }, item.label);
}

/**
 * The verdict on suggested items, as it follows from the answer that is sent: accepted or corrected where the answer
 * says so, rejected where a person did. What still waits is rejected, too, where that is what finishing does (`pending`);
 * else it is left alone where it was seen, and what nobody saw gets no verdict. An answer that is not complete, or not
 * finished, says nothing of what was not decided on. `terms` are what the dictionary suggests beside the model.
 * @param {Work} work @param {Suggestion | null} suggestion @param {Rules} rules
 * @param {{ complete: boolean, seen: Iterable<string>, pending?: "leave" | "reject", terms?: SpanItem[] }} how @returns {Decision[]}
 */
export function decisions(work, suggestion, rules, { complete, seen, pending: rule = "leave", terms = [] }) {
  /** @type {Item[]} */
  const items = [...offered(suggestion?.items ?? [], rules), ...terms];
  if (items.length === 0) return [];
  const view = new View(work, items, rules);
  const looked = new Set(seen);
  return items.flatMap((item) => {
    const decided = item.id in work.decided;
    const rejected = decided || (complete && rule === "reject" && view.waits(item));
    const left = complete && looked.has(item.id) ? { verdict: /** @type {const} */ ("leave") } : null;
    const found = verdict(view, item);
    const said = found ?? (rejected ? { verdict: /** @type {const} */ ("reject") } : left);
    if (!said || (said.verdict === "correct" && !decided && !complete)) return [];
    const when = decided ? { milliseconds: work.decided[item.id] } : {};
    return [{ ...named(item, suggestion), ...said, ...when }];
  });
}

/** What a decision is about. @param {Item} item @param {Suggestion | null} suggestion */
function named(item, suggestion) {
  if (item.kind !== "span" || !item.source) return { suggestion: suggestion?.id, item: item.id };
  const { start, end, label, source } = item;
  return { term: { start, end, label, source } };
}

/** Terms that were decided on in a draft, whatever the dictionary says by now. @param {Decision[]} kept */
export const termsOf = (kept) => kept.flatMap(({ term }) => (term ? [itemOf(term)] : []));

/** The work of a draft as it was left, with the verdicts that were kept with it: what was rejected waits no more, and
 *  marks know again what they came from. @param {Work} work @param {Suggestion | null} suggestion @param {Decision[]} kept */
export function resumed(work, suggestion, kept) {
  const items = new Map([...(suggestion?.items ?? []), ...termsOf(kept)].map((item) => [item.id, item]));
  const named = kept.map(({ item = "", ...one }) => ({ ...one, item: one.term ? idOf(one.term) : item }));
  const said = named.filter((one) => (one.term || one.suggestion === suggestion?.id) && items.has(one.item));
  const decided = said.filter(({ verdict: word, milliseconds }) => word === "reject" || milliseconds !== undefined);
  const from = new Map(said.filter(({ verdict: word }) => word !== "reject").map((one) => [placeOf(one.correction ?? items.get(one.item)), one.item]));
  return {
    ...work,
    marks: work.marks.map((mark) => ({ ...mark, from: from.get(placeOf(mark)) ?? null })),
    decided: { ...work.decided, ...Object.fromEntries(decided.map(({ item, milliseconds = 0 }) => [item, milliseconds])) },
  };
}

/** @param {any} thing a span of any kind; what is none has no place */
const placeOf = (thing) => (Number.isInteger(thing?.start) ? `${thing.start} ${thing.end}` : "none");

/** Accepted or corrected, where the answer shows it.
 *  @param {View} view @param {Item} item @returns {Pick<Decision, "verdict" | "correction"> | null} */
function verdict(view, item) {
  if (item.kind === "relation") {
    if (!view.related(item)) return null;
    const untouched = view.ends(item).every((end) => end.mark && end.item && same(end.mark, end.item));
    if (untouched) return { verdict: "accept" };
    return { verdict: "correct", correction: { kind: "relation", label: item.label } };
  }
  if (item.kind === "choice") {
    const taken = chosen(view.work, item.question);
    if (taken.includes(item.label)) return { verdict: "accept" };
    if (view.rules.multiple(item.question) || taken.length === 0) return null;
    return { verdict: "correct", correction: { kind: "choice", question: item.question, label: taken[0] } };
  }
  if (view.bySpan.has(key(item))) return { verdict: "accept" };
  const instead = view.from.get(item.id) ?? (view.rules.allowOverlap ? undefined : view.met(item));
  if (!instead) return null;
  const { start, end, label } = instead;
  return { verdict: "correct", correction: { kind: "span", start, end, label } };
}
