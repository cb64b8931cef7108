/**
 * Code points on this side, JavaScript's UTF-16 units on the other. The only file that knows about units:
 * everything else (labels, suggestions, the API) counts Unicode code points, end exclusive.
 */

/** @typedef {{ start: number, end: number }} Range code points, end exclusive */
/** @typedef {"grapheme" | "word" | "sentence"} Grain */

const WIDE = /[\uD800-\uDBFF][\uDC00-\uDFFF]/g;
/** Nothing that a person could see: white space, format and control characters. */
const BLANK = /^[\s\p{Cc}\p{Cf}]*$/u;
const VISIBLE = /[^\s\p{Cc}\p{Cf}]/u;
/** Made once: the first one of each kind takes the browser tens of milliseconds. @type {Partial<Record<Grain, Intl.Segmenter>>} */
const segmenters = {};
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;

/** A text addressed by code points; texts without astral characters cost nothing extra. */
export class Text {
  /** @param {string} string */
  constructor(string) {
    this.string = string;
    /** Code-point position of each character that takes two units, in order. @type {number[]} */
    this.wide = [];
    for (const found of string.matchAll(WIDE)) this.wide.push(found.index - this.wide.length);
    this.length = string.length - this.wide.length;
    this.empty = !VISIBLE.test(string);
    this.bidirectional = RIGHT_TO_LEFT.test(string);
    /** @type {Partial<Record<Grain, Intl.Segments>>} */
    this.cut = {};
  }

  /** The unit offset of a code point: one more for each wide character before it. @param {number} point */
  unit(point) {
    return point + countBelow(this.wide, point);
  }

  /** The code point at a unit offset; inside a pair it is the pair's own. @param {number} unit */
  point(unit) {
    let low = 0;
    let high = this.wide.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.wide[middle] + middle + 1 < unit) low = middle + 1;
      else high = middle;
    }
    const inside = low < this.wide.length && this.wide[low] + low + 1 === unit;
    return unit - low - (inside ? 1 : 0);
  }

  /** @param {number} start */
  slice(start, end = this.length) {
    return this.string.slice(this.unit(start), this.unit(end));
  }

  /**
   * The grapheme, word or sentence that holds a code point. Looked up where it is asked for: to cut a long text
   * as a whole takes seconds.
   * @param {Grain} grain @param {number} point @returns {Range & { blank: boolean }}
   */
  segment(grain, point) {
    segmenters[grain] ??= new Intl.Segmenter(undefined, { granularity: grain });
    this.cut[grain] ??= segmenters[grain].segment(this.string);
    const found = this.cut[grain].containing(this.unit(point));
    if (!found) return { start: this.length, end: this.length, blank: true };
    const { index, segment } = found;
    return { start: this.point(index), end: this.point(index + segment.length), blank: BLANK.test(segment) };
  }

  /** The next place after `point` that does not cut through what a person takes for one character. @param {number} point */
  graphemeAfter(point) {
    return point >= this.length ? this.length : this.segment("grapheme", point).end;
  }

  /** @param {number} point */
  graphemeBefore(point) {
    return point <= 0 ? 0 : this.segment("grapheme", point - 1).start;
  }

  /** A sentence without the white space around it. @param {number} point @returns {Range} */
  sentence(point) {
    const { start, end } = this.segment("sentence", Math.min(point, Math.max(0, this.length - 1)));
    return this.trimmed({ start, end }) ?? { start, end };
  }

  /** A range without the white space at its edges; null where it holds nothing else. @param {Range} range @returns {Range | null} */
  trimmed({ start, end }) {
    const words = this.slice(start, end);
    // White space takes one unit a character, so its count is the same in code points.
    const before = /^\p{White_Space}*/u.exec(words)?.[0].length ?? 0;
    if (before >= words.length) return null;
    // From the end by hand: an expression that is tied to the end alone looks at every blank of a long text.
    let after = 0;
    while (/\p{White_Space}/u.test(words[words.length - 1 - after])) after += 1;
    return { start: start + before, end: end - after };
  }

  /** Whether the line that holds a point runs from right to left, as `unicode-bidi: plaintext` takes it. @param {number} point */
  rightToLeft(point) {
    if (!this.bidirectional) return false;
    const at = this.unit(Math.min(point, this.length));
    const begin = this.string.lastIndexOf("\n", at - 1) + 1;
    const end = this.string.indexOf("\n", begin);
    const first = this.string.slice(begin, end < 0 ? undefined : end).match(/\p{L}/u);
    return first !== null && RIGHT_TO_LEFT.test(first[0]);
  }

  /** Every place where these very words stand, one after the other. @param {string} words @returns {Range[]} */
  all(words) {
    /** @type {Range[]} */
    const found = [];
    if (words === "") return found;
    for (let at = this.string.indexOf(words); at >= 0; at = this.string.indexOf(words, at + words.length)) {
      found.push({ start: this.point(at), end: this.point(at + words.length) });
    }
    return found;
  }
}

/** How many of the sorted numbers are below one. @param {number[]} sorted @param {number} value */
export function countBelow(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
