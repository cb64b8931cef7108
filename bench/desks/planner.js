/**
 * Does with a document on the desk what an expert would who uses the keyboard alone, and counts the presses. Each is a
 * real event to the page's own key map and board; where a press led is read from the board, never assumed.
 */

/**
 * @typedef {import("../../web/static/web/desk/board.js").Board} Board
 * @typedef {import("../../web/static/web/desk/cursor.js").Direction} Direction
 * @typedef {{ start: number, end: number, label: string }} Span
 */

/** @type {[string, Direction][]} */
const MOVES = [
  ["ArrowRight", "right"], ["ArrowLeft", "left"], ["ArrowDown", "down"], ["ArrowUp", "up"],
  ["Home", "home"], ["End", "end"], ["Mod+Home", "top"], ["Mod+End", "bottom"],
];
const MOST = 1500;

/** @param {Span} a @param {Span} b */
const same = (a, b) => a.start === b.start && a.end === b.end && a.label === b.label;
/** @param {Span} a @param {Span} b */
const meet = (a, b) => a.start < b.end && b.start < a.end;

export class Expert {
  /** @param {Board} board @param {Span[]} gold @param {Record<string, string>} keys of labels */
  constructor(board, gold, keys) {
    this.board = board;
    this.gold = gold;
    this.keys = keys;
    this.pressed = 0;
    /** How often each key was. @type {Record<string, number>} */
    this.by = {};
  }

  /** Make the board's work the gold, and say how many presses that and “done” take. */
  work() {
    for (let task = this.#next(); task; task = this.#next()) {
      if (this.pressed > MOST) throw new Error(`no end at ${JSON.stringify(task)}`);
      const { wrong, missing } = task;
      if (wrong) {
        const change = missing !== undefined && this.#clear(wrong, missing);
        this.#stop(wrong.id, change);
        if (change) this.#correct(missing);
        else this.#press("Delete");
      } else if (missing) {
        this.#go(missing.start);
        this.#correct(missing);
        this.#same(missing);
      }
    }
    // Done, with all that still waits: the page's own act of one key.
    this.pressed += 1;
    this.board.acceptAll();
    return this.pressed;
  }

  /** Whether the answer is the gold and nothing else. */
  get right() {
    const { marks } = this.board.work;
    return marks.length === this.gold.length && this.gold.every((span) => marks.some((mark) => same(mark, span)));
  }

  /** The first thing in the text that is not right yet. */
  #next() {
    const waiting = /** @type {(Span & { id: string })[]} */ (/** @type {unknown} */ (this.board.pending));
    const wrong = waiting.filter((item) => !this.gold.some((span) => same(span, item)));
    const missing = this.gold.filter((span) => ![...this.board.work.marks, ...waiting].some((one) => same(one, span)));
    const [bad, lacking] = [wrong[0], missing[0]];
    if (bad && lacking && meet(bad, lacking)) return { wrong: bad, missing: lacking };
    if (!bad && !lacking) return null;
    return bad && (!lacking || bad.start < lacking.start) ? { wrong: bad } : { missing: lacking };
  }

  /** Whether the edges of one can become those of the other without running into a third. @param {Span} from @param {Span} to */
  #clear(from, to) {
    const around = { ...from, start: Math.min(from.start, to.start), end: Math.max(from.end, to.end) };
    const others = /** @type {Span[]} */ (/** @type {unknown} */ ([...this.board.work.marks, ...this.board.pending]));
    return from.start < to.end && others.every((other) => same(other, from) || !meet(other, around));
  }

  /** Pick a waiting suggestion by the way with the fewest presses; to stand in it is enough to reject it.
   *  @param {string} id @param {boolean} pick */
  #stop(id, pick) {
    const item = /** @type {Span} */ (/** @type {unknown} */ (this.board.find(id)));
    if (!pick && this.board.picked !== id && this.#from(item.start).length < this.#stops(id)) this.#go(item.start);
    while (this.board.picked !== id && (pick || this.board.target()?.id !== id)) {
      const here = this.board.selection?.start ?? 0;
      this.#press(here > item.start ? "Shift+Tab" : "Tab");
      if (this.pressed > MOST) throw new Error(`cannot reach ${id}`);
    }
  }

  /** How many times Tab has to be pressed. @param {string} id */
  #stops(id) {
    const stops = this.board.pending.map((item) => item.id);
    const here = this.board.selection?.start ?? 0;
    const now = this.board.pending.findIndex((item) => "start" in item && item.start >= here);
    return Math.abs(stops.indexOf(id) - now) + 1;
  }

  /** Put the cursor on the token at a place. @param {number} place */
  #go(place) {
    const wanted = this.board.tokens.at(place).start;
    for (let tries = 0; this.board.selection?.start !== wanted || this.board.picked; tries += 1) {
      const way = this.#from(place);
      if (way.length === 0 || tries > 40) return;
      for (const key of way) this.#press(key);
    }
  }

  /** The shortest way to the token at a place, by cursor keys and its first letter. @param {number} place @returns {string[]} */
  #from(place) {
    const { cursor, tokens, selection, picked, seeker } = this.board;
    const token = tokens.at(place);
    const wanted = token.start;
    const [initial] = this.board.words(token);
    const jumps = /^\p{L}$/u.test(initial) ? [`Shift+${initial.toUpperCase()}`] : [];
    const column = cursor.column;
    const seen = new Set();
    /** @type {{ range: { start: number, end: number }, column: number | null, way: string[] }[]} */
    let edge = [{ range: selection ?? tokens.first(), column, way: [] }];
    let found = null;
    while (!found && edge.length > 0) {
      edge = edge.flatMap((from) =>
        [...MOVES, ...jumps.map((key) => [key, ""])].flatMap(([key, direction]) => {
          // Steps up and down keep to a column, which any other step forgets.
          cursor.column = direction ? from.column : null;
          const range = direction
            ? cursor.reach(from.range, /** @type {Direction} */ (direction))
            : seeker.find(initial, from.range)?.range;
          const state = `${range?.start} ${cursor.column}`;
          if (!range || seen.has(state)) return [];
          seen.add(state);
          return [{ range, column: cursor.column, way: [...from.way, key] }];
        }),
      );
      found = edge.find(({ range }) => range.start === wanted);
    }
    cursor.column = column;
    return this.board.selection?.start === wanted && !picked ? [] : (found?.way ?? []);
  }

  /** Give what is chosen these edges and this label. @param {Span} span */
  #correct(span) {
    const { tokens } = this.board;
    const at = () => /** @type {{ start: number, end: number }} */ (this.board.selection);
    const end = (/** @type {number} */ point) => tokens.before(point).end;
    while (at().end < span.end) this.#press(tokens.at(at().end).end <= span.end ? "Shift+ArrowRight" : "Alt+Shift+ArrowRight");
    while (at().start > span.start)
      this.#press(tokens.before(at().start).start >= span.start ? "Mod+Shift+ArrowLeft" : "Mod+Alt+Shift+ArrowLeft");
    while (at().start < span.start)
      this.#press(tokens.at(tokens.at(at().start).end).start <= span.start ? "Mod+Shift+ArrowRight" : "Mod+Alt+Shift+ArrowRight");
    while (at().end > span.end)
      this.#press(end(tokens.before(at().end).start) >= span.end ? "Shift+ArrowLeft" : "Alt+Shift+ArrowLeft");
    if (!this.board.work.marks.some((mark) => same(mark, span))) this.#press(this.keys[span.label]);
    if (!this.board.work.marks.some((mark) => same(mark, span))) throw new Error(`no mark for ${JSON.stringify(span)}`);
  }

  /** The same words everywhere, where that helps and harms nothing. @param {Span} span */
  #same(span) {
    const mark = this.board.work.marks.find((one) => same(one, span));
    const others = mark ? this.board.others(mark) : [];
    const right = others.every((range) => this.gold.some((one) => same(one, { ...range, label: span.label })));
    if (others.length > 0 && right) this.#press("Shift+ ");
  }

  /** @param {string} name as the key map has it */
  #press(name) {
    const parts = name.split("+");
    const key = parts.pop() ?? "";
    const held = { ctrlKey: parts.includes("Mod"), altKey: parts.includes("Alt"), shiftKey: parts.includes("Shift") };
    const event = new KeyboardEvent("keydown", { key, ...held, bubbles: true, cancelable: true });
    document.getElementById("text")?.dispatchEvent(event);
    this.pressed += 1;
    this.by[name] = (this.by[name] ?? 0) + 1;
    if (this.pressed > MOST) throw new Error("no end");
  }
}
