/** Where a step leads: by token, line and sentence, and for the edges of what is chosen. Left and right are those of
 *  the screen: in a line that runs from right to left, left leads on. */

/**
 * @typedef {import("./offsets.js").Range} Range
 * @typedef {"right" | "left" | "down" | "up" | "home" | "end" | "top" | "bottom"} Direction
 * @typedef {{ by?: "token" | "character", out?: boolean }} How
 */

/** Lines without a word that a step up or down goes over. */
const EMPTY_LINES = 6;

export class Cursor {
  /** @param {import("./offsets.js").Text} text @param {import("./tokens.js").Tokens} tokens @param {import("./sheet.js").Sheet} sheet */
  constructor(text, tokens, sheet) {
    this.text = text;
    this.tokens = tokens;
    this.sheet = sheet;
    /** The column that steps up and down keep to. @type {number | null} */
    this.column = null;
  }

  /** The token that a step from a range leads to. @param {Range} from @param {Direction} direction @returns {Range | null} */
  reach(from, direction) {
    const { tokens, text } = this;
    if (direction === "up" || direction === "down") return this.#across(from, direction === "down" ? 1 : -1);
    this.column = null;
    switch (direction) {
      case "top":
        return tokens.first();
      case "bottom":
        return tokens.last();
      case "home":
        return this.#sentenceStart(from.start);
      case "end":
        return this.#sentenceEnd(from.end);
      default:
        return (direction === "right") !== text.rightToLeft(from.start) ? tokens.at(from.end) : tokens.before(from.start);
    }
  }

  /** @param {Range} from @param {1 | -1} direction */
  #across(from, direction) {
    this.column ??= this.sheet.columnOf(from);
    for (let lines = 1; lines <= EMPTY_LINES; lines += 1) {
      const point = this.sheet.across(from, direction * lines, this.column);
      if (point === null) return null;
      const token = this.tokens.at(point);
      if (direction > 0 ? token.start >= from.end : token.end <= from.start) return token;
    }
    return null;
  }

  /** The first token of the sentence; from there that of the one before. @param {number} point */
  #sentenceStart(point) {
    const here = this.tokens.at(this.text.sentence(point).start);
    return here.start < point ? here : this.tokens.at(this.text.sentence(Math.max(0, this.tokens.before(point).start)).start);
  }

  /** @param {number} point */
  #sentenceEnd(point) {
    const here = this.tokens.before(this.text.sentence(Math.max(0, point - 1)).end);
    if (here.end > point) return here;
    return this.tokens.before(this.text.sentence(this.tokens.at(point).start).end);
  }

  /** An edge of a range moved by one step, or the range as it was where it would be nothing.
   *  @param {Range} range @param {"start" | "end"} edge @param {How} how @returns {Range} */
  stretched(range, edge, { by = "token", out = true }) {
    const point = by === "character" ? this.#byCharacter(range[edge], edge, out) : this.#byToken(range[edge], edge, out);
    const moved = { ...range, [edge]: point };
    return moved.start < moved.end ? moved : range;
  }

  /** @param {number} point @param {"start" | "end"} edge @param {boolean} out */
  #byCharacter(point, edge, out) {
    return (edge === "end") === out ? this.text.graphemeAfter(point) : this.text.graphemeBefore(point);
  }

  /** @param {number} point @param {"start" | "end"} edge @param {boolean} out */
  #byToken(point, edge, out) {
    if (edge === "end") return out ? this.tokens.nextEnd(point) : this.tokens.previousEnd(point);
    return out ? this.tokens.previousStart(point) : this.tokens.nextStart(point);
  }

  /** A range whose end goes where a step from its last token would lead. @param {Range} range @param {Direction} direction @returns {Range} */
  extended(range, direction) {
    const last = this.tokens.before(range.end);
    const to = this.reach(last, direction);
    return to && to.end > range.start ? { start: range.start, end: to.end } : range;
  }
}
