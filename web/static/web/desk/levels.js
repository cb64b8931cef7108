/**
 * Where marks and their names go, so that none lies on another. Pure numbers: intervals in, levels or rows out.
 */

/** @typedef {{ start: number, end: number }} Interval */

/**
 * The level of each interval: those that meet never share one. Short ones lie nearest to the text, so that what is
 * nested stays inside.
 * @template {Interval} T @param {T[]} intervals @returns {Map<T, number>}
 */
export function levels(intervals) {
  /** @type {Map<T, number>} */
  const found = new Map();
  for (const cluster of clusters(intervals)) {
    /** @type {Interval[][]} */
    const taken = [];
    for (const one of cluster.sort(shortestFirst)) {
      let level = 0;
      while (taken[level]?.some((other) => other.start < one.end && one.start < other.end)) level += 1;
      (taken[level] ??= []).push(one);
      found.set(one, level);
    }
  }
  return found;
}

/** @param {Interval} a @param {Interval} b */
const shortestFirst = (a, b) => a.end - a.start - (b.end - b.start) || a.start - b.start;

/** Groups of intervals that hang together, in order. @template {Interval} T @param {T[]} intervals */
function clusters(intervals) {
  /** @type {T[][]} */
  const groups = [];
  let end = -Infinity;
  for (const one of [...intervals].sort((a, b) => a.start - b.start)) {
    if (one.start >= end) groups.push([]);
    groups[groups.length - 1].push(one);
    end = Math.max(end, one.end);
  }
  return groups;
}

/** What is left of a name that has to be cut, at the least. */
const LEAST = 26;
const GAP = 2;

/**
 * @typedef {{ id: string, x: number, width: number, length: number }} Wanted `length`: of the span that is named
 * @typedef {{ x: number, width: number, row: number }} Placed
 */

/**
 * Names over one line: each above the beginning of its span, in the lowest row that has room. Where there is none, the
 * name before is cut; where too little of it would be left, a name moves along. Names in a row never overlap.
 * @param {Wanted[]} names @param {number} rows @returns {Map<string, Placed>}
 */
export function nameRows(names, rows) {
  /** @type {Map<string, Placed>} */
  const placed = new Map();
  /** The last name of each row. @type {(Placed | undefined)[]} */
  const last = Array.from({ length: rows });
  const all = [...last.keys()];
  for (const { id, x, width } of [...names].sort((a, b) => a.x - b.x || a.length - b.length)) {
    const free = all.find((row) => end(last[row]) <= x);
    const cut = all.find((row) => least(last[row]) <= x);
    const row = free ?? cut ?? shortest(last);
    const before = last[row];
    if (before && free === undefined && cut !== undefined) before.width = Math.min(before.width, x - GAP - before.x);
    last[row] = { x: Math.max(x, end(before)), width, row };
    placed.set(id, last[row]);
  }
  return placed;
}

/** @param {Placed | undefined} name */
const end = (name) => (name ? name.x + name.width + GAP : -Infinity);
/** @param {Placed | undefined} name */
const least = (name) => (name ? name.x + Math.min(name.width, LEAST) + GAP : -Infinity);

/** @param {(Placed | undefined)[]} last */
function shortest(last) {
  const ends = last.map(end);
  return ends.indexOf(Math.min(...ends));
}
