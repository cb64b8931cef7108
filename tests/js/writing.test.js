import assert from "node:assert/strict";
import test from "node:test";

import { writes } from "../../web/static/web/desk/writing.js";

/** @param {string} key @param {{ ctrl?: boolean, meta?: boolean, alt?: boolean, third?: boolean }} [held] */
const key = (key, { ctrl = false, meta = false, alt = false, third = false } = {}) => ({
  key, ctrlKey: ctrl, metaKey: meta, altKey: alt, getModifierState: (/** @type {string} */ name) => third && name === "AltGraph",
});

test("what prints writes, whatever is held to print it; commands and keys with names do not", () => {
  for (const one of "aZ0$.,?! =+€ß北😀".match(/./gu) ?? []) assert.ok(writes(key(one)), one);
  assert.ok(writes(key("@", { ctrl: true, alt: true, third: true })), "AltGr on Windows");
  assert.ok(writes(key("€", { third: true })), "AltGr elsewhere");
  assert.ok(writes(key("∑", { alt: true })), "Alt on a Mac");
  assert.ok(!writes(key("z", { ctrl: true })));
  assert.ok(!writes(key("z", { meta: true })));
  for (const name of ["Enter", "Escape", "Tab", "ArrowDown", "Delete", "Dead", "Process", "F1"]) assert.ok(!writes(key(name)), name);
});
