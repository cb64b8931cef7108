/** Undo and redo without end, within the memory of this page. Every act makes a new value, so history is a list. */

/** @template Value */
export class History {
  /** @param {Value} now */
  constructor(now) {
    this.now = now;
    /** @type {Value[]} */
    this.past = [];
    /** @type {Value[]} */
    this.future = [];
  }

  /** @param {Value} next */
  push(next) {
    if (next === this.now) return;
    this.past.push(this.now);
    this.future = [];
    this.now = next;
  }

  undo() {
    return this.#step(this.past, this.future);
  }

  redo() {
    return this.#step(this.future, this.past);
  }

  /** @param {Value[]} from @param {Value[]} to */
  #step(from, to) {
    const next = from.pop();
    if (next === undefined) return false;
    to.push(this.now);
    this.now = next;
    return true;
  }
}
