/**
 * Code points on this side, JavaScript's UTF-16 units on the other. The only file that knows about units:
 * everything else (labels, suggestions, the API) counts Unicode code points, end exclusive.
 */

const HIGH = /[\uD800-\uDBFF][\uDC00-\uDFFF]/g;

/** How many code points the first `units` units of a string hold. */
export function pointsIn(string, units = string.length) {
  let points = 0;
  for (let at = 0; at < units; points += 1) at += string.codePointAt(at) > 0xffff ? 2 : 1;
  return points;
}

/** How many units the first `points` code points of a string take. */
export function unitsIn(string, points) {
  let at = 0;
  for (let left = points; left > 0 && at < string.length; left -= 1) at += string.codePointAt(at) > 0xffff ? 2 : 1;
  return at;
}

/** A text addressed by code points; texts without astral characters cost nothing extra. */
export class Text {
  constructor(string) {
    this.string = string;
    /** Code-point position of each character that takes two units, in order. */
    this.wide = [];
    for (const found of string.matchAll(HIGH)) this.wide.push(found.index - this.wide.length);
    this.length = string.length - this.wide.length;
  }

  /** The unit offset of a code point: one more for each wide character before it. */
  unit(point) {
    return point + countBelow(this.wide, point);
  }

  /** The code point at a unit offset. */
  point(unit) {
    let low = 0;
    let high = this.wide.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.wide[middle] + middle < unit) low = middle + 1;
      else high = middle;
    }
    return unit - low;
  }

  slice(start, end = this.length) {
    return this.string.slice(this.unit(start), this.unit(end));
  }

  /** Words and other visible marks, `[start, end]` in code points; white space belongs to none. */
  tokens() {
    const words = new Intl.Segmenter(undefined, { granularity: "word" });
    const found = [];
    for (const { segment, index } of words.segment(this.string)) {
      if (segment.trim() !== "") found.push([this.point(index), this.point(index + segment.length)]);
    }
    return found;
  }
}

function countBelow(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
