import assert from "node:assert/strict";
import { test } from "node:test";

import { factsOf, turnsOf } from "../../web/static/web/desk/context.js";
import { clip, percent } from "../../web/static/web/desk/dom.js";
import { found } from "../../web/static/web/desk/palette.js";

/** @param {string[]} names @param {string} typed */
const names = (names, typed) => found(names.map((name) => ({ name })), typed).map(({ name }) => name);

test("a label is found by its beginning, by a word in it, by a part, by letters in order", () => {
  const all = ["card_lost", "lost_parcel", "LOSS", "closet", "Größe", "refund"];
  assert.deepEqual(names(all, "lost"), ["lost_parcel", "card_lost", "closet"]);
  assert.deepEqual(names(all, "los"), ["lost_parcel", "LOSS", "card_lost", "closet"]);
  assert.deepEqual(names(all, "grosse"), []);
  assert.deepEqual(names(all, "große"), ["Größe"]);
  assert.deepEqual(names(all, "rfd"), ["refund"]);
  assert.deepEqual(names(all, " "), all);
});

test("fragments are found in any order, and what parts words is all the same", () => {
  const all = ["card_arrival", "card-linking", "lost or stolen card", "arrears card", "cargo"];
  assert.deepEqual(names(all, "card arr"), ["card_arrival", "arrears card"]);
  assert.deepEqual(names(all, "arr card"), ["card_arrival", "arrears card"]);
  for (const typed of ["card_l", "card-l", "card l"]) assert.deepEqual(names(all, typed).slice(0, 2), ["card-linking", "lost or stolen card"], typed);
  assert.deepEqual(names(all, "stolen lost"), ["lost or stolen card"]);
  assert.deepEqual(names(all, "rival_card"), ["card_arrival"]);
  assert.deepEqual(names(all, "card xyz"), []);
  assert.deepEqual(names(all, "_"), all);
});

test("a conversation is shown as such, in either form; the rest of the metadata as facts", () => {
  const meta = { dialogue: [{ speaker: "Ada", text: "Hi" }, "…", { no: 1 }], source: "mail", size: 3 };
  assert.deepEqual(turnsOf(meta), [{ speaker: "Ada", text: "Hi" }, { speaker: "", text: "…" }]);
  assert.deepEqual(factsOf(meta), [["source", "mail"], ["size", "3"]]);
  assert.deepEqual(factsOf({ context: "a word" }), [["context", "a word"]]);
  assert.deepEqual(turnsOf(null), []);
});

test("long words are cut between characters, and certainty is no round hundred", () => {
  assert.equal(clip(" a\n b "), "a b");
  assert.equal(clip("😀".repeat(50), 3), "😀😀…");
  assert.equal(percent(0.999), "99 %");
  assert.equal(percent(0.001), "1 %");
});
