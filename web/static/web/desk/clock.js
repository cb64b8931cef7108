/** For how long a person worked on a document: only while the page is in view and something was touched lately. */

export const IDLE_MS = 60_000;

export class Clock {
  /** @param {() => number} now */
  constructor(now = () => performance.now()) {
    this.now = now;
    this.spent = 0;
    this.running = true;
    this.touched = this.from = now();
  }

  /** Begin with a document on which so much time was spent before. @param {number} milliseconds */
  start(milliseconds) {
    this.spent = milliseconds;
    this.running = true;
    this.touched = this.from = this.now();
  }

  /** A key, a click, a turn of the wheel. */
  touch() {
    const now = this.now();
    // After a long pause time counts from now; the pause itself counts for as long as somebody may have read.
    if (now - this.touched > IDLE_MS) {
      this.#count(now);
      this.from = now;
    }
    this.touched = now;
    this.running = true;
  }

  /** The page went out of view. */
  pause() {
    this.#count(this.now());
    this.running = false;
  }

  /** It is in view again: reading counts, too. */
  resume() {
    if (this.running) return;
    this.running = true;
    this.touched = this.from = this.now();
  }

  get milliseconds() {
    this.#count(this.now());
    return Math.round(this.spent);
  }

  /** @param {number} now */
  #count(now) {
    if (!this.running) return;
    const until = Math.min(now, this.touched + IDLE_MS);
    if (until > this.from) {
      this.spent += until - this.from;
      this.from = until;
    }
  }
}
