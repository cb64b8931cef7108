import assert from "node:assert/strict";
import { test } from "node:test";

import { Clock, IDLE_MS } from "../../web/static/web/desk/clock.js";

function clock(spent = 0) {
  let now = 1000;
  const made = new Clock(() => now);
  made.start(spent);
  return { made, pass: (/** @type {number} */ milliseconds) => (now += milliseconds) };
}

test("time counts while something is touched now and then", () => {
  const { made, pass } = clock(500);
  pass(20_000);
  made.touch();
  pass(10_000);
  assert.equal(made.milliseconds, 30_500);
});

test("a long pause counts no longer than somebody may have read", () => {
  const { made, pass } = clock();
  pass(IDLE_MS * 10);
  made.touch();
  assert.equal(made.milliseconds, IDLE_MS);
  pass(1000);
  assert.equal(made.milliseconds, IDLE_MS + 1000);
});

test("out of view nothing counts", () => {
  const { made, pass } = clock();
  pass(5000);
  made.pause();
  pass(30_000);
  made.resume();
  pass(2000);
  made.resume();
  assert.equal(made.milliseconds, 7000);
});
