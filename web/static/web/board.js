/** The text on the desk: what is chosen in it, and every act a person can do to it. Knows no server. */

import { Text } from "./offsets.js";
import { Tokens } from "./tokens.js";
import * as work from "./work.js";

export class Board {
  /** @param rules { allowOverlap, multiple(question) } @param on { changed(board), said(sentence) } */
  constructor(painter, rules, colors, on) {
    Object.assign(this, { painter, rules, colors, on });
    this.clear();
  }

  clear() {
    this.text = new Text("");
    this.tokens = new Tokens([]);
    this.history = new work.History(work.EMPTY);
    this.items = [];
    Object.assign(this, { selection: null, picked: null, relating: null, byPointer: false, shownAt: 0 });
  }

  open(string, done, items) {
    this.clear();
    this.text = new Text(string);
    this.tokens = new Tokens(this.text.tokens());
    this.history = new work.History(done);
    this.show(items);
    const first = this.stops()[0];
    if (this.pending.length > 0 && first) this.pick(first.id);
    else if (!this.tokens.empty) this.choose(this.tokens.first());
    else this.draw();
  }

  /** Suggestions may come later than the text; they never touch what was done meanwhile. */
  show(items) {
    this.items = items;
    this.shownAt = performance.now();
  }

  get work() {
    return this.history.now;
  }

  get pending() {
    return work.pending(this.work, this.items, this.rules);
  }

  find(id) {
    return this.work.marks.find((mark) => mark.id === id) ?? this.pending.find((item) => item.id === id) ?? null;
  }

  isItem(thing) {
    return thing !== null && "kind" in thing;
  }

  // --- choosing -------------------------------------------------------------------------------------------------

  choose(range) {
    this.picked = null;
    this.byPointer = false;
    this.selection = range;
    this.draw();
  }

  pick(id, { byPointer = false } = {}) {
    const thing = this.find(id);
    if (!thing) return;
    this.picked = id;
    this.byPointer = byPointer;
    if ("start" in thing) this.selection = { start: thing.start, end: thing.end };
    this.draw();
    this.on.said(this.#describe(thing));
  }

  letGo() {
    if (this.relating) this.relating = null;
    else if (this.picked && this.selection) this.picked = null;
    this.draw();
  }

  /** What an act applies to: the thing picked, or the one the cursor stands in. */
  target({ nesting = false } = {}) {
    const picked = this.picked && this.find(this.picked);
    if (picked) return picked;
    const at = this.selection;
    if (!at || nesting) return null;
    const holds = (span) => span.start <= at.start && at.end <= span.end;
    const spans = this.pending.filter((item) => item.kind === "span");
    return this.work.marks.findLast(holds) ?? spans.find(holds) ?? null;
  }

  /** Where Tab goes: waiting suggestions first, else the labels. */
  stops() {
    const inText = (a, b) => (a.start ?? Infinity) - (b.start ?? Infinity);
    const waiting = this.pending;
    if (this.relating || waiting.length === 0) return [...this.work.marks].sort(inText);
    return [...waiting].sort(inText);
  }

  /** Pick the next (or previous) stop from here; false past the last one, where Tab leaves the text.
   *  While a relation is drawn it goes round instead: there are ends to be found. */
  step(direction) {
    const stops = this.stops();
    const now = stops.findIndex((stop) => stop.id === this.picked);
    const here = this.selection?.start ?? 0;
    let to = now + direction;
    if (now < 0) {
      to = direction > 0 ? stops.findIndex((s) => (s.start ?? Infinity) >= here) : stops.findLastIndex((s) => s.start < here);
    }
    if (this.relating && stops.length > 0) to = (to + stops.length) % stops.length;
    if (to < 0 || to >= stops.length) return false;
    this.pick(stops[to].id);
    return true;
  }

  move(direction) {
    if (this.tokens.empty) return;
    const { start, end } = this.selection ?? this.tokens.first();
    const to = {
      right: () => this.tokens.after(end),
      left: () => this.tokens.before(start),
      home: () => this.tokens.first(),
      end: () => this.tokens.last(),
      down: () => this.#across(1),
      up: () => this.#across(-1),
    }[direction]();
    if (!to) return;
    this.choose(to);
    this.on.said(this.text.slice(to.start, to.end));
  }

  /** The token a line below or above, found by looking where it would be on the screen. */
  #across(lines) {
    const rects = this.painter.range(this.selection.start, this.selection.end).getClientRects();
    const box = lines > 0 ? rects[rects.length - 1] : rects[0];
    if (!box) return null;
    const x = box.left + Math.min(box.width / 2, 12);
    for (let step = 1; step <= 4; step += 1) {
      const y = box.top + box.height / 2 + lines * step * box.height * 0.75;
      const point = this.painter.pointFrom(x, y);
      if (point === null) continue;
      const token = this.tokens.at(point);
      if (lines > 0 ? token.start >= this.selection.end : token.end <= this.selection.start) return token;
    }
    return null;
  }

  /** Move an edge of the picked label or suggestion, or of the bare selection. */
  stretch(edge, { by = "token", out = true } = {}) {
    const at = this.selection;
    if (!at) return;
    const moved = { ...at, [edge]: this.#edge(at[edge], edge, by, out) };
    if (moved.start >= moved.end || moved.end > this.text.length || moved.start < 0) return;
    const thing = this.picked && this.find(this.picked);
    if (!thing || !("start" in thing)) {
      this.selection = moved;
      this.draw();
      return;
    }
    const inTheWay = (mark) => mark.id !== thing.id && work.overlaps(mark, moved);
    if (!this.rules.allowOverlap && this.work.marks.some(inTheWay)) {
      this.on.said("Another label is in the way.");
      return;
    }
    if (this.isItem(thing)) this.#correct(thing, moved);
    else this.#act(work.changeMark(this.work, thing.id, moved, this.rules), thing.id);
  }

  #edge(point, edge, by, out) {
    if (by === "character") return point + (edge === "end" ? 1 : -1) * (out ? 1 : -1);
    if (edge === "end") return out ? this.tokens.nextEnd(point) : this.tokens.previousEnd(point);
    return out ? this.tokens.previousStart(point) : this.tokens.nextStart(point);
  }

  // --- acts -----------------------------------------------------------------------------------------------------

  label(name) {
    const thing = this.target({ nesting: this.rules.allowOverlap });
    if (thing && "start" in thing) {
      if (!this.isItem(thing)) this.#act(work.changeMark(this.work, thing.id, { label: name }, this.rules), thing.id);
      else if (thing.label === name) this.accept(thing);
      else this.#correct(thing, { label: name });
      return;
    }
    if (!this.selection) {
      this.on.said("Choose some words first.");
      return;
    }
    const met = this.pending.find((item) => item.kind === "span" && work.overlaps(item, this.selection));
    const base = met && !this.rules.allowOverlap ? this.#decided(this.work, met) : this.work;
    const added = work.addMark(base, { ...this.selection, label: name }, { ...this.rules, from: met?.id ?? null });
    this.#act(added.work, added.mark.id);
  }

  #correct(item, change) {
    const span = { start: item.start, end: item.end, label: item.label, ...change };
    const added = work.addMark(this.#decided(this.work, item), span, { ...this.rules, from: item.id });
    this.#act(added.work, added.mark.id);
  }

  accept(item = this.target()) {
    if (!item || !this.isItem(item)) return;
    const missing = this.missing(item)[0];
    if (missing) {
      this.pick(missing.id);
      this.on.said("A relation needs its spans: accept this one first.");
      return;
    }
    this.#act(this.#accepted(this.work, item), null);
    this.#onward(item);
  }

  acceptAll() {
    const all = this.pending;
    if (all.length === 0) return;
    this.#act(all.reduce((now, item) => this.#accepted(now, item), this.work), null);
    this.on.said(`Accepted ${all.length}.`);
  }

  /** Reject a suggestion, or take a label away. */
  remove(thing = this.target()) {
    if (!thing) return;
    if (this.isItem(thing)) {
      this.#act(this.#decided(this.work, thing), null);
      this.#onward(thing);
    } else {
      this.#act(work.removeMark(this.work, thing.id), null);
      this.on.said("Label removed.");
    }
  }

  toggleChoice(question, label) {
    const asked = this.pending.filter((item) => item.kind === "choice" && item.question === question.name);
    const met = asked.filter((item) => !question.multiple || item.label === label);
    const base = met.reduce((now, item) => this.#decided(now, item), this.work);
    this.#act(work.toggleChoice(base, question, label), this.picked);
    const chosen = this.work.classes[question.name] ?? [];
    this.on.said(`${question.name}: ${chosen.join(", ") || "none"}`);
  }

  /** The suggested spans that have to be accepted before this suggested relation can be. */
  missing(item) {
    if (item.kind !== "relation") return [];
    return work.ends(this.work, this.items, item).flatMap((end) => (end.mark ? [] : [end.item]));
  }

  /** The words that a suggested relation joins. */
  endsOf(item) {
    const spans = work.ends(this.work, this.items, item).map((end) => end.mark ?? end.item);
    return spans.map((span) => this.text.slice(span.start, span.end));
  }

  #accepted(now, item) {
    const base = this.#decided(now, item);
    if (item.kind === "relation") {
      const [head, tail] = work.ends(now, this.items, item).map((end) => end.mark.id);
      return work.relate(base, { head, tail, label: item.label });
    }
    if (item.kind === "span") return work.addMark(base, item, { ...this.rules, from: item.id }).work;
    if ((base.classes[item.question] ?? []).includes(item.label)) return base;
    return work.toggleChoice(base, { name: item.question, multiple: this.rules.multiple(item.question) }, item.label);
  }

  #decided(now, item) {
    return work.decide(now, item, performance.now() - this.shownAt);
  }

  /** After a verdict the next waiting suggestion is picked, so that one key after the other is enough. */
  #onward(item) {
    const waiting = this.pending.length > 0 ? this.stops() : [];
    const next = waiting.find((stop) => (stop.start ?? Infinity) >= (item.start ?? Infinity)) ?? waiting[0];
    if (next) this.pick(next.id);
    else this.on.said("All suggestions are decided.");
  }

  // --- relations ------------------------------------------------------------------------------------------------

  startRelation(label) {
    if (this.work.marks.length < 2) {
      this.on.said("A relation needs two labelled spans.");
      return;
    }
    this.relating = { label, head: null };
    this.picked = this.work.marks.some((mark) => mark.id === this.picked) ? this.picked : null;
    this.draw();
  }

  /** In relation mode: take the picked label as head, then as tail. */
  takeEnd(id = this.picked) {
    if (!this.work.marks.some((mark) => mark.id === id)) return;
    const { label, head } = this.relating;
    if (head === null) {
      this.relating = { label, head: id };
      this.pick(id);
    } else if (head !== id) {
      this.relating = null;
      this.#act(work.relate(this.work, { head, tail: id, label }), id);
    }
  }

  unrelate(index) {
    this.#act(work.unrelate(this.work, index), this.picked);
  }

  // --- history and drawing --------------------------------------------------------------------------------------

  undo() {
    if (this.history.undo()) this.#after("Undone.");
  }

  redo() {
    if (this.history.redo()) this.#after("Done again.");
  }

  #after(sentence) {
    this.picked = null;
    this.draw();
    this.on.said(sentence);
    this.on.changed(this);
  }

  #act(next, pick) {
    this.history.push(next);
    this.picked = null;
    if (pick && this.find(pick)) this.pick(pick);
    else this.draw();
    this.on.changed(this);
  }

  draw() {
    const spans = this.pending.filter((item) => item.kind === "span");
    const drawn = [...this.work.marks, ...spans].map((span) => ({
      ...span,
      suggested: this.isItem(span),
      color: this.colors.get(span.label) ?? "#6b7280",
      picked: span.id === this.picked,
      end_of: this.relating?.head === span.id ? "from here" : "",
    }));
    this.painter.draw(this.text, drawn);
    if (this.selection && this.text.length > 0) this.painter.select(this.selection);
    this.on.drawn(this);
  }

  #describe(thing) {
    if (thing.kind === "choice") return `Suggested ${thing.question}: ${thing.label}`;
    if (thing.kind === "relation") {
      const [head, tail] = this.endsOf(thing);
      return `Suggested: ${head}, ${thing.label}, ${tail}`;
    }
    const words = this.text.slice(thing.start, thing.end);
    return `${this.isItem(thing) ? "Suggested" : "Labelled"} ${thing.label}: ${words}`;
  }
}
