/** The text on the desk, and every act that a person can do to it. Knows no server and no panel. */

import { n, t } from "../i18n.js";
import { Choosing } from "./choosing.js";
import { listen } from "./pointer.js";
import { printable } from "./printing.js";
import { allows, between, canEnd, pruned, refusal } from "./relating.js";
import { accepted } from "./suggesting.js";
import * as work from "./work.js";

/**
 * @typedef {import("./showing.js").Thing} Thing
 * @typedef {import("./work.js").Work} Work
 * @typedef {import("./work.js").Mark} Mark
 * @typedef {import("./work.js").Range} Range
 * @typedef {import("./suggesting.js").Item} Item
 * @typedef {import("./suggesting.js").SpanItem} SpanItem
 * @typedef {import("./suggesting.js").RelationItem} RelationItem
 */

/** @param {Range | null} one @param {Range} other */
const same = (one, other) => one !== null && one.start === other.start && one.end === other.end;

export class Board extends Choosing {
  /** The places that `others` found last. @type {{ state: object, mark: Mark, places: Range[] } | null} */
  alike = null;
  /** The label that was used last. */
  lastLabel = "";
  /** The work as the pointer left it, with a label in hand. @type {Work | null} */
  grasped = null;

  /** @param {ConstructorParameters<typeof Choosing>[0]} parts */
  constructor(parts) {
    super(parts);
    listen(this);
    printable(this);
  }

  // --- marks -------------------------------------------------------------------------------------------------------

  /** Move an edge of the picked mark or suggestion, or of the bare selection.
   *  @param {"start" | "end"} edge @param {import("./cursor.js").How} [how] */
  stretch(edge, how = {}) {
    if (!this.selection) return;
    const from = this.selection;
    let range = this.cursor.stretched(from, edge, how);
    // A mark's edge goes over white space in one step: it never rests on it.
    let last = from;
    while (this.marked && same(this.text.trimmed(range), from)) {
      if (same(range, last)) return;
      last = range;
      range = this.cursor.stretched(range, edge, how);
    }
    this.reshape(range);
  }

  /** Whether the edges are those of a mark or a suggestion. */
  get marked() {
    const thing = this.find(this.picked);
    return thing !== null && "start" in thing;
  }

  /** Stretch as the screen shows it: which way an edge goes, wherever the line begins.
   *  @param {"start" | "end"} edge @param {"right" | "left"} way @param {"token" | "character"} [by] */
  drag(edge, way, by = "token") {
    const ahead = (way === "right") !== this.text.rightToLeft(this.selection?.start ?? 0);
    this.stretch(edge, { by, out: (edge === "end") === ahead });
  }

  /** Move the end by a line, or to a sentence's. @param {import("./cursor.js").Direction} direction */
  extend(direction) {
    if (this.selection) this.reshape(this.cursor.extended(this.selection, direction));
  }

  /** Other edges for the picked mark or suggestion, or for the bare selection. @param {Range} wanted */
  reshape(wanted) {
    const thing = this.find(this.picked);
    if (!thing || !("start" in thing)) {
      this.choose(wanted);
      this.on.said(this.words(wanted));
      return;
    }
    const range = this.text.trimmed(wanted);
    if (!range) {
      this.refuse(t("Choose some words first."));
      return;
    }
    const inTheWay = (/** @type {Mark} */ mark) => mark.id !== thing.id && work.overlaps(mark, range);
    if (!this.rules.allowOverlap && this.work.marks.some(inTheWay)) this.refuse(t("Another mark is in the way."));
    else if (this.isItem(thing)) this.#correct(/** @type {SpanItem} */ (thing), range);
    else this.#act(work.changeMark(this.work, thing.id, { start: range.start, end: range.end }, this.rules), thing.id);
  }

  /** Label what is chosen, or give what is picked another label. @param {string} name */
  label(name) {
    if (this.#retired("span", name)) return;
    this.lastLabel = name;
    // With nothing chosen a label goes into the hand, and the one that is there out of it.
    if (this.idle) return this.take(name === this.hand ? null : name);
    const thing = this.target({ nesting: this.rules.allowOverlap });
    if (thing && "start" in thing) this.#relabel(thing, name);
    else if (this.selection && this.selection.end > this.selection.start) this.#mark({ ...this.selection, label: name });
    else this.refuse(t("Choose some words first."));
  }

  /** Take the label of this mark in hand, or the last one that was used; or put down what is in hand. */
  keep() {
    const known = this.labels.filter((label) => label.kind === "span" && !label.retired).map((label) => label.name);
    const wanted = [this.target()?.label, this.lastLabel].find((name) => name && known.includes(name)) ?? known[0];
    if (wanted) this.take(this.hand === null ? wanted : null);
  }

  /** What the pointer chose: with a label in hand it is marked. `instead`: of what the same clicks marked just before.
   *  @param {Range} range */
  grasp(range, { instead = false } = {}) {
    if (this.hand === null) return this.choose(range, { reveal: false });
    if (instead && this.work === this.grasped && this.history.undo()) this.refresh();
    const before = this.work;
    this.#mark({ ...range, label: this.hand });
    this.grasped = this.work === before ? null : this.work;
  }

  /** Accept the suggestion here; or use the label in hand on what is chosen, and go on to the next word. */
  use() {
    const thing = this.target();
    const range = this.selection;
    if (this.isItem(thing)) return this.accept(thing);
    if (this.hand === null || !range || range.start === range.end) return;
    const whole = thing?.label === this.hand ? thing : range;
    if (thing && this.picked !== null) this.#relabel(thing, this.hand);
    else if (thing !== whole) this.#mark({ ...range, label: this.hand });
    const next = this.tokens.at(whole.end);
    if (next.start >= whole.end) this.choose(next);
  }

  /** Says so where a label is not for new work. @param {string} kind @param {string} name */
  #retired(kind, name) {
    const retired = this.labels.some((label) => label.kind === kind && label.name === name && label.retired);
    if (retired) this.refuse(t("%(label)s is not used any more.", { label: name }));
    return retired;
  }

  /** @param {Mark | SpanItem} thing @param {string} label */
  #relabel(thing, label) {
    if (!this.isItem(thing)) this.#act(work.changeMark(this.work, thing.id, { label }, this.rules), thing.id);
    else if (thing.label === label) this.accept(thing);
    else this.#correct(thing, { label });
  }

  /** @param {Range & { label: string }} span */
  #mark(span) {
    const range = this.text.trimmed(span);
    if (!range) return this.refuse(t("Choose some words first."));
    const added = this.#marked(this.work, { ...range, label: span.label });
    this.#act(added.work, this.hand === null ? added.mark.id : null);
    if (this.hand === null) return undefined;
    // What is marked with a label in hand is not picked: the next label is for something else.
    this.selection = this.spent = range;
    this.draw();
    return this.on.said(this.describe(added.mark));
  }

  /** A new mark takes the place of a suggestion that it meets. @param {Work} now @param {Range & { label: string }} span */
  #marked(now, span) {
    const met = this.pending.find(
      (item) => item.kind === "span" && (work.same(item, span) || (!this.rules.allowOverlap && work.overlaps(item, span))),
    );
    const base = met ? this.#decided(now, [met]) : now;
    return work.addMark(base, span, { ...this.rules, from: met?.id ?? null });
  }

  /** @param {SpanItem} item @param {Partial<Range & { label: string }>} change */
  #correct(item, change) {
    const span = { start: item.start, end: item.end, label: item.label, ...change };
    const added = work.addMark(this.#decided(this.work, [item]), span, { ...this.rules, from: item.id });
    this.#act(added.work, added.mark.id);
  }

  /** Where else a mark's words stand without this label, free to take it. @param {Mark} mark */
  others(mark) {
    const known = this.alike;
    if (known?.state === this.state && known.mark === mark) return known.places;
    const core = this.text.trimmed(mark) ?? mark;
    const whole = this.tokens.edged(core);
    const taken = (/** @type {Range} */ range) => (/** @type {Mark} */ other) =>
      this.rules.allowOverlap ? work.same(other, { ...range, label: mark.label }) : work.overlaps(other, range);
    const places = this.text
      .all(this.words(core))
      .filter((range) => !work.overlaps(range, mark) && (!whole || this.tokens.edged(range)) && !this.work.marks.some(taken(range)));
    this.alike = { state: this.state, mark, places };
    return places;
  }

  /** Label the same words everywhere in this document. @param {Mark} mark */
  labelSame(mark) {
    const places = this.others(mark);
    if (places.length === 0) return this.on.said(t("These words stand nowhere else."));
    const all = places.reduce((now, range) => this.#marked(now, { ...range, label: mark.label }).work, this.work);
    this.#act(all, mark.id);
    return this.on.said(n("Labelled in one more place.", "Labelled in %(count)s more places.", places.length));
  }

  /** Reject a suggestion, or take a mark or the picked relation away. */
  remove(thing = this.target()) {
    if (!thing) {
      if (this.pickedRelation !== null) this.unrelate(this.pickedRelation);
    } else if (this.isItem(thing)) this.#settle(this.#decided(this.work, [thing]), thing);
    else {
      this.#act(work.removeMark(this.work, thing.id), null);
      this.on.said(t("Mark removed."));
    }
  }

  /** @param {string | { name: string }} question @param {string} label */
  toggleChoice(question, label) {
    const name = typeof question === "string" ? question : question.name;
    const multiple = this.rules.multiple(name);
    const met = this.pending.filter(
      (item) => item.kind === "choice" && item.question === name && (!multiple || item.label === label),
    );
    const next = work.toggleChoice(this.#decided(this.work, met), { name, multiple }, label);
    this.history.push(next);
    this.refresh();
    this.stay();
    this.on.changed(this);
    const chosen = work.chosen(this.work, name).join(", ") || t("none");
    this.on.said(t("%(question)s: %(chosen)s", { question: name, chosen }));
  }

  // --- suggestions -------------------------------------------------------------------------------------------------

  accept(item = this.target()) {
    if (!this.isItem(item)) return;
    const missing = this.missing(item)[0];
    if (missing) {
      this.pick(missing.id);
      this.refuse(t("A relation needs its spans: accept this one first."));
      return;
    }
    this.#settle(this.#accepted(this.work, item), item);
  }

  /** Accept whatever waits with at least such a score. @param {{ above?: number }} [which] */
  acceptAll({ above = 0 } = {}) {
    this.#acceptThese(this.pending.filter((item) => item.score >= above), null);
  }

  /** Accept this suggestion wherever the same words stand with the same label. @param {Thing | null} item */
  acceptSame(item = this.target()) {
    if (!this.isItem(item) || item.kind !== "span") return;
    this.#acceptThese(this.state.alike(item, this.text), item);
  }

  /** @param {Item[]} items @param {Item | null} from where to go on */
  #acceptThese(items, from) {
    const next = items.reduce((now, item) => this.#accepted(now, item), this.work);
    const count = Object.keys(next.decided).length - Object.keys(this.work.decided).length;
    this.#settle(next, from);
    this.on.said(n("Accepted one suggestion.", "Accepted %(count)s suggestions.", count));
  }

  /** @param {Thing | null} item */
  rejectSame(item = this.target()) {
    if (!this.isItem(item) || item.kind !== "span") return;
    const alike = this.state.alike(item, this.text);
    this.#settle(this.#decided(this.work, alike), item);
    this.on.said(n("Rejected one suggestion.", "Rejected %(count)s suggestions.", alike.length));
  }

  /** Do with what is picked as with every one like it. */
  same(thing = this.target()) {
    if (this.isItem(thing)) this.acceptSame(thing);
    else if (thing) this.labelSame(thing);
  }

  /** The suggested spans that have to be accepted before this suggested relation can be. @param {Item} item */
  missing(item) {
    if (item.kind !== "relation") return [];
    return this.state.ends(item).flatMap((end) => (end.mark || !end.item ? [] : [end.item]));
  }

  /** @param {Work} now @param {Item} item */
  #accepted(now, item) {
    const milliseconds = performance.now() - this.shownAt;
    return accepted(now, this.suggestion?.items ?? [], item, this.rules, milliseconds);
  }

  /** @param {Work} now @param {Item[]} items */
  #decided(now, items) {
    return items.length > 0 ? work.decide(now, items, performance.now() - this.shownAt) : now;
  }

  /** After a verdict the next waiting suggestion is picked, so that one key after the other is enough.
   *  @param {Work} next @param {Item | null} from */
  #settle(next, from) {
    const place = (/** @type {Item} */ one) => (one.kind === "span" ? one.start : Infinity);
    const after = (/** @type {Item[]} */ waiting) => waiting.find((one) => from && place(one) >= place(from)) ?? waiting[0];
    this.#act(next, () => (from && after(this.state.waiting)?.id) || null);
    if (this.state.waiting.length === 0) this.on.said(t("All suggestions are decided."));
  }

  // --- relations ---------------------------------------------------------------------------------------------------

  /** Draw a relation of this kind next, from the picked mark if that can be its head; or make the picked relation one.
   *  @param {string} label */
  startRelation(label) {
    if (this.#retired("relation", label)) return undefined;
    if (this.pickedRelation !== null) return this.#rename(this.pickedRelation, label);
    if (this.work.marks.length < 2) return this.refuse(t("A relation needs two marks."));
    const { relating, picked } = this;
    const mark = this.find(relating ? relating.head : picked);
    const head = mark && !this.isItem(mark) && canEnd(this.rules, label, null, mark.label) ? mark.id : null;
    this.relating = { label, head };
    this.draw();
    return this.on.said(head ? t("%(label)s: now where it leads.", { label }) : t("%(label)s: first where it starts.", { label }));
  }

  /** @param {number} index @param {string} label */
  #rename(index, label) {
    const relation = this.work.relations[index];
    const [head, tail] = [relation.head, relation.tail].map((id) => this.find(id)?.label ?? "");
    if (!allows(this.rules, label, head, tail)) return this.refuse(refusal(this.rules, label, head, tail));
    this.#act(work.changeRelation(this.work, index, label), null);
    this.on.said(label);
  }

  /** Take a mark as head, then one as tail. */
  takeEnd(id = this.picked) {
    const mark = this.find(id);
    if (!this.relating || !mark || this.isItem(mark)) return;
    const { label, head } = this.relating;
    if (mark.id === head) return;
    const from = this.find(head);
    if (!this.canEnd(mark)) return this.refuse(refusal(this.rules, label, from?.label ?? null, mark.label));
    if (head === null) {
      this.relating = { label, head: mark.id };
      this.pick(mark.id);
    } else this.connect(head, mark.id, label);
  }

  /** Join two marks: by this kind of relation, or by the first one that may join them.
   *  @param {string} head @param {string} tail @param {string} [label] */
  connect(head, tail, label) {
    const [from, to] = [this.find(head), this.find(tail)];
    if (!from || !to || head === tail || this.isItem(from) || this.isItem(to)) return;
    const kind = label ?? between(this.rules, this.relationNames, from.label, to.label)[0];
    if (kind && !allows(this.rules, kind, from.label, to.label)) return this.refuse(refusal(this.rules, kind, from.label, to.label));
    if (!kind) return this.refuse(t("No relation leads from %(head)s to %(tail)s.", { head: from.label, tail: to.label }));
    this.relating = null;
    this.#act(work.relate(this.work, { head, tail, label: kind }), tail);
    this.on.said(t("Relation: %(head)s, %(label)s, %(tail)s", { head: this.words(from), label: kind, tail: this.words(to) }));
  }

  /** @param {number} index */
  unrelate(index) {
    this.#act(work.unrelate(this.work, index), this.picked);
    this.on.said(t("Relation removed."));
  }

  // --- history -----------------------------------------------------------------------------------------------------

  undo() {
    const before = this.work;
    if (this.history.undo()) this.#after(before, t("Undone."));
  }

  redo() {
    const before = this.work;
    if (this.history.redo()) this.#after(before, t("Done again."));
  }

  /** What was undone may be out of view: go where it was. @param {Work} before @param {string} sentence */
  #after(before, sentence) {
    const differs = (/** @type {Work} */ a, /** @type {Work} */ b) => a.marks.find((mark) => !b.marks.includes(mark));
    const changed = differs(this.work, before) ?? differs(before, this.work);
    this.refresh();
    this.picked = this.pickedRelation = this.relating = null;
    if (changed) this.choose({ start: changed.start, end: changed.end });
    else this.draw();
    this.on.said(sentence);
    this.on.changed(this);
  }

  /** @param {Work} next @param {string | null | (() => string | null)} pick what is picked then */
  #act(next, pick) {
    const kept = pruned(next, this.rules);
    const changed = kept !== this.work;
    const { byPointer } = this;
    this.history.push(kept);
    if (changed) this.refresh();
    const id = typeof pick === "function" ? pick() : pick;
    if (id && this.find(id)) this.pick(id, { byPointer });
    else this.drop();
    if (kept !== next) this.on.said(t("A relation that does not fit this label was removed."));
    if (changed) this.on.changed(this);
  }
}
