import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

import { allows } from "../../web/static/web/desk/relating.js";
import { accepted, decisions, pending } from "../../web/static/web/desk/suggesting.js";
import * as work from "../../web/static/web/desk/work.js";

/** @typedef {import("../../web/static/web/desk/suggesting.js").Item} Item */

const NAMES = ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf", "prototype", "__defineGetter__", "length"];
const SCRIPTS = new URL("../../web/static/web/", import.meta.url);
const json = (/** @type {any} */ value) => JSON.parse(JSON.stringify(value));

for (const name of NAMES) {
  const question = { name, multiple: false };
  /** @type {import("../../web/static/web/desk/work.js").Rules} */
  const rules = { allowOverlap: false, multiple: () => false, relations: new Map([["near", { pairs: [["a", "b"]] }]]) };

  test(`a question, a choice and a label called ${name} are answered, sent, kept and read again`, () => {
    let now = work.addMark(work.EMPTY, { start: 0, end: 2, label: name }, rules).work;
    assert.deepEqual(work.chosen(now, name), [], "nothing is chosen at first");
    now = work.toggleChoice(now, question, name);

    const sent = json(work.toAnswer(now));
    const kept = work.revive(json(work.keepable(now)));

    assert.deepEqual(Object.entries(sent.classes), [[name, [name]]]);
    assert.deepEqual(work.chosen(work.fromAnswer(sent), name), [name]);
    assert.deepEqual([work.chosen(kept, name), kept.marks[0].label], [[name], name]);
    assert.deepEqual(work.chosen(work.toggleChoice(now, question, name), name), [], "and let go again");
  });

  test(`suggestions about ${name} wait and are taken, and its relation joins what it likes`, () => {
    /** @type {Item[]} */
    const items = [{ id: "c0", kind: "choice", question: name, label: name, score: 0.9 }];
    assert.equal(pending(work.EMPTY, items, rules).length, 1);
    const now = accepted(work.EMPTY, items, items[0], rules, 1);
    assert.deepEqual(work.chosen(now, name), [name]);
    const [said] = decisions(now, { id: 1, items }, rules, { complete: true, seen: [] });
    assert.equal(said.verdict, "accept");
    assert.ok(allows(rules, name, "a", "b"));
  });
}

test("no script looks up by a bare object what people have named", () => {
  const files = readdirSync(SCRIPTS, { recursive: true }).map(String).filter((name) => name.endsWith(".js"));
  assert.ok(files.length > 40);
  for (const name of files) {
    const code = readFileSync(new URL(name, SCRIPTS), "utf8").replace(/\/\*[^]*?\*\/|\/\/.*/g, "");
    assert.doesNotMatch(code, /\b(classes|questions|rules\.relations|meta)\??\.?\[(?!name\])/, name);
    assert.doesNotMatch(code, /\[(question|label)(\.name)?\]/, name);
  }
});
