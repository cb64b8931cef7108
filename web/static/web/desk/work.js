/** What a person has done with a document so far, as a value: every act makes a new one. Nothing here touches a page.
 *  What people name is only ever looked up in a Map: a question may be called `constructor`, or `__proto__`. */

export { decisions } from "./suggesting.js";

/**
 * `from` is the id of the suggested item that a mark came from, or null. The ends of a relation are ids of marks.
 * `decided` holds the items that a person gave a verdict on, each with the milliseconds since it was shown.
 * @typedef {{ id: string, start: number, end: number, label: string, from: string | null }} Mark
 * @typedef {{ head: string, tail: string, label: string }} Relation
 * @typedef {{ marks: Mark[], classes: Map<string, string[]>, relations: Relation[],
 *             decided: Record<string, number> }} Work
 * @typedef {Omit<Work, "classes"> & { classes: Record<string, string[]> }} KeptWork as JSON has it
 * @typedef {{ spans: { start: number, end: number, label: string }[], classes: Record<string, string[]>,
 *             relations: { head: number, tail: number, label: string }[] }} Answer
 * @typedef {{ pairs?: string[][] }} RelationRule pairs of head and tail labels; none: any
 * @typedef {{ allowOverlap: boolean, multiple: (question: string) => boolean,
 *             relations?: Map<string, RelationRule> }} Rules
 * @typedef {{ start: number, end: number }} Range
 */

/** @type {Work} */
export const EMPTY = Object.freeze({ marks: [], classes: new Map(), relations: [], decided: {} });

let last = 0;
const newId = () => `m${(last += 1)}`;

/** The work that a stored answer stands for. @param {Partial<Answer>} answer @returns {Work} */
export function fromAnswer(answer) {
  const marks = (answer.spans ?? []).map(({ start, end, label }) => ({ id: newId(), start, end, label, from: null }));
  const relations = (answer.relations ?? []).map(({ head, tail, label }) => ({
    head: marks[head].id,
    tail: marks[tail].id,
    label,
  }));
  return { marks, classes: byQuestion(answer.classes), relations, decided: {} };
}

/** Choices as they come in JSON. @param {Record<string, string[]>} [classes] */
const byQuestion = (classes) => new Map(Object.entries(classes ?? {}));

/** What is chosen of a question's answers. @param {Work} work @param {string} question */
export const chosen = ({ classes }, question) => classes.get(question) ?? [];

/** The form in which work is kept as JSON. @param {Work} work @returns {KeptWork} */
export const keepable = (work) => ({ ...work, classes: Object.fromEntries(work.classes) });

/** Work that was kept as JSON, with ids that are new in this page. @param {KeptWork} kept @returns {Work} */
export function revive(kept) {
  const ids = new Map(kept.marks.map((mark) => [mark.id, newId()]));
  const renamed = (/** @type {string} */ id) => /** @type {string} */ (ids.get(id));
  return {
    marks: kept.marks.map((mark) => ({ ...mark, id: renamed(mark.id) })),
    classes: byQuestion(kept.classes),
    relations: kept.relations.map((r) => ({ ...r, head: renamed(r.head), tail: renamed(r.tail) })),
    decided: kept.decided,
  };
}

/** In text order; of those that begin together the longest first. @param {Mark} a @param {Mark} b */
export const inOrder = (a, b) => a.start - b.start || b.end - a.end || (a.label < b.label ? -1 : 1);

/** The form that is sent: spans in text order, relations pointing at their places. @param {Work} work @returns {Answer} */
export function toAnswer(work) {
  const marks = [...work.marks].sort(inOrder);
  const places = new Map(marks.map((mark, place) => [mark.id, place]));
  const place = (/** @type {string} */ id) => /** @type {number} */ (places.get(id));
  return {
    spans: marks.map(({ start, end, label }) => ({ start, end, label })),
    classes: Object.fromEntries(work.classes),
    relations: work.relations.map(({ head, tail, label }) => ({ head: place(head), tail: place(tail), label })),
  };
}

/** @param {Range} a @param {Range} b */
export const overlaps = (a, b) => a.start < b.end && b.start < a.end;
/** @param {Range & { label: string }} a @param {Range & { label: string }} b */
export const same = (a, b) => a.start === b.start && a.end === b.end && a.label === b.label;

/**
 * Add a mark. Where spans may not overlap, it takes the place of those it meets.
 * @param {Work} work @param {Range & { label: string }} span @param {{ allowOverlap: boolean, from?: string | null }} how
 * @returns {{ work: Work, mark: Mark }}
 */
export function addMark(work, span, { allowOverlap, from = null }) {
  const known = work.marks.find((mark) => same(mark, span));
  if (known) return { work, mark: known };
  const mark = { id: newId(), start: span.start, end: span.end, label: span.label, from };
  const gone = allowOverlap ? [] : work.marks.filter((other) => overlaps(other, mark));
  const cleared = without(work, gone);
  return { work: { ...cleared, marks: [...cleared.marks, mark] }, mark };
}

/** @param {Work} work @param {string} id @returns {Work} */
export function removeMark(work, id) {
  return without(
    work,
    work.marks.filter((mark) => mark.id === id),
  );
}

/** @param {Work} work @param {Mark[]} gone @returns {Work} */
function without(work, gone) {
  if (gone.length === 0) return work;
  const ids = new Set(gone.map((mark) => mark.id));
  return {
    ...work,
    marks: work.marks.filter((mark) => !ids.has(mark.id)),
    relations: work.relations.filter((r) => !ids.has(r.head) && !ids.has(r.tail)),
  };
}

/**
 * Change a mark's label or edges; its relations stay with it. What it would run into gives way.
 * @param {Work} work @param {string} id @param {Partial<Mark>} change @param {{ allowOverlap: boolean }} rules
 * @returns {Work}
 */
export function changeMark(work, id, change, { allowOverlap }) {
  const before = work.marks.find((mark) => mark.id === id);
  if (!before) return work;
  const changed = { ...before, ...change };
  if (same(before, changed)) return work;
  const gone = work.marks.filter(
    (other) => other.id !== id && (same(other, changed) || (!allowOverlap && overlaps(other, changed))),
  );
  const cleared = without(work, gone);
  return { ...cleared, marks: cleared.marks.map((mark) => (mark.id === id ? changed : mark)) };
}

/**
 * Take or drop a choice; a question with one answer swaps it. With the last one dropped nothing is said of the question:
 * "none of these" is what finishing says.
 * @param {Work} work @param {{ name: string, multiple: boolean }} question @param {string} label @returns {Work}
 */
export function toggleChoice(work, question, label) {
  const now = chosen(work, question.name);
  const others = now.filter((name) => name !== label);
  const kept = question.multiple ? others : [];
  const next = now.includes(label) ? others : [...kept, label];
  const classes = new Map(work.classes).set(question.name, next);
  if (next.length === 0) classes.delete(question.name);
  return { ...work, classes };
}

/** @param {Relation} a @param {Relation} b */
const alike = (a, b) => a.head === b.head && a.tail === b.tail && a.label === b.label;

/** @param {Work} work @param {Relation} relation @returns {Work} */
export function relate(work, relation) {
  return work.relations.some((r) => alike(r, relation))
    ? work
    : { ...work, relations: [...work.relations, relation] };
}

/** Another kind for a relation, which may make it one that is there already. @param {Work} work @param {number} index @param {string} label */
export function changeRelation(work, index, label) {
  return relate(unrelate(work, index), { ...work.relations[index], label });
}

/** @param {Work} work @param {number} index @returns {Work} */
export function unrelate(work, index) {
  return { ...work, relations: work.relations.filter((_, i) => i !== index) };
}

/** Remember when items were decided on, counted from when they were shown. @param {Work} work @param {{ id: string }[]} items @param {number} milliseconds @returns {Work} */
export function decide(work, items, milliseconds) {
  const when = Math.max(0, Math.round(milliseconds));
  return { ...work, decided: { ...work.decided, ...Object.fromEntries(items.map(({ id }) => [id, when])) } };
}
