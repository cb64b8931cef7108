import assert from "node:assert/strict";
import test from "node:test";

import { inView, Seen } from "../../web/static/web/desk/seen.js";
import { State } from "../../web/static/web/desk/state.js";
import { EMPTY } from "../../web/static/web/desk/work.js";

const RULES = { allowOverlap: false, multiple: () => false };
/** @type {import("../../web/static/web/desk/suggesting.js").Item[]} */
const ITEMS = [
  { id: "s0", kind: "span", start: 0, end: 3, label: "A", score: 0.9 },
  { id: "s1", kind: "span", start: 90, end: 95, label: "A", score: 0.9 },
  { id: "c0", kind: "choice", question: "q", label: "x", score: 0.9 },
  { id: "r0", kind: "relation", head: "s0", tail: "s1", label: "r", score: 0.9 },
];

test("seen is what was in view for a while", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  context.mock.method(performance, "now", () => now);
  /** @type {string[]} */
  const told = [];
  const seen = new Seen((ids) => told.push(...ids));
  const pass = (/** @type {number} */ milliseconds) => {
    now += milliseconds;
    context.mock.timers.tick(milliseconds);
  };

  seen.look(["a", "b"]);
  pass(200);
  seen.look(["b", "c"]);
  pass(150);
  assert.deepEqual([...seen.ids], ["b"], "a left too early, c came too late");
  pass(150);
  assert.deepEqual([...seen.ids], ["b", "c"]);
  seen.look(["a"]);
  pass(290);
  assert.ok(!seen.ids.has("a"), "it begins anew");
  seen.add(["a"]);
  assert.deepEqual(told, ["b", "c", "a"], "each once");
  seen.clear();
  assert.equal(seen.ids.size, 0);
});

test("choices are always in view, relations with both their ends", () => {
  const state = new State(EMPTY, ITEMS, RULES, []);
  assert.deepEqual(inView(state, { start: 0, end: 50 }), ["s0", "c0"]);
  assert.deepEqual(inView(state, { start: 0, end: 100 }), ["s0", "s1", "c0", "r0"]);
});

test("what follows from the work is in text order, the longest first", () => {
  const marks = [
    { id: "m2", start: 10, end: 12, label: "B", from: null },
    { id: "m1", start: 10, end: 20, label: "A", from: null },
  ];
  const state = new State({ ...EMPTY, marks }, ITEMS, RULES, [{ kind: "span", name: "A", color: "#123456" }]);
  assert.deepEqual(state.marks.map(({ id }) => id), ["m1", "m2"]);
  assert.deepEqual(state.spans.map(({ id }) => id), ["s0", "m1", "m2", "s1"]);
  assert.deepEqual(state.waiting.map(({ id }) => id), ["s0", "s1", "c0", "r0"]);
  assert.equal(state.spans[1].color, "#123456");
  assert.equal(state.spans[1].score, null);
});
