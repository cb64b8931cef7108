/**
 * What a person has done with a document so far, as a value: every act makes a new one, so that undo is a list.
 *
 * Work: { marks: [{ id, start, end, label, from }], classes: { question: [choice] },
 *         relations: [{ head, tail, label }] (ids of marks), decided: { item: milliseconds } }
 * `from` is the id of the suggested item that a mark came from, or null.
 */

export const EMPTY = Object.freeze({ marks: [], classes: {}, relations: [], decided: {} });

let last = 0;
const newId = () => `m${(last += 1)}`;

/** The work that a stored answer stands for. */
export function fromAnswer(answer) {
  const marks = (answer.spans ?? []).map(({ start, end, label }) => ({ id: newId(), start, end, label, from: null }));
  const relations = (answer.relations ?? []).map(({ head, tail, label }) => ({
    head: marks[head].id,
    tail: marks[tail].id,
    label,
  }));
  return { marks, classes: { ...(answer.classes ?? {}) }, relations, decided: {} };
}

/** Work that was kept as JSON, with ids that are new in this page. */
export function revive(kept) {
  const ids = new Map(kept.marks.map((mark) => [mark.id, newId()]));
  return {
    marks: kept.marks.map((mark) => ({ ...mark, id: ids.get(mark.id) })),
    classes: kept.classes,
    relations: kept.relations.map((r) => ({ ...r, head: ids.get(r.head), tail: ids.get(r.tail) })),
    decided: kept.decided,
  };
}

/** The form that is sent: spans in text order, relations pointing at their places. */
export function toAnswer(work) {
  const marks = [...work.marks].sort((a, b) => a.start - b.start || b.end - a.end || (a.label < b.label ? -1 : 1));
  const places = new Map(marks.map((mark, place) => [mark.id, place]));
  return {
    spans: marks.map(({ start, end, label }) => ({ start, end, label })),
    classes: work.classes,
    relations: work.relations.map(({ head, tail, label }) => ({
      head: places.get(head),
      tail: places.get(tail),
      label,
    })),
  };
}

export const overlaps = (a, b) => a.start < b.end && b.start < a.end;
const same = (a, b) => a.start === b.start && a.end === b.end && a.label === b.label;

/** Add a mark. Where spans may not overlap, it takes the place of those it meets. */
export function addMark(work, span, { allowOverlap, from = null }) {
  if (work.marks.some((mark) => same(mark, span))) return { work, mark: work.marks.find((m) => same(m, span)) };
  const mark = { id: newId(), start: span.start, end: span.end, label: span.label, from };
  const gone = allowOverlap ? [] : work.marks.filter((other) => overlaps(other, mark));
  const cleared = gone.reduce((rest, other) => removeMark(rest, other.id), work);
  return { work: { ...cleared, marks: [...cleared.marks, mark] }, mark, gone };
}

export function removeMark(work, id) {
  return {
    ...work,
    marks: work.marks.filter((mark) => mark.id !== id),
    relations: work.relations.filter((r) => r.head !== id && r.tail !== id),
  };
}

/** Change a mark's label or edges; its relations stay with it. What it would run into gives way. */
export function changeMark(work, id, change, { allowOverlap }) {
  const changed = { ...work.marks.find((mark) => mark.id === id), ...change };
  const gone = work.marks.filter(
    (other) => other.id !== id && (same(other, changed) || (!allowOverlap && overlaps(other, changed))),
  );
  const cleared = gone.reduce((rest, other) => removeMark(rest, other.id), work);
  return { ...cleared, marks: cleared.marks.map((mark) => (mark.id === id ? changed : mark)) };
}

/** Take or drop a choice; a question with one answer swaps it. */
export function toggleChoice(work, question, label) {
  const chosen = work.classes[question.name] ?? [];
  const without = chosen.filter((name) => name !== label);
  const kept = question.multiple ? without : [];
  const next = chosen.includes(label) ? without : [...kept, label];
  return { ...work, classes: { ...work.classes, [question.name]: next } };
}

export function relate(work, relation) {
  const known = work.relations.some(
    (r) => r.head === relation.head && r.tail === relation.tail && r.label === relation.label,
  );
  return known ? work : { ...work, relations: [...work.relations, relation] };
}

export function unrelate(work, index) {
  return { ...work, relations: work.relations.filter((_, i) => i !== index) };
}

/** Remember when an item was decided on, counted from when it was shown. */
export function decide(work, item, milliseconds) {
  return { ...work, decided: { ...work.decided, [item.id]: Math.max(0, Math.round(milliseconds)) } };
}

/** What of a model's items is put before a person: of a question with one answer, the best choice alone. */
export function offered(items, multiple) {
  const asked = new Set();
  return items.filter((item) => {
    if (item.kind !== "choice" || multiple(item.question)) return true;
    const first = !asked.has(item.question);
    asked.add(item.question);
    return first;
  });
}

/** Suggested items that still wait for a word. What a person did already is never argued with. */
export function pending(work, items, { allowOverlap, multiple }) {
  const waits = (item) => {
    if (item.id in work.decided) return false;
    if (item.kind === "span") {
      return !work.marks.some((mark) => same(mark, item) || (!allowOverlap && overlaps(mark, item)));
    }
    if (item.kind === "relation") {
      const both = ends(work, items, item);
      return both.every((end) => end.mark || waits(end.item)) && !related(work, both, item.label);
    }
    const chosen = work.classes[item.question] ?? [];
    return multiple(item.question) ? !chosen.includes(item.label) : chosen.length === 0;
  };
  return items.filter(waits);
}

/** Head and tail of a suggested relation, each with the mark that stands for it, if there is one: the very same
 *  span, or what the suggested one was corrected to. */
export function ends(work, items, relation) {
  return [relation.head, relation.tail].map((id) => {
    const item = items.find((one) => one.id === id);
    const mark = work.marks.find((one) => same(one, item)) ?? work.marks.find((one) => one.from === id);
    return { item, mark };
  });
}

const related = (work, [head, tail], label) =>
  work.relations.some((r) => r.head === head.mark?.id && r.tail === tail.mark?.id && r.label === label);

/** The verdict on every suggested item, as it follows from the answer that is sent. Of an answer that is not
 *  finished it only follows for what was accepted or decided on: of the rest, nothing is known. */
export function decisions(work, suggestion, { multiple }, complete) {
  if (!suggestion) return [];
  const { id, items } = suggestion;
  const made = items.map((item) => ({ suggestion: id, item: item.id, ...verdict(work, items, item, multiple) }));
  return made
    .filter(({ item, verdict }) => complete || verdict === "accept" || item in work.decided)
    .map((one) => (one.item in work.decided ? { ...one, milliseconds: work.decided[one.item] } : one));
}

function verdict(work, items, item, multiple) {
  if (item.kind === "relation") {
    const both = ends(work, items, item);
    if (!related(work, both, item.label)) return { verdict: "reject" };
    if (both.every((end) => same(end.mark, end.item))) return { verdict: "accept" };
    return { verdict: "correct", correction: { kind: "relation", label: item.label } };
  }
  if (item.kind === "choice") {
    const chosen = work.classes[item.question] ?? [];
    if (chosen.includes(item.label)) return { verdict: "accept" };
    if (multiple(item.question) || chosen.length === 0) return { verdict: "reject" };
    return { verdict: "correct", correction: { kind: "choice", question: item.question, label: chosen[0] } };
  }
  if (work.marks.some((mark) => same(mark, item))) return { verdict: "accept" };
  const instead = work.marks.find((mark) => mark.from === item.id) ?? work.marks.find((mark) => overlaps(mark, item));
  if (!instead) return { verdict: "reject" };
  const { start, end, label } = instead;
  return { verdict: "correct", correction: { kind: "span", start, end, label } };
}

/** Undo and redo without end, within the memory of this page. */
export class History {
  constructor(work) {
    this.past = [];
    this.future = [];
    this.now = work;
  }

  push(work) {
    if (work === this.now) return;
    this.past.push(this.now);
    this.future = [];
    this.now = work;
  }

  undo() {
    if (this.past.length === 0) return false;
    this.future.push(this.now);
    this.now = this.past.pop();
    return true;
  }

  redo() {
    if (this.future.length === 0) return false;
    this.past.push(this.now);
    this.now = this.future.pop();
    return true;
  }
}
