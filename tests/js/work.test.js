import assert from "node:assert/strict";
import test from "node:test";

import { History } from "../../web/static/web/desk/history.js";
import * as work from "../../web/static/web/desk/work.js";
import { random } from "./random.js";

/** @typedef {import("../../web/static/web/desk/work.js").Work} Work */

const RULES = { allowOverlap: false, multiple: (/** @type {string} */ name) => name === "tags" };
const OVERLAP = { ...RULES, allowOverlap: true };

/** A random act on some work. @param {Work} now @param {(below: number) => number} next @param {typeof RULES} rules @returns {Work} */
function act(now, next, rules) {
  const start = next(40);
  const some = now.marks[next(now.marks.length || 1)];
  const other = now.marks[next(now.marks.length || 1)];
  return [
    () => work.addMark(now, { start, end: start + 1 + next(8), label: "AB"[next(2)] }, rules).work,
    () => (some ? work.removeMark(now, some.id) : now),
    () => (some ? work.changeMark(now, some.id, { end: some.end + 1 + next(4) }, rules) : now),
    () => (some ? work.changeMark(now, some.id, { label: "AB"[next(2)] }, rules) : now),
    () => work.toggleChoice(now, { name: "topic", multiple: false }, "xyz"[next(3)]),
    () => work.toggleChoice(now, { name: "tags", multiple: true }, "xyz"[next(3)]),
    () => (some && some !== other ? work.relate(now, { head: some.id, tail: other.id, label: "r" }) : now),
    () => (now.relations.length ? work.unrelate(now, next(now.relations.length)) : now),
  ][next(8)]();
}

test("undo goes back through everything, and redo forward again", () => {
  const next = random(13);
  for (const rules of [RULES, OVERLAP]) {
    for (let round = 0; round < 50; round += 1) {
      const history = new History(work.EMPTY);
      const states = [history.now];
      for (let step = 0; step < 40; step += 1) {
        history.push(act(history.now, next, rules));
        if (states.at(-1) !== history.now) states.push(history.now);
      }
      const back = [history.now];
      while (history.undo()) back.push(history.now);
      assert.deepEqual(back, [...states].reverse());
      const forth = [history.now];
      while (history.redo()) forth.push(history.now);
      assert.deepEqual(forth, states);
    }
  }
});

test("an act after undo forgets what was undone", () => {
  const history = new History(0);
  history.push(1);
  history.undo();
  history.push(2);
  assert.equal(history.redo(), false);
  assert.equal(history.now, 2);
});

test("whatever is done, the answer stays one that a server takes", () => {
  const next = random(17);
  for (const rules of [RULES, OVERLAP]) {
    for (let round = 0; round < 60; round += 1) {
      let now = work.EMPTY;
      for (let step = 0; step < 40; step += 1) now = act(now, next, rules);
      const { spans, relations, classes } = work.toAnswer(now);
      assert.equal(new Set(spans.map((s) => JSON.stringify(s))).size, spans.length, "no span twice");
      if (!rules.allowOverlap) assert.ok(spans.every((s, i) => i === 0 || spans[i - 1].end <= s.start));
      assert.ok(relations.every((r) => r.head !== r.tail && spans[r.head] && spans[r.tail]));
      assert.ok((classes.topic ?? []).length <= 1);
      assert.deepEqual(work.toAnswer(work.fromAnswer({ spans, relations, classes })).spans, spans);
    }
  }
});

test("work that was kept comes back the same, with ids of its own", () => {
  const a = work.addMark(work.EMPTY, { start: 0, end: 3, label: "A" }, RULES);
  const b = work.addMark(a.work, { start: 5, end: 8, label: "B" }, RULES);
  const kept = work.relate(b.work, { head: a.mark.id, tail: b.mark.id, label: "r" });
  const back = work.revive(JSON.parse(JSON.stringify(kept)));
  assert.deepEqual(work.toAnswer(back), work.toAnswer(kept));
  assert.ok(back.marks.every((mark) => !kept.marks.some((other) => other.id === mark.id)));
});

test("a mark takes its relations with it, and gives way with them", () => {
  const a = work.addMark(work.EMPTY, { start: 0, end: 3, label: "A" }, RULES);
  const b = work.addMark(a.work, { start: 5, end: 8, label: "B" }, RULES);
  const joined = work.relate(b.work, { head: a.mark.id, tail: b.mark.id, label: "r" });
  assert.equal(work.changeMark(joined, a.mark.id, { end: 4 }, RULES).relations.length, 1);
  assert.equal(work.removeMark(joined, b.mark.id).relations.length, 0);
  assert.equal(work.addMark(joined, { start: 2, end: 4, label: "A" }, RULES).work.relations.length, 0);
  assert.equal(work.addMark(joined, { start: 2, end: 4, label: "A" }, OVERLAP).work.relations.length, 1);
});

test("a relation changed into one that is there already becomes that one", () => {
  const relations = [
    { head: "a", tail: "b", label: "r" },
    { head: "a", tail: "b", label: "s" },
  ];
  const now = { ...work.EMPTY, relations };
  assert.deepEqual(work.changeRelation(now, 0, "s").relations, [relations[1]]);
  assert.deepEqual(work.changeRelation(now, 0, "t").relations.map((r) => r.label), ["s", "t"]);
});

test("a choice that is let go leaves the question unanswered", () => {
  for (const multiple of [false, true]) {
    const question = { name: "tags", multiple };
    const chosen = work.toggleChoice(work.EMPTY, question, "x");

    const none = work.toggleChoice(chosen, question, "x");

    assert.deepEqual([work.toAnswer(chosen).classes, work.toAnswer(none).classes], [{ tags: ["x"] }, {}]);
  }
});
