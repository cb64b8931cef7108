import assert from "node:assert/strict";
import { test } from "node:test";

import { statusOf } from "../../web/static/web/desk/status.js";

const CALM = { changed: false, sending: false, waiting: 0, offline: false, full: false, signedOut: false, keeps: true, touched: true, other: false, refused: 0 };

/** @param {Partial<typeof CALM>} facts */
const said = (facts) => {
  const { kind, words, action } = statusOf({ ...CALM, ...facts });
  return [kind, words, action];
};

test("each state has its words, and what can be done about it", () => {
  assert.deepEqual(said({ touched: false }), ["", "", ""]);
  assert.deepEqual(said({}), ["saved", "Saved", ""]);
  assert.deepEqual(said({ refused: 1 }), ["warn", "1 document needs you.", ""]);
  assert.deepEqual(said({ changed: true }), ["kept", "Kept here", ""]);
  assert.deepEqual(said({ waiting: 1, sending: true }), ["saving", "Saving…", ""]);
  assert.deepEqual(said({ changed: true, offline: true }), ["offline", "Offline: kept here.", "retry"]);
  assert.deepEqual(said({ waiting: 2, offline: true }), ["offline", "Offline: 2 documents are kept here.", "retry"]);
  assert.deepEqual(said({ waiting: 2, offline: true, full: true }), [
    "offline", "The server's disk is full: kept here.", "retry",
  ]);
  assert.deepEqual(said({ signedOut: true, waiting: 1 }), ["signedout", "Signed out: your work is kept here.", "signin"]);
});

test("what is worst is said first", () => {
  assert.equal(said({ keeps: false, changed: true })[0], "warn");
  assert.equal(said({ keeps: false })[0], "saved", "nothing to lose, nothing to say");
  assert.equal(said({ signedOut: true, keeps: false, changed: true })[0], "signedout");
  assert.match(String(said({ other: true, signedOut: true })[1]), /Somebody else/);
});
