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

test("shift and a letter go to a word, whatever Caps Lock does", () => {
  const map = keyMap([label("A", "p")]);
  assert.deepEqual(bound(map, event("P", { shiftKey: true })), { letters: ["P"] });
  assert.deepEqual(bound(map, event("p", { shiftKey: true })), { letters: ["p"] }, "with Caps Lock");
  assert.deepEqual(bound(map, event("P")), { label: label("A", "p") }, "Caps Lock alone changes nothing");
  assert.deepEqual(bound(map, event("X")), { command: "remove" });
  assert.deepEqual(bound(map, event("П", { shiftKey: true, code: "KeyG" })), { letters: ["П", "g"] }, "or what is on the key in Latin");
  assert.deepEqual(bound(map, event("Z", { shiftKey: true, ctrlKey: true })), { command: "redo" });
  assert.equal(bound(map, event("P", { shiftKey: true, ctrlKey: true })), undefined);
});

test("browsers keep their keys: a label's letter with Ctrl, Alt or the Windows key is not the label", () => {
  const map = keyMap([label("C", "c"), label("Two", "2")]);
  for (const held of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }]) {
    assert.equal(bound(map, event("c", { code: "KeyC", ...held })), undefined);
    assert.equal(bound(map, event("2", { code: "Digit2", ...held })), undefined);
    assert.equal(bound(map, event("с", { code: "KeyC", ...held })), undefined, "on a Russian keyboard, too");
  }
});

test("figures are on the upper row of every keyboard, with Shift or without", () => {
  const map = keyMap([label("Two", "2"), label("Six", "6")]);
  assert.deepEqual(bound(map, event("é", { code: "Digit2" })), { label: label("Two", "2") }, "French");
  assert.deepEqual(bound(map, event("2", { code: "Digit2", shiftKey: true })), { label: label("Two", "2") });
  assert.deepEqual(bound(map, event("-", { code: "Digit6" })), { label: label("Six", "6") });
  assert.deepEqual(bound(map, event("-", { code: "NumpadSubtract" })), { command: "relate" });
  assert.deepEqual(bound(map, event("_", { code: "Digit8" })), { command: "invisible" }, "no label has that figure");
  assert.deepEqual(bound(map, event("٢", { code: "Digit2" })), { label: label("Two", "2") }, "Arabic");
  assert.deepEqual(bound(map, event("!", { code: "Digit1", shiftKey: true })), { command: "flag" });
  assert.deepEqual(bound(keyMap([label("Five", "5")]), event("%", { code: "Digit5" })), { command: "scores" }, "typed without Shift");
  assert.deepEqual(bound(map, event("2", { code: "Numpad2" })), { label: label("Two", "2") });
});

test("Alt types signs on a Mac, and an input method takes the character away", () => {
  const map = keyMap([label("A", "p")]);
  assert.deepEqual(bound(map, event("[", { code: "Digit5", altKey: true })), { command: "previousMark" });
  assert.deepEqual(bound(map, event("Process", { code: "KeyP" })), { label: label("A", "p") });
  assert.deepEqual(bound(map, event("Process", { code: "KeyZ", ctrlKey: true })), { command: "undo" });
  assert.equal(bound(map, event("Dead", { code: "Quote" })), undefined);
});
