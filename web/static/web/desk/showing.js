/** The open document as it is shown: its work, what a model suggests, and the drawing of both. Changes neither. */

import { n, t } from "../i18n.js";
import { Arcs } from "./arcs.js";
import { Cursor } from "./cursor.js";
import { History } from "./history.js";
import { Highlight } from "./highlight.js";
import { InHand } from "./inhand.js";
import { Blanks } from "./invisible.js";
import { Marks } from "./marks.js";
import { Text } from "./offsets.js";
import { canEnd, outside } from "./relating.js";
import { inView, Seen } from "./seen.js";
import { Sheet } from "./sheet.js";
import { State } from "./state.js";
import { decisions, offered } from "./suggesting.js";
import { fromDictionary, isUsed, Words } from "./terms.js";
import { Tokens } from "./tokens.js";
import { EMPTY } from "./work.js";

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
 *             retired?: boolean, pairs?: string[][] }} Label
 * @typedef {{ changed: (board: any) => void, drawn: (board: any) => void, said: (sentence: string) => void,
 *             refused?: (sentence: string) => void }} On `refused` hears why an act could not be, besides `said`
 */

/** Where a term comes from, in words. @param {Thing | null} thing */
function groundsOf(thing) {
  const { source = "", times = 0 } = thing && "source" in thing ? thing : {};
  if (source === "accepted") return n("marked once before", "marked %(count)s times before", times);
  if (source === "list") return t("in the term list");
  return source === "document" ? t("marked in this text") : "";
}

export class Showing {
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
  /** The label in hand: whatever the pointer chooses gets it at once. @type {string | null} */
  hand = null;
  /** What was marked with it last; until something else is chosen, nothing is. @type {Range | null} */
  spent = null;
  byPointer = false;
  scores = false;
  /** While true, the pointer changes nothing. */
  locked = false;
  shownAt = 0;
  seenItems = new Seen();
  /** What the dictionary suggests in this text; null where it has no say. @type {SpanItem[] | null} */
  terms = null;
  vocabulary = new Words(this.text);

  /** @param {{ text: HTMLElement, rules: Rules, labels: Label[], on: On }} parts */
  constructor({ text, rules, labels, on }) {
    this.rules = rules;
    this.labels = labels;
    this.on = on;
    this.sheet = new Sheet(text, { moved: () => this.paint(), resized: () => this.draw() });
    this.marks = new Marks(this.sheet, rules.allowOverlap ? 2 : 1);
    this.arcs = new Arcs(this.sheet, this.marks);
    this.blanks = new Blanks(this.sheet);
    this.highlight = new Highlight(this.sheet);
    this.inHand = new InHand(this.sheet.stack);
    if (labels.some((label) => label.kind === "relation")) this.sheet.stack.classList.add("joined");
    this.cursor = new Cursor(this.text, this.tokens, this.sheet);
    this.state = new State(EMPTY, [], rules, labels);
    document.addEventListener("visibilitychange", () => this.look());
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
    this.state = new State(this.work, this.suggestion?.items ?? [], this.rules, this.labels, (view) => this.#dictionary(view));
  }

  /** Its terms, until a model has looked: from then on only those that somebody decided on. @param {import("./suggesting.js").View} view */
  #dictionary(view) {
    if (!this.terms) return [];
    const { suggestion, terms } = this;
    const items = (suggestion?.items ?? []).filter((item) => item.kind === "span");
    const known = suggestion ? terms.filter(({ id }) => isUsed(view, id)) : terms;
    return fromDictionary(view, this.vocabulary, known, items, (name) => this.#gives(name));
  }

  /** @param {string} name of a label for spans */
  #gives(name) {
    return this.labels.some((label) => label.kind === "span" && label.name === name && !label.retired);
  }

  /** What the dictionary says by now; what somebody decided on stays. @param {SpanItem[]} terms */
  know(terms) {
    const used = (this.terms ?? []).filter(({ id }) => isUsed(this.state.view, id));
    const there = new Set(used.map(({ id }) => id));
    this.terms = [...used, ...terms.filter(({ id }) => !there.has(id))];
    this.refresh();
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

  /** The verdicts to send with the answer. @param {{ complete: boolean, pending?: "leave" | "reject" }} how */
  decisions(how) {
    return decisions(this.work, this.suggestion, this.rules, { ...how, seen: this.seen, terms: this.state.terms });
  }

  /** With a label in hand: nothing is chosen since it was used last. */
  get idle() {
    return this.hand !== null && this.picked === null && this.selection !== null && this.selection === this.spent;
  }

  /** @param {string | null} name of a label for spans */
  color(name) {
    return this.labels.find((label) => label.kind === "span" && label.name === name)?.color ?? null;
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
    this.paint();
  }

  // --- drawing -----------------------------------------------------------------------------------------------------

  draw({ select = true } = {}) {
    this.paint();
    if (select) this.sheet.select(this.text.length > 0 ? this.selection : null);
    this.on.drawn(this);
  }

  paint() {
    const { relating } = this;
    const dimmed = (/** @type {string} */ id) => outside(this, id);
    const role = (/** @type {string} */ id) => (relating?.head === id ? t("from here") : "");
    const grounds = (/** @type {string} */ id) => groundsOf(this.find(id));
    const look = { picked: this.picked, grips: this.byPointer, scores: this.scores, dimmed, role, grounds };
    this.marks.draw(this.state.spans, look);
    this.highlight.draw(this.text.length > 0 ? this.selection : null, this.picked !== null || this.idle);
    this.inHand.draw(this.color(this.hand));
    if (!relating && !this.pulling) this.arcs.loose(null);
    this.arcs.draw(this);
    this.blanks.draw();
    this.look();
  }

  /** Take a label in hand, or none. @param {string | null} name */
  take(name) {
    if (name === this.hand) return;
    this.hand = name;
    this.draw();
    this.on.said(name === null ? t("No label in hand.") : t("%(label)s is in hand: what you choose with the mouse, or with Space, gets it.", { label: name }));
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

  look() {
    const hidden = document.visibilityState === "hidden" || this.pending.length === 0;
    const { sheet, state } = this;
    this.seenItems.look(hidden ? [] : inView(state, sheet.inView));
  }

  /** @param {Thing} thing */
  describe(thing) {
    const values = { label: thing.label };
    if (!this.isItem(thing)) return t("%(label)s: %(words)s", { ...values, words: this.words(thing) });
    if (thing.kind === "choice") return t("Suggested %(question)s: %(label)s", { ...values, question: thing.question });
    if (thing.kind === "span" && thing.source) {
      return t("Suggested %(label)s: %(words)s (%(grounds)s)", { ...values, words: this.words(thing), grounds: groundsOf(thing) });
    }
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
