/**
 * The ways that relations take: over the words in the gap of one line, or out to the gutter and along it to another
 * line. Each has a lane of its own wherever it meets others. Pure numbers.
 */

import { levels } from "./levels.js";

/**
 * @typedef {{ x: number, y: number }} Point
 * @typedef {Point & { line: number, base: number }} End where it starts or arrives; `base`: above it nothing is written,
 *   the same for all of a line, and lines are told apart by a number
 * @typedef {{ key: string, head: End, tail: End, width: number }} Wanted `width`: of its name
 * @typedef {{ gutter: number, inward: 1 | -1, room: number, width: number }} Frame the gutter's inner edge, the way to
 *   the text and its width, and how wide everything is
 * @typedef {{ key: string, path: string, tip: string, label: Point, crowded: boolean }} Route `crowded`: its
 *   name would lie on another one
 */

const LANE = 6;
/** Between the names of marks and the lowest lane. */
const FIRST = 7;
/** Room for lanes in the gap between two lines. */
const ROOM = 13;
const ROUND = 5;

/** @param {Wanted[]} wanted @param {Frame} frame @returns {Route[]} */
export function routes(wanted, frame) {
  const height = laneHeights(wanted, frame);
  const gutter = gutterLanes(wanted, frame);
  /** @type {{ x: number, y: number, width: number }[]} */
  const labels = [];
  return wanted.map(({ key, head, tail, width }) => {
    const [from, to] = [height(key, head), height(key, tail)];
    const out = gutter(key);
    const corners = head.line === tail.line ? [] : [{ x: out, y: from }, { x: out, y: to }];
    const points = [head, { x: head.x, y: from }, ...corners, { x: tail.x, y: to }, tail];
    const { label, crowded } = free(points, Math.min(width, frame.width), frame.width, labels);
    if (!crowded) labels.push({ ...label, width });
    return { key, path: rounded(points), tip: tip(tail), label, crowded };
  });
}

/** At which height each relation runs over a line: those that meet there lie over each other.
 *  @param {Wanted[]} wanted @param {Frame} frame */
function laneHeights(wanted, { gutter }) {
  /** @type {Map<number, { start: number, end: number, key: string }[]>} */
  const lines = new Map();
  for (const { key, head, tail } of wanted) {
    for (const end of head.line === tail.line ? [head] : [head, tail]) {
      const other = head.line === tail.line ? tail.x : gutter;
      const stretch = { key, start: Math.min(end.x, other), end: Math.max(end.x, other) };
      lines.set(end.line, [...(lines.get(end.line) ?? []), stretch]);
    }
  }
  /** @type {Map<string, number>} */
  const above = new Map();
  for (const [line, stretches] of lines) {
    const lanes = levels(stretches);
    const spacing = spaced(lanes.values(), ROOM);
    for (const [{ key }, lane] of lanes) above.set(`${key} ${line}`, FIRST + lane * spacing);
  }
  return (/** @type {string} */ key, /** @type {End} */ { line, base }) => base - (above.get(`${key} ${line}`) ?? FIRST);
}

/** How far out each relation between lines runs along the gutter. @param {Wanted[]} wanted @param {Frame} frame */
function gutterLanes(wanted, { gutter, inward, room }) {
  const ways = wanted
    .filter(({ head, tail }) => head.line !== tail.line)
    .map(({ key, head, tail }) => ({ key, start: Math.min(head.y, tail.y), end: Math.max(head.y, tail.y) }));
  const lanes = new Map([...levels(ways)].map(([{ key }, lane]) => [key, lane]));
  const spacing = spaced(lanes.values(), room);
  return (/** @type {string} */ key) => gutter - inward * (lanes.get(key) ?? 0) * spacing;
}

/** @param {Iterable<number>} lanes @param {number} room */
const spaced = (lanes, room) => Math.min(LANE, room / Math.max(1, ...lanes));

/** A path along points at right angles, its corners rounded. @param {Point[]} points */
function rounded(points) {
  const parts = [`M${at(points[0])}`];
  for (let i = 1; i + 1 < points.length; i += 1) {
    const [before, here, after] = [points[i - 1], points[i], points[i + 1]];
    const radius = Math.min(ROUND, distance(before, here) / 2, distance(here, after) / 2);
    parts.push(`L${at(toward(here, before, radius))}`, `Q${at(here)} ${at(toward(here, after, radius))}`);
  }
  parts.push(`L${at(points[points.length - 1])}`);
  return parts.join("");
}

/** @param {Point} a @param {Point} b */
const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
/** @param {Point} point */
const at = ({ x, y }) => `${+x.toFixed(1)} ${+y.toFixed(1)}`;

/** @param {Point} from @param {Point} to @param {number} by */
function toward(from, to, by) {
  const all = distance(from, to) || 1;
  return { x: from.x + ((to.x - from.x) * by) / all, y: from.y + ((to.y - from.y) * by) / all };
}

/** The arrow's head, pointing down at the tail's name. @param {End} tail */
const tip = ({ x, y }) => `M${at({ x: x - 3.5, y: y - 6 })}L${at({ x, y })}L${at({ x: x + 3.5, y: y - 6 })}Z`;

/** Where along the longest level stretch a name fits, beside those that are there already.
 *  @param {Point[]} points @param {number} width @param {number} room from the left edge to the right
 *  @param {{ x: number, y: number, width: number }[]} others @returns {{ label: Point, crowded: boolean }} */
function free(points, width, room, others) {
  const inside = (/** @type {number} */ x) => Math.max(width / 2, Math.min(x, room - width / 2));
  const level = points.slice(1).map((to, i) => ({ from: points[i], to })).filter(({ from, to }) => from.y === to.y);
  const { from, to } = level.reduce((a, b) => (Math.abs(a.to.x - a.from.x) < Math.abs(b.to.x - b.from.x) ? b : a));
  const spots = [0.5, 0.3, 0.7, 0.15, 0.85].map((part) => ({ x: inside(from.x + (to.x - from.x) * part), y: from.y }));
  const meets = (/** @type {Point} */ spot) =>
    others.some(({ x, y, width: other }) => Math.abs(y - spot.y) < 10 && Math.abs(x - spot.x) < (width + other) / 2 + 4);
  const label = spots.find((spot) => !meets(spot));
  return { label: label ?? spots[0], crowded: !label };
}
