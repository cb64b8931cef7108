/**
 * Finds words by how they begin, and any piece of a text, in any script; case, accents, how wide white space is and what
 * cannot be seen make no difference. A text is levelled once, when somebody seeks in it for the first time. Pure.
 */

import { countBelow } from "./offsets.js";

/** @typedef {import("./offsets.js").Range} Range */

/** What goes on within a word, and scripts that part words by no sign. */
const WITHIN = /[\p{L}\p{N}_]/u;
const UNPARTED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;

/** A sigma is one letter, wherever it stands. @param {string} words */
export const level = (words) =>
  words.normalize("NFKD").replace(/[\p{M}\p{Cf}]/gu, "").toLowerCase().replaceAll("ς", "σ").replace(/\s+/gu, " ");

export class Seeker {
  /** @type {{ string: string, points: number[] } | null} */
  #levelled = null;

  /** @param {import("./offsets.js").Text} text @param {import("./tokens.js").Tokens} tokens */
  constructor(text, tokens) {
    this.text = text;
    this.tokens = tokens;
  }

  /** The next word from `here` (or the one before) that begins with these letters; past the end it goes round. What goes
   *  on after its first word is found with it. `within`: where no word begins so, any place that has them.
   *  @param {string} letters @param {Range} here @param {1 | -1} [way] @param {{ within?: boolean }} [how]
   *  @returns {{ range: Range, round: boolean } | null} */
  find(letters, here, way = 1, { within = false } = {}) {
    const sought = level(letters);
    if (sought.trim() === "") return null;
    const { points } = this.levelled;
    const from = way > 0 ? countBelow(points, here.start + 1) : countBelow(points, here.start) - 1;
    const begins = (/** @type {number} */ at) => this.#beginning(at, sought.length);
    const holds = (/** @type {number} */ at) => this.#whole(points[at], at + sought.length);
    for (const fits of within ? [begins, holds] : [begins]) {
      const straight = this.#from(sought, from, way, fits);
      if (straight) return { range: straight, round: false };
      const range = this.#from(sought, way > 0 ? 0 : points.length - 1, way, fits);
      if (range) return { range, round: true };
    }
    return null;
  }

  /** The levelled text, and which code point each of its units came from. */
  get levelled() {
    if (this.#levelled) return this.#levelled;
    /** @type {Map<string, string>} */
    const known = new Map();
    const parts = [];
    const points = [];
    let point = 0;
    for (const character of this.text.string) {
      let found = known.get(character);
      if (found === undefined) known.set(character, (found = level(character)));
      if (found === " " && parts.at(-1) === " ") found = "";
      for (let i = 0; i < found.length; i += 1) points.push(point);
      if (found) parts.push(found);
      point += 1;
    }
    this.#levelled = { string: parts.join(""), points };
    return this.#levelled;
  }

  /** @param {string} sought @param {number} from a place in the levelled text @param {1 | -1} way
   *  @param {(at: number) => Range | null} fits @returns {Range | null} */
  #from(sought, from, way, fits) {
    const { string } = this.levelled;
    const next = (/** @type {number} */ at) => {
      if (at < 0) return -1;
      return way > 0 ? string.indexOf(sought, at) : string.lastIndexOf(sought, at);
    };
    for (let at = next(from); at >= 0; at = next(at + way)) {
      const range = fits(at);
      if (range) return range;
    }
    return null;
  }

  /** The tokens of so many units from a place of the levelled text on, where one begins there, but for what was levelled
   *  away. @param {number} at @param {number} length */
  #beginning(at, length) {
    const { string, points } = this.levelled;
    const first = at > 0 ? points[at - 1] + 1 : 0;
    // Within a word nothing begins: to ask the browser costs more than to look.
    if (first === points[at] && within(string[at - 1] ?? "") && within(string[at])) return null;
    const token = this.tokens.at(points[at]);
    return first <= token.start && token.start <= points[at] ? this.#whole(token.start, at + length) : null;
  }

  /** The whole tokens from a point up to a place of the levelled text. @param {number} start @param {number} end */
  #whole(start, end) {
    return this.tokens.snap({ start, end: this.levelled.points[end - 1] + 1 });
  }
}

/** @param {string} character */
const within = (character) => WITHIN.test(character) && !UNPARTED.test(character);
