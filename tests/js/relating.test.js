import assert from "node:assert/strict";
import test from "node:test";

import { allows, between, canEnd, pruned, refusal } from "../../web/static/web/desk/relating.js";
import { EMPTY } from "../../web/static/web/desk/work.js";

const RULES = {
  allowOverlap: false,
  multiple: () => false,
  relations: new Map([["treats", { pairs: [["DRUG", "DISEASE"], ["DRUG", "SYMPTOM"]] }], ["near", { pairs: [] }]]),
};

test("only the pairs of the label set are allowed, and none named means any", () => {
  assert.ok(allows(RULES, "treats", "DRUG", "DISEASE"));
  assert.ok(!allows(RULES, "treats", "DISEASE", "DRUG"));
  assert.ok(allows(RULES, "near", "DISEASE", "DRUG"));
  assert.ok(allows({ ...RULES, relations: undefined }, "treats", "x", "y"));
  assert.deepEqual(between(RULES, ["treats", "near"], "DISEASE", "DRUG"), ["near"]);
});

test("what cannot be an end says why", () => {
  assert.ok(canEnd(RULES, "treats", null, "DRUG"));
  assert.ok(!canEnd(RULES, "treats", null, "DISEASE"));
  assert.equal(refusal(RULES, "treats", null, "DISEASE"), "treats does not start at DISEASE, but at: DRUG.");
  assert.equal(
    refusal(RULES, "treats", "DRUG", "DRUG"),
    "treats does not lead from DRUG to DRUG, but to: DISEASE, SYMPTOM.",
  );
});

test("relations that a change of label forbids go", () => {
  const mark = (/** @type {string} */ id, /** @type {string} */ label) => ({ id, start: 0, end: 1, label, from: null });
  const relations = [
    { head: "a", tail: "b", label: "treats" },
    { head: "a", tail: "b", label: "near" },
  ];
  const fine = { ...EMPTY, marks: [mark("a", "DRUG"), mark("b", "SYMPTOM")], relations };
  assert.equal(pruned(fine, RULES), fine);
  const changed = { ...fine, marks: [mark("a", "DRUG"), mark("b", "DRUG")] };
  assert.deepEqual(pruned(changed, RULES).relations, [relations[1]]);
});
