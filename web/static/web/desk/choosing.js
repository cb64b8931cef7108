/** The open document and what is chosen in it: everything about looking, nothing that changes the work. */

import { t } from "../i18n.js";
import { Arcs } from "./arcs.js";
import { Cursor } from "./cursor.js";
import { History } from "./history.js";
import { Highlight } from "./highlight.js";
import { Blanks } from "./invisible.js";
import { Marks } from "./marks.js";
import { Text } from "./offsets.js";
import { canEnd, outside } from "./relating.js";
import { inView, Seen } from "./seen.js";
import { Sheet } from "./sheet.js";
import { State } from "./state.js";
import { decisions, offered } from "./suggesting.js";
import { Tokens } from "./tokens.js";
import { EMPTY, overlaps } from "./work.js";

/**
 * @typedef {import("./work.js").Work} Work
 * @typedef {import("./work.js").Mark} Mark
 * @typedef {import("./work.js").Rules} Rules
 * @typedef {import("./work.js").Range} Range
 * @typedef {import("./suggesting.js").Item} Item
 * @typedef {import("./suggesting.js").SpanItem} SpanItem
 * @typedef {import("./suggesting.js").Suggestion} Suggestion
 * @typedef {Mark | Item} Thing
 * @typedef {{ kind: "span" | "choice" | "relation", name: string, color: string, key: string, question?: string,
 *             definition?: string, retired?: boolean, pairs?: string[][] }} Label
 * @typedef {{ changed: (board: any) => void, drawn: (board: any) => void, said: (sentence: string) => void,
 *             refused?: (sentence: string) => void }} On `refused` hears why an act could not be, besides `said`
 */

export class Choosing {
  text = new Text("");
  tokens = new Tokens(this.text);
  history = new History(EMPTY);
  /** @type {Suggestion | null} */
  suggestion = null;
  /** @type {Range | null} */
  selection = null;
  /** Id of the mark or suggested item that is picked. @type {string | null} */
  picked = null;
  /** Place of the relation that is picked. @type {number | null} */
  pickedRelation = null;
  /** Head of the relation that is being pulled from name to name. @type {string | null} */
  pulling = null;
  /** The relation that is being drawn. @type {{ label: string, head: string | null } | null} */
  relating = null;
  byPointer = false;
  scores = false;
  /** While true, the pointer changes nothing. */
  locked = false;
  shownAt = 0;
  seenItems = new Seen();

  /** @param {{ text: HTMLElement, rules: Rules, labels: Label[], on: On }} parts */
  constructor({ text, rules, labels, on }) {
    this.rules = rules;
    this.labels = labels;
    this.on = on;
    this.sheet = new Sheet(text, { moved: () => this.#paint(), resized: () => this.draw() });
    this.marks = new Marks(this.sheet, rules.allowOverlap ? 2 : 1);
    this.arcs = new Arcs(this.sheet, this.marks);
    this.blanks = new Blanks(this.sheet);
    this.highlight = new Highlight(this.sheet);
    if (labels.some((label) => label.kind === "relation")) this.sheet.stack.classList.add("joined");
    this.cursor = new Cursor(this.text, this.tokens, this.sheet);
    this.state = new State(EMPTY, [], rules, labels);
    document.addEventListener("visibilitychange", () => this.#look());
  }

  /** @param {string} string @param {Work} work */
  #empty(string, work) {
    this.text = new Text(string);
    this.tokens = new Tokens(this.text);
    this.cursor = new Cursor(this.text, this.tokens, this.sheet);
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

  /** @param {{ text: string, work?: Work, suggestion?: Suggestion | null, meta?: object }} document */
  open({ text, work = EMPTY, suggestion = null }) {
    this.#empty(text, work);
    this.suggest(suggestion);
    const [first] = this.state.waiting;
    if (first) this.pick(first.id);
    else if (!this.tokens.empty) this.choose(this.tokens.first());
    else this.draw();
    // The first look-up takes the browser long: not when a key waits for it.
    setTimeout(() => this.tokens.at(this.selection?.end ?? 0));
  }

  /** Suggestions that come later than the text. They never touch what was done: once somebody decided on something of
   *  those that are there, those stay. @param {Suggestion | null} suggestion */
  offer(suggestion) {
    const ours = new Set(this.suggestion?.items.map((item) => item.id));
    const used = Object.keys(this.work.decided).length > 0 || this.work.marks.some((m) => m.from && ours.has(m.from));
    if (!suggestion || suggestion.id === this.suggestion?.id || (this.suggestion && used)) return false;
    if (this.picked && ours.has(this.picked)) this.picked = null;
    this.suggest(suggestion);
    this.draw();
    return true;
  }

  /** @param {Suggestion | null} suggestion */
  suggest(suggestion) {
    const retired = new Set(this.labels.filter((label) => label.retired).map((label) => `${label.kind} ${label.name}`));
    const usable = (/** @type {Item} */ item) => !retired.has(`${item.kind} ${item.label}`);
    this.suggestion = suggestion && { ...suggestion, items: offered(suggestion.items.filter(usable), this.rules) };
    this.shownAt = performance.now();
    this.seenItems.clear();
    this.refresh();
  }

  /** Work out anew what follows from the work. */
  refresh() {
    this.state = new State(this.work, this.suggestion?.items ?? [], this.rules, this.labels);
  }

  get work() {
    return this.history.now;
  }

  get pending() {
    return this.state.pending;
  }

  /** Ids of suggested items that were in view for a while, or picked. */
  get seen() {
    return this.seenItems.ids;
  }

  get canUndo() {
    return this.history.past.length > 0;
  }

  get canRedo() {
    return this.history.future.length > 0;
  }

  /** The verdicts to send with the answer. @param {{ complete: boolean }} how */
  decisions({ complete }) {
    return decisions(this.work, this.suggestion, this.rules, { complete, seen: this.seen });
  }

  /** @param {string | null | undefined} id @returns {Thing | null} */
  find(id) {
    return (id && this.state.byId.get(id)) || null;
  }

  /** @param {Thing | null} thing @returns {thing is Item} */
  isItem(thing) {
    return thing !== null && "kind" in thing;
  }

  /** @param {Range} span */
  words = ({ start, end }) => this.text.slice(start, end);

  // --- choosing ----------------------------------------------------------------------------------------------------

  /** @param {Range} range */
  choose(range, { reveal = true } = {}) {
    this.#let();
    this.selection = range;
    this.draw();
    if (reveal) this.sheet.reveal(range);
    else this.cursor.column = null;
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
    this.draw();
    const words = "start" in thing ? thing : thing.kind === "relation" ? this.ends(thing)[0] : null;
    if (words && !byPointer) this.sheet.reveal(words);
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
    else this.#let();
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

  /** Whether a mark can be the next end of the relation that is drawn. @param {Mark} mark */
  canEnd(mark) {
    if (!this.relating) return false;
    const { label, head } = this.relating;
    if (mark.id === head) return false;
    const from = /** @type {Mark | null} */ (this.find(head));
    return canEnd(this.rules, label, from?.label ?? null, mark.label);
  }

  /** Kinds of relations that can be made. */
  get relationNames() {
    return this.labels.filter((label) => label.kind === "relation" && !label.retired).map((label) => label.name);
  }

  /** A relation is being pulled from this mark; null: no longer. @param {string | null} id */
  pull(id) {
    if (this.pulling === id) return;
    this.pulling = id;
    this.#paint();
  }

  /** Go on by token, line or sentence. @param {import("./cursor.js").Direction} direction */
  move(direction) {
    const to = this.tokens.empty ? null : this.cursor.reach(this.selection ?? this.tokens.first(), direction);
    if (!to) return;
    this.choose(to);
    this.on.said(this.words(to));
  }

  // --- drawing -----------------------------------------------------------------------------------------------------

  draw({ select = true } = {}) {
    this.#paint();
    if (select) this.sheet.select(this.text.length > 0 ? this.selection : null);
    this.on.drawn(this);
  }

  #paint() {
    const { relating } = this;
    const dimmed = (/** @type {string} */ id) => outside(this, id);
    const role = (/** @type {string} */ id) => (relating?.head === id ? t("from here") : "");
    const look = { picked: this.picked, grips: this.byPointer, scores: this.scores, dimmed, role };
    this.marks.draw(this.state.spans, look);
    this.highlight.draw(this.text.length > 0 ? this.selection : null, this.picked !== null);
    if (!relating && !this.pulling) this.arcs.loose(null);
    this.arcs.draw(this);
    this.blanks.draw();
    this.#look();
  }

  showScores(on = !this.scores) {
    this.scores = on;
    this.draw();
    this.on.said(on ? t("Scores are shown.") : t("Scores are hidden."));
  }

  showInvisible(on = !this.blanks.on) {
    this.blanks.on = on;
    this.draw();
    this.on.said(on ? t("Invisible characters are shown.") : t("Invisible characters are hidden."));
  }

  /** Where something is in the window. @param {Thing | Range} thing */
  boxOf(thing) {
    if ("start" in thing) return this.sheet.boxOf(thing);
    return this.arcs.boxOf(thing.id);
  }

  // --- what was seen -----------------------------------------------------------------------------------------------

  /** These were shown for certain: picked, or listed in the panel. @param {string[]} ids */
  see(ids) {
    this.seenItems.add(ids);
  }

  #look() {
    const hidden = document.visibilityState === "hidden" || this.pending.length === 0;
    const { sheet, state } = this;
    this.seenItems.look(hidden ? [] : inView(state, sheet.inView));
  }

  /** @param {Thing} thing */
  describe(thing) {
    const values = { label: thing.label };
    if (!this.isItem(thing)) return t("%(label)s: %(words)s", { ...values, words: this.words(thing) });
    if (thing.kind === "choice") return t("Suggested %(question)s: %(label)s", { ...values, question: thing.question });
    if (thing.kind === "span") return t("Suggested %(label)s: %(words)s", { ...values, words: this.words(thing) });
    const [head, tail] = this.endsOf(thing);
    return t("Suggested: %(head)s, %(label)s, %(tail)s", { ...values, head, tail });
  }

  /** The words that a suggested relation joins. @param {import("./suggesting.js").RelationItem} item */
  endsOf(item) {
    return this.ends(item).map((span) => (span ? this.words(span) : ""));
  }

  /** The marks, or the suggested spans, that a suggested relation joins.
   *  @param {import("./suggesting.js").RelationItem} item @returns {(Mark | SpanItem | undefined)[]} */
  ends(item) {
    return this.state.ends(item).map((end) => end.mark ?? end.item);
  }
}
