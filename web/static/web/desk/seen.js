/** Remembers what was in view for a while: only that counts as seen. */

import { overlaps } from "./work.js";

const WHILE_MS = 300;

/** Ids of the waiting items that can be seen now. Choices stand beside the text all the time; a relation is seen with
 *  both its ends. @param {import("./state.js").State} state @param {import("./offsets.js").Range} view */
export function inView(state, view) {
  const seen = (/** @type {import("./offsets.js").Range | undefined} */ span) => Boolean(span && overlaps(span, view));
  return state.pending
    .filter((item) => {
      if (item.kind === "choice") return true;
      return item.kind === "span" ? seen(item) : state.ends(item).every((end) => seen(end.mark ?? end.item));
    })
    .map(({ id }) => id);
}

export class Seen {
  /** @param {(ids: string[]) => void} [told] hears of what was seen for the first time */
  constructor(told = () => {}) {
    this.told = told;
    /** @type {Set<string>} */
    this.ids = new Set();
    /** When each came into view. @type {Map<string, number>} */
    this.since = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** What is in view from now on. @param {Iterable<string>} ids */
  look(ids, now = performance.now()) {
    /** @type {Map<string, number>} */
    const since = new Map();
    for (const id of ids) if (!this.ids.has(id)) since.set(id, this.since.get(id) ?? now);
    this.since = since;
    clearTimeout(this.timer);
    if (since.size > 0) {
      const next = Math.min(...since.values()) + WHILE_MS - now;
      this.timer = setTimeout(() => this.#ripen(), Math.max(0, next));
    }
  }

  #ripen(now = performance.now()) {
    // Timers may fire a fraction of a millisecond early.
    const ripe = [...this.since].filter(([, since]) => now - since >= WHILE_MS - 1).map(([id]) => id);
    this.add(ripe);
    this.look(this.since.keys(), now);
  }

  /** Seen for certain, however short. @param {string[]} ids */
  add(ids) {
    const fresh = ids.filter((id) => !this.ids.has(id));
    for (const id of fresh) this.ids.add(id);
    if (fresh.length > 0) this.told(fresh);
  }

  clear() {
    clearTimeout(this.timer);
    this.ids = new Set();
    this.since = new Map();
  }
}
