import assert from "node:assert/strict";
import test from "node:test";

import { accepted, pending } from "../../web/static/web/desk/suggesting.js";
import * as work from "../../web/static/web/desk/work.js";
import { random } from "./random.js";

/** @typedef {import("../../web/static/web/desk/suggesting.js").Item} Item @typedef {import("../../web/static/web/desk/work.js").Work} Work */

const RULES = { allowOverlap: false, multiple: (/** @type {string} */ name) => name === "tags" };
const OVERLAP = { ...RULES, allowOverlap: true };
/** @type {Item[]} */
const ITEMS = [
  { id: "s0", kind: "span", start: 0, end: 3, label: "A", score: 0.9 },
  { id: "s1", kind: "span", start: 5, end: 8, label: "B", score: 0.8 },
  { id: "c0", kind: "choice", question: "topic", label: "x", score: 0.7 },
  { id: "c1", kind: "choice", question: "topic", label: "y", score: 0.2 },
  { id: "c2", kind: "choice", question: "tags", label: "k", score: 0.6 },
  { id: "r0", kind: "relation", head: "s0", tail: "s1", label: "r", score: 0.5 },
];
const SUGGESTION = { id: 4, items: ITEMS };
const ids = (/** @type {Item[]} */ items) => items.map((item) => item.id);
const item = (/** @type {string} */ id) => /** @type {Item} */ (ITEMS.find((one) => one.id === id));
const take = (/** @type {Work} */ now, /** @type {string} */ id) => accepted(now, ITEMS, item(id), RULES, 5);
const verdicts = (/** @type {Work} */ now, /** @type {{ complete: boolean, seen: string[] }} */ how, rules = RULES) =>
  Object.fromEntries(work.decisions(now, SUGGESTION, rules, how).map((d) => [d.item, d.verdict]));

test("what a person did is not argued with", () => {
  const mine = work.addMark(work.EMPTY, { start: 2, end: 4, label: "A" }, RULES).work;
  assert.deepEqual(ids(pending(mine, ITEMS, RULES)), ["s1", "c0", "c1", "c2"]);
  assert.ok(ids(pending(mine, ITEMS, OVERLAP)).includes("s0"));
  const chosen = work.toggleChoice(work.EMPTY, { name: "topic", multiple: false }, "z");
  assert.ok(!ids(pending(chosen, ITEMS, RULES)).includes("c0"));
});

test("a relation waits for as long as its ends do, or are there", () => {
  const rejected = work.decide(work.EMPTY, [item("s0")], 1);
  assert.ok(!ids(pending(rejected, ITEMS, RULES)).includes("r0"));
  const both = take(take(work.EMPTY, "s0"), "s1");
  assert.ok(ids(pending(both, ITEMS, RULES)).includes("r0"));
  assert.equal(take(both, "r0").relations.length, 1);
  assert.equal(take(work.EMPTY, "r0").relations.length, 0, "not without its ends");
});

test("finding by index agrees with looking at everything", () => {
  const next = random(23);
  for (let round = 0; round < 100; round += 1) {
    const span = (/** @type {number} */ i) => {
      const start = next(60);
      return { id: `s${i}`, kind: /** @type {const} */ ("span"), start, end: start + 1 + next(10), label: "AB"[next(2)], score: 0.5 };
    };
    const items = Array.from({ length: 12 }, (_, i) => span(i));
    let now = work.EMPTY;
    for (let i = 0; i < 10; i += 1) now = work.addMark(now, span(i), OVERLAP).work;
    const slow = (/** @type {typeof RULES} */ rules) =>
      items.filter(
        (one) => !now.marks.some((mark) => work.same(mark, one) || (!rules.allowOverlap && work.overlaps(mark, one))),
      );
    assert.deepEqual(pending(now, items, RULES), slow(RULES));
    assert.deepEqual(pending(now, items, OVERLAP), slow(OVERLAP));
  }
});

test("seen and left alone is a word of its own; what nobody saw gets none", () => {
  assert.deepEqual(verdicts(work.EMPTY, { complete: true, seen: [] }), {});
  assert.deepEqual(verdicts(work.EMPTY, { complete: true, seen: ["s0", "c0"] }), { s0: "leave", c0: "leave" });
  assert.deepEqual(verdicts(work.EMPTY, { complete: false, seen: ["s0", "c0"] }), {});
});

test("accepted, rejected and corrected follow from what was done", () => {
  let now = take(take(work.EMPTY, "s0"), "s1");
  now = take(now, "r0");
  now = work.toggleChoice(now, { name: "topic", multiple: false }, "y");
  now = work.decide(now, [item("c2")], 9);
  assert.deepEqual(verdicts(now, { complete: true, seen: [] }), {
    s0: "accept",
    s1: "accept",
    c0: "correct",
    c2: "reject",
    r0: "accept",
  });
  const [first] = work.decisions(now, SUGGESTION, RULES, { complete: true, seen: [] });
  assert.deepEqual(first, { suggestion: 4, item: "s0", verdict: "accept", milliseconds: 5 });
});

test("other edges or another label are a correction, and the relation over them is one, too", () => {
  const [taken, both] = [take(work.EMPTY, "s0"), take(take(work.EMPTY, "s0"), "s1")];
  const moved = work.changeMark(taken, taken.marks[0].id, { end: 4 }, RULES);
  const [decision] = work.decisions(moved, SUGGESTION, RULES, { complete: true, seen: [] });
  assert.deepEqual(decision.correction, { kind: "span", start: 0, end: 4, label: "A" });
  const related = take(both, "r0");
  const changed = work.changeMark(related, related.marks[0].id, { label: "B" }, RULES);
  assert.equal(verdicts(changed, { complete: true, seen: [] }).r0, "correct");
});

test("a mark over a suggestion corrects it where spans may not overlap, and says nothing of it where they may", () => {
  const mine = work.addMark(work.EMPTY, { start: 2, end: 4, label: "A" }, RULES).work;
  assert.equal(verdicts(mine, { complete: true, seen: ["s0"] }).s0, "correct");
  assert.equal(verdicts(mine, { complete: true, seen: ["s0"] }, OVERLAP).s0, "leave");
  assert.equal(verdicts(mine, { complete: false, seen: ["s0"] }).s0, undefined);
});

test("a mark that was accepted and taken away again was rejected", () => {
  const taken = take(work.EMPTY, "s0");
  const gone = work.removeMark(taken, taken.marks[0].id);
  assert.equal(verdicts(gone, { complete: false, seen: [] }).s0, "reject");
});
