/**
 * The words and other visible signs of a text as places to stand on: a cursor moves, extends and snaps by them.
 * Found around the point that is asked about, never all at once.
 */

/** @typedef {import("./offsets.js").Range} Range */
/** @typedef {import("./offsets.js").Text} Text */

export class Tokens {
  /** @param {Text} text */
  constructor(text) {
    this.text = text;
  }

  get empty() {
    return this.text.empty;
  }

  /** The first token that ends after `point`. @param {number} point @returns {Range | null} */
  #from(point) {
    for (let at = Math.max(0, point); at < this.text.length; ) {
      const { start, end, blank } = this.text.segment("word", at);
      if (!blank) return { start, end };
      at = end;
    }
    return null;
  }

  /** The last token that ends at `point` or before. @param {number} point @returns {Range | null} */
  #until(point) {
    for (let at = Math.min(point, this.text.length); at > 0; ) {
      const { start, end, blank } = this.text.segment("word", at - 1);
      if (!blank && end <= point) return { start, end };
      at = start;
    }
    return null;
  }

  /** @returns {Range} */
  first() {
    return this.#from(0) ?? { start: 0, end: 0 };
  }

  /** @returns {Range} */
  last() {
    return this.#until(this.text.length) ?? this.first();
  }

  /** The token at `point`, or the next one; past the end the last. @param {number} point */
  at(point) {
    return this.#from(point) ?? this.last();
  }

  /** The token that lies wholly before `point`, or the first. @param {number} point */
  before(point) {
    return this.#until(point) ?? this.first();
  }

  /** The whole tokens that a range touches; null when it touches none. @param {Range} range @returns {Range | null} */
  snap({ start, end }) {
    const first = start < end ? this.#from(start) : null;
    if (!first || first.start >= end) return null;
    const { blank, ...held } = this.text.segment("word", end - 1);
    const last = blank ? this.#until(end) : held;
    return last && { start: first.start, end: Math.max(first.end, last.end) };
  }

  /** The next edge right of `point` at which a span may end, or left of it at which one may end. @param {number} point */
  nextEnd(point) {
    return this.#from(point)?.end ?? point;
  }

  /** @param {number} point */
  previousEnd(point) {
    return this.#until(point - 1)?.end ?? point;
  }

  /** @param {number} point */
  nextStart(point) {
    const here = this.#from(point);
    if (!here || here.start > point) return here?.start ?? point;
    return this.#from(here.end)?.start ?? point;
  }

  /** @param {number} point */
  previousStart(point) {
    if (point <= 0) return point;
    const { start, blank } = this.text.segment("word", point - 1);
    return blank ? (this.#until(point)?.start ?? point) : start;
  }

  /** Whether a token begins at the start and one ends at the end. @param {Range} range */
  edged({ start, end }) {
    const first = this.#from(start);
    return first?.start === start && this.#until(end)?.end === end;
  }
}
