/**
 * The dictionary at the desk: where the words of a mark stand again in the text that is open, and what the server's
 * dictionary says of it. Which words are the same is what `annotator/dictionary/folding.py` says: a chain of the tokens
 * of `words/tokens.py` without differences of case, width, accents' spelling and white space. Pure.
 */

import { overlaps } from "./work.js";

/**
 * @typedef {import("./offsets.js").Range} Range
 * @typedef {import("./work.js").Work} Work
 * @typedef {import("./suggesting.js").SpanItem} SpanItem
 * @typedef {import("./suggesting.js").View} View
 * @typedef {"accepted" | "list" | "document"} Source marked before, in the term list alone, or marked in this very text
 * @typedef {{ start: number, end: number, label: string, score?: number, source: Source, times?: number }} Term
 */

/** Of longer texts no more is read for it, as on the server. */
export const READ_CHARACTERS = 100_000;
const LONGEST = 200;

// Scripts that put no spaces between words, where each letter is a word; joiners, and what stands with the character before.
const SINGLE =
  "[\\u0E00-\\u0EFF\\u1000-\\u109F\\u1780-\\u17FF\\u1100-\\u11FF\\u3005-\\u3007\\u3041-\\u309F\\u30A0-\\u30FF\\u31F0-\\u31FF" +
  "\\u3400-\\u4DBF\\u4E00-\\u9FFF\\uAC00-\\uD7AF\\uF900-\\uFAFF\\uFF66-\\uFF9F\\u{20000}-\\u{DFFFF}]";
const MARK = "[\\p{M}\\p{Cf}\\u{1F3FB}-\\u{1F3FF}\\u{E0000}-\\u{10FFFF}]";
const LETTER = `(?:(?!${SINGLE}|${MARK})\\p{L}${MARK}*)`;
const ENDS = `(?!${LETTER}|${MARK})`;
const SPACE = "[\\s\\x1C-\\x1F\\x85]";
const TOKEN = new RegExp(
  `${LETTER}${ENDS}(?:\\.${MARK}*${LETTER}${ENDS})+(?:\\.${MARK}*)?|${LETTER}+|(?:\\p{Nd}${MARK}*)+|(?:${MARK}|(?!${SPACE})[^])${MARK}*`,
  "gu",
);
const SAYS = /[\p{L}\p{N}]/u;

/** The item that a term is among those suggested; its id is what it says, so that it stays the same. @param {Term} term @returns {SpanItem} */
export function itemOf({ start, end, label, score = 0.5, source, times = 0 }) {
  return { id: idOf({ start, end, label }), kind: "span", start, end, label, score, source, times };
}

/** @param {Range & { label: string }} term */
export const idOf = ({ start, end, label }) => `t ${start} ${end} ${label}`;

/** Whether an item's id is that of a term. @param {string} id */
export const isTerm = (id) => id.startsWith("t ");

/** Where each token of a text begins and ends, in UTF-16 units. @param {string} string @returns {[number, number][]} */
export function tokensOf(string) {
  return [...string.matchAll(TOKEN)].map((found) => [found.index, found.index + found[0].length]);
}

/** A text by its words, read when it is first asked. */
export class Words {
  /** @param {import("./offsets.js").Text} text */
  constructor(text) {
    this.text = text;
    /** @type {ReturnType<Words["read"]> | null} */
    this.known = null;
  }

  /** Read the text before it is asked about. */
  prepare() {
    this.known ??= this.read();
    return this.known;
  }

  read() {
    const string = this.text.slice(0, Math.min(this.text.length, READ_CHARACTERS));
    const places = tokensOf(string);
    /** Tokens by what they say. @type {Map<string, number[]>} */
    const firsts = new Map();
    /** Tokens by where they begin and end in the text, and end in the chain. @type {Map<number, number>[]} */
    const [begins, closes, last] = [new Map(), new Map(), new Map()];
    /** Where each begins and ends in the chain. @type {number[][]} */
    const [starts, ends] = [[], []];
    let chain = "";
    places.forEach(([start, end], i) => {
      if (i > 0 && start > places[i - 1][1]) chain += " ";
      const piece = string.slice(start, end).normalize("NFKC").toLowerCase();
      const there = firsts.get(piece);
      if (there) there.push(i);
      else firsts.set(piece, [i]);
      starts.push(chain.length);
      chain += piece;
      ends.push(chain.length);
      begins.set(start, i);
      closes.set(end, i);
      last.set(chain.length, i);
    });
    return { places, firsts, begins, closes, last, starts, ends, chain };
  }

  /** Everywhere where the words of this place stand, itself included, one after the other; none where it cuts through a
   *  word, or says nothing. @param {Range} range @returns {{ words: string, places: Range[] }} */
  again(range) {
    const { begins, closes, starts, ends, last, chain, firsts, places } = this.prepare();
    const first = begins.get(this.text.unit(range.start));
    const close = closes.get(this.text.unit(range.end));
    if (first === undefined || close === undefined) return { words: "", places: [] };
    const words = chain.slice(starts[first], ends[close]);
    if (words.length > LONGEST || !SAYS.test(words)) return { words: "", places: [] };
    /** @type {Range[]} */
    const found = [];
    for (const at of firsts.get(chain.slice(starts[first], ends[first])) ?? []) {
      const until = last.get(starts[at] + words.length);
      if (until === undefined || !chain.startsWith(words, starts[at])) continue;
      const place = { start: this.text.point(places[at][0]), end: this.text.point(places[until][1]) };
      if (place.start >= (found.at(-1)?.end ?? 0)) found.push(place);
    }
    return { words, places: found };
  }
}

/**
 * What the dictionary suggests beside a model: its terms, and the words of each mark wherever else they stand. Marks of this
 * very text have the last word on their words; a model's suggestions are in nobody's way. What somebody decided on stays,
 * so that it can be told.
 * @param {View} view the work, and where its marks lie @param {Words} words @param {SpanItem[]} terms
 * @param {SpanItem[]} items a model's @param {(label: string) => boolean} gives whether a label may be given
 */
export function fromDictionary(view, words, terms, items, gives) {
  const again = repeats(view, words, items, gives);
  const [here, meets] = [new Set(again.map(({ id }) => id)), meeting(again)];
  const known = terms.filter((term) => isUsed(view, term.id) || here.has(term.id) || !meets(term));
  const there = new Set(known.map(({ id }) => id));
  return apart([...known, ...again.filter(({ id }) => !there.has(id))], words.text.length, (id) => isUsed(view, id));
}

/** The longest of those that lie over each other; what is used stays in any case.
 *  @param {SpanItem[]} items @param {number} length of the text @param {(id: string) => boolean} used */
function apart(items, length, used) {
  const taken = new Uint8Array(length);
  return [...items]
    .sort((a, b) => b.end - b.start - (a.end - a.start))
    .filter(({ id, start, end }) => {
      if (!used(id) && taken.subarray(start, end).includes(1)) return false;
      taken.fill(1, start, end);
      return true;
    });
}

/** Whether somebody decided on it, or a mark came from it. @param {View} view @param {string} id */
export const isUsed = ({ work, from }, id) => id in work.decided || from.has(id);

/** As long as they are not turned down more often than they are marked.
 *  @param {View} view @param {Words} words @param {SpanItem[]} items @param {(label: string) => boolean} gives */
function repeats(view, words, items, gives) {
  const suggested = meeting(items);
  return grouped(view.work, words, gives).flatMap(({ label, places, marked }) => {
    const all = places.map((place) => ({ ...place, label, id: idOf({ ...place, label }) }));
    const rejected = all.filter(({ id }) => id in view.work.decided && !view.from.has(id)).length;
    const score = (marked + 1) / (marked + rejected + 2);
    return all
      .filter((one) => isUsed(view, one.id) || (rejected <= marked && !view.met(one) && !suggested(one)))
      .map((one) => itemOf({ ...one, score, source: "document", times: marked }));
  });
}

/** What was marked that stands elsewhere, too, by label and words.
 *  @param {Work} work @param {Words} words @param {(label: string) => boolean} gives */
function grouped(work, words, gives) {
  /** @type {Map<string, { label: string, places: Range[], marked: number }>} */
  const groups = new Map();
  for (const mark of work.marks) {
    const range = gives(mark.label) ? words.text.trimmed(mark) : null;
    const { words: said, places } = range ? words.again(range) : { words: "", places: [] };
    if (places.length < 2) continue;
    const key = `${mark.label}\n${said}`;
    const group = groups.get(key);
    if (group) group.marked += 1;
    else groups.set(key, { label: mark.label, places, marked: 1 });
  }
  return [...groups.values()];
}

/** Tells whether any of these meets a place. @param {SpanItem[]} items @returns {(place: Range) => boolean} */
function meeting(items) {
  const sorted = [...items].sort((a, b) => a.start - b.start);
  const longest = sorted.reduce((most, { start, end }) => Math.max(most, end - start), 0);
  return (place) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle].start + longest <= place.start) low = middle + 1;
      else high = middle;
    }
    for (let at = low; at < sorted.length && sorted[at].start < place.end; at += 1) {
      if (overlaps(sorted[at], place)) return true;
    }
    return false;
  };
}
