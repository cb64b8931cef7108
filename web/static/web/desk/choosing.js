/** What is chosen in the open document: everything about going to words and marks, nothing that changes the work. */

import { t } from "../i18n.js";
import { Cursor } from "./cursor.js";
import { History } from "./history.js";
import { Text } from "./offsets.js";
import { Seeker } from "./seeking.js";
import { Showing } from "./showing.js";
import { isTerm, Words } from "./terms.js";
import { Tokens } from "./tokens.js";
import { EMPTY, overlaps } from "./work.js";

/**
 * @typedef {import("./showing.js").Thing} Thing
 * @typedef {import("./work.js").Work} Work
 * @typedef {import("./work.js").Mark} Mark
 * @typedef {import("./work.js").Range} Range
 * @typedef {import("./suggesting.js").SpanItem} SpanItem
 * @typedef {import("./suggesting.js").Suggestion} Suggestion
 */

export class Choosing extends Showing {
  seeker = new Seeker(this.text, this.tokens);

  /** @param {string} string @param {Work} work @param {SpanItem[] | null} [terms] */
  #empty(string, work, terms = null) {
    this.text = new Text(string);
    this.tokens = new Tokens(this.text);
    this.cursor = new Cursor(this.text, this.tokens, this.sheet);
    this.seeker = new Seeker(this.text, this.tokens);
    this.vocabulary = new Words(this.text);
    this.terms = terms;
    this.history = new History(work);
    this.selection = null;
    this.relating = null;
    this.#let();
    this.sheet.open(this.text);
    this.suggest(null);
  }

  /** Nothing on the desk. */
  clear() {
    this.#empty("", EMPTY);
    this.draw();
  }

  /** `terms`: what the dictionary suggests; null where it has no say.
   *  @param {{ text: string, work?: Work, suggestion?: Suggestion | null, terms?: SpanItem[] | null, meta?: object }} document */
  open({ text, work = EMPTY, suggestion = null, terms = null }) {
    this.#empty(text, work, terms);
    this.suggest(suggestion);
    const [first] = this.state.waiting;
    if (first) this.pick(first.id);
    else if (!this.tokens.empty) this.choose(this.tokens.first());
    else this.draw();
    // The first look-up takes the browser long: not when a key waits for it.
    setTimeout(() => {
      this.tokens.at(this.selection?.end ?? 0);
      if (this.terms) this.vocabulary.prepare();
    });
  }

  /** Whether somebody decided on anything of what is suggested. */
  get used() {
    const ours = new Set(this.suggestion?.items.map((item) => item.id));
    return Object.keys(this.work.decided).some((id) => !isTerm(id)) || this.work.marks.some((m) => m.from && ours.has(m.from));
  }

  /** Suggestions that come later than the text. They never touch what was done: once somebody decided on something of
   *  those that are there, those stay. @param {Suggestion | null} suggestion */
  offer(suggestion) {
    const ours = new Set(this.suggestion?.items.map((item) => item.id));
    if (!suggestion || suggestion.id === this.suggestion?.id || (this.suggestion && this.used)) return false;
    if (this.picked && ours.has(this.picked)) this.#let();
    this.suggest(suggestion);
    this.draw();
    return true;
  }

  /** What the dictionary says by now of the text that is open. @param {SpanItem[]} terms */
  learn(terms) {
    if (!this.terms) return;
    this.know(terms);
    this.stay();
  }

  // --- choosing ----------------------------------------------------------------------------------------------------

  /** @param {Range} range */
  choose(range, { reveal = true } = {}) {
    this.#let();
    this.selection = range;
    // Before anything is drawn: to look where things are is cheap only while all lies as it did.
    if (reveal) this.sheet.reveal(range);
    else this.cursor.column = null;
    this.draw();
  }

  /** What a finger selected with the browser's own handles, which stay as they are. @param {Range} range */
  hold(range) {
    this.#let();
    this.selection = range;
    this.draw({ select: false });
  }

  #let() {
    this.picked = null;
    this.pickedRelation = null;
    this.byPointer = false;
  }

  /** @param {string} id */
  pick(id, { byPointer = false } = {}) {
    const thing = this.find(id);
    if (!thing) return;
    this.#let();
    this.picked = id;
    this.byPointer = byPointer;
    this.cursor.column = null;
    if ("start" in thing) this.selection = { start: thing.start, end: thing.end };
    if (this.isItem(thing)) this.see([id]);
    const words = "start" in thing ? thing : thing.kind === "relation" ? this.ends(thing)[0] : null;
    if (words && !byPointer) this.sheet.reveal(words);
    this.draw();
    this.on.said(this.describe(thing));
  }

  /** @param {number} index */
  pickRelation(index) {
    const relation = this.work.relations[index];
    if (!relation) return;
    this.#let();
    this.pickedRelation = index;
    this.draw();
    const words = (/** @type {string} */ id) => this.words(/** @type {Mark} */ (this.find(id)));
    const ends = { head: words(relation.head), tail: words(relation.tail) };
    this.on.said(t("Relation: %(head)s, %(label)s, %(tail)s", { ...ends, label: relation.label }));
  }

  letGo() {
    if (this.relating) this.relating = null;
    else if (this.picked !== null || this.pickedRelation !== null || this.hand === null) this.#let();
    else this.take(null);
    this.arcs.loose(null);
    this.draw();
  }

  /** Nothing is picked any more. */
  drop() {
    this.#let();
    this.draw();
  }

  /** What is picked stays so, if it is there still. */
  stay() {
    if (!this.find(this.picked)) this.picked = null;
    this.draw();
  }

  /** What an act applies to: the thing picked, or the innermost one that the cursor stands in. @returns {Thing | null} */
  target({ nesting = false } = {}) {
    const picked = this.find(this.picked);
    if (picked || nesting || !this.selection || this.pickedRelation !== null) return picked;
    return this.at(this.selection)[0] ?? null;
  }

  /** Marks and suggested spans that hold a range, the innermost first. @param {Range} range */
  at({ start, end }) {
    const holding = this.state.spans.filter((span) => span.start <= start && end <= span.end);
    holding.sort((a, b) => a.end - a.start - (b.end - b.start));
    return holding.map(({ id }) => /** @type {Mark | SpanItem} */ (this.find(id)));
  }

  /** Pick the next of the marks that lie over each other here. @param {1 | -1} [direction] */
  cycle(direction = 1) {
    const here = this.find(this.picked);
    const at = here && "start" in here ? here : this.selection;
    if (!at) return;
    const all = this.state.spans.filter((span) => overlaps(span, at));
    all.sort((a, b) => a.end - a.start - (b.end - b.start));
    const now = all.findIndex((span) => span.id === this.picked);
    const next = all[(Math.max(now, direction > 0 ? -1 : 0) + direction + all.length) % all.length];
    if (next) this.pick(next.id);
  }

  /** Where Tab goes: waiting suggestions first, else the marks. While a relation is drawn: what can be its next end.
   *  @param {"suggestion" | "mark"} [kind] @returns {Thing[]} */
  #stops(kind) {
    if (this.relating) return this.state.marks.filter((mark) => this.canEnd(mark));
    if (kind === "mark") return this.state.marks;
    return kind === "suggestion" || this.pending.length > 0 ? this.state.waiting : this.state.marks;
  }

  /** Pick the next (or previous) stop from here; false past the last one, where Tab leaves the text.
   *  While a relation is drawn it goes round instead: there are ends to be found.
   *  @param {1 | -1} direction @param {"suggestion" | "mark"} [kind] */
  step(direction, kind) {
    const stops = this.#stops(kind);
    const start = (/** @type {Thing} */ stop) => ("start" in stop ? stop.start : Infinity);
    const now = stops.findIndex((stop) => stop.id === this.picked);
    const here = this.selection?.start ?? 0;
    let to = now + direction;
    if (now < 0) {
      const [ahead, behind] = [stops.findIndex((s) => start(s) >= here), stops.findLastIndex((s) => start(s) < here)];
      to = direction < 0 ? behind : ahead < 0 ? stops.length : ahead;
    }
    if (this.relating && stops.length > 0) to = (to + stops.length) % stops.length;
    if (to < 0 || to >= stops.length) return false;
    this.pick(stops[to].id);
    return true;
  }

  /** Go on by token, line or sentence. @param {import("./cursor.js").Direction} direction */
  move(direction) {
    const to = this.tokens.empty ? null : this.cursor.reach(this.selection ?? this.tokens.first(), direction);
    if (!to) return;
    this.choose(to);
    this.on.said(this.words(to));
  }

  /** Go to the next word that begins with some letters, the first of them that any does; false where there is none.
   *  `within`: else to a piece of the text that no word begins with.
   *  @param {string[]} letters @param {1 | -1} [way] @param {Range | null} [from] @param {{ within?: boolean }} [how] */
  seek(letters, way = 1, from = this.selection, { within = false } = {}) {
    const here = from ?? this.tokens.first();
    for (const one of this.tokens.empty ? [] : letters) {
      const found = this.seeker.find(one, here, way, { within });
      if (!found) continue;
      this.choose(found.range);
      const words = this.words(found.range);
      this.on.said(!found.round ? words : way > 0 ? t("From the top: %(words)s", { words }) : t("From the end: %(words)s", { words }));
      return true;
    }
    const sought = { letters: letters[0] };
    this.refuse(within ? t("“%(letters)s” is not in this text.", sought) : t("No word begins with %(letters)s.", sought));
    return false;
  }

  /** @param {string} sentence */
  refuse(sentence) {
    this.on.said(sentence);
    this.on.refused?.(sentence);
  }
}
