import assert from "node:assert/strict";
import test from "node:test";

import { bound, COMMANDS, GROUPS, keyMap, nameOf } from "../../web/static/web/desk/keys.js";

/** @typedef {import("../../web/static/web/desk/showing.js").Label} Label */

const PLAIN = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
const event = (/** @type {string} */ key, /** @type {object} */ held = {}) => /** @type {KeyboardEvent} */ ({ ...PLAIN, code: "", key, ...held });
const label = (/** @type {string} */ name, /** @type {string} */ key, /** @type {Partial<Label>} */ more = {}) =>
  /** @type {Label} */ ({ kind: "span", name, color: "#000000", key, ...more });

test("no key does two things, and each is described", () => {
  const keys = COMMANDS.flatMap((command) => command.keys);
  assert.equal(new Set(keys).size, keys.length);
  const letters = COMMANDS.flatMap(({ letter }) => letter ?? []);
  assert.equal(new Set(letters).size, letters.length);
  assert.ok(COMMANDS.every(({ says, group }) => says && GROUPS[group]));
});

test("labels come before the letters of commands, never before their keys", () => {
  const map = keyMap([label("A", "a"), label("B", "A"), label("C", "c"), label("Old", "x", { retired: true })]);
  assert.deepEqual(map.get("a"), { label: label("A", "a") });
  assert.deepEqual(map.get("c"), { label: label("C", "c") });
  assert.deepEqual(map.get("x"), { command: "remove" });
  assert.deepEqual(map.get(" "), { command: "accept" });
});

test("shift only counts where the key itself does not tell", () => {
  assert.equal(nameOf(event("?", { shiftKey: true })), "?");
  assert.equal(nameOf(event("A", { shiftKey: true })), "a");
  assert.equal(nameOf(event("ArrowLeft", { shiftKey: true, ctrlKey: true })), "Mod+Shift+ArrowLeft");
  assert.equal(nameOf(event(" ", { shiftKey: true })), "Shift+ ");
  assert.equal(nameOf(event("Z", { shiftKey: true, metaKey: true })), "Mod+Shift+z");
});

test("what AltGr types is a character like any other", () => {
  const typed = { ctrlKey: true, altKey: true, getModifierState: (/** @type {string} */ name) => name === "AltGraph" };
  assert.equal(nameOf(event("[", typed)), "[");
  assert.deepEqual(bound(keyMap([]), event("]", typed)), { command: "nextMark" });
});

test("letters of other scripts are taken by their place, unless they are somebody's key", () => {
  const map = keyMap([label("A", "p"), label("B", "ж")]);
  assert.deepEqual(bound(map, event("з", { code: "KeyP" })), { label: label("A", "p") });
  assert.deepEqual(bound(map, event("ж", { code: "Semicolon" })), { label: label("B", "ж") });
  assert.deepEqual(bound(map, event("я", { code: "KeyZ", ctrlKey: true })), { command: "undo" });
  assert.equal(bound(map, event("ö", { code: "KeyP" })), undefined, "Latin letters mean themselves");
});
