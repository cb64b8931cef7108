import assert from "node:assert/strict";
import { test } from "node:test";

import { below } from "../../web/static/web/desk/earlier.js";

const LONG = "Dear all,\nthe parcel (of last week) came without the second book.";

test("below a title of first words the text goes on, and says none of them again", () => {
  const told = below({ title: "Dear all, the parcel (of last week) came…", external_id: "f00d", excerpt: LONG });

  assert.equal(told, "…without the second book.");
});

test("signs that a title leaves out before its dots are not said below it", () => {
  const told = below({ title: "Dear all…", external_id: "f00d", excerpt: LONG });

  assert.equal(told, "…the parcel (of last week) came without the second book.");
});

test("a text that is its title has nothing below it", () => {
  assert.equal(below({ title: "Well… two-thirds/all…", external_id: "f00d", excerpt: " Well…\ntwo-thirds/all… " }), "");
});

test("below an id the text stands whole", () => {
  assert.equal(below({ title: "mail-7", external_id: "mail-7", excerpt: LONG }), LONG);
});
