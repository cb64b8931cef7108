import assert from "node:assert/strict";
import test from "node:test";

import { Text } from "../../web/static/web/desk/offsets.js";
import { Tokens } from "../../web/static/web/desk/tokens.js";
import { random, strange } from "./random.js";

/** @typedef {import("../../web/static/web/desk/offsets.js").Range} Range */

const of = (/** @type {string} */ string) => new Tokens(new Text(string));

/** Every token of a text, cut as a whole: what the lazy look-ups must agree with. @param {Text} text */
function everyToken(text) {
  /** @type {Range[]} */
  const found = [];
  for (const { segment, index } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text.string)) {
    if (!/^[\s\p{Cc}\p{Cf}]*$/u.test(segment)) {
      found.push({ start: text.point(index), end: text.point(index + segment.length) });
    }
  }
  return found;
}

test("looking up agrees with cutting the whole text", () => {
  const next = random(11);
  for (let round = 0; round < 200; round += 1) {
    const text = new Text(strange(next, 30));
    const tokens = new Tokens(text);
    const all = everyToken(text);
    assert.equal(tokens.empty, all.length === 0);
    if (all.length === 0) continue;
    for (let point = 0; point <= text.length; point += 1) {
      const context = JSON.stringify([text.string, point]);
      assert.deepEqual(tokens.at(point), all.find((t) => t.end > point) ?? all.at(-1), context);
      assert.deepEqual(tokens.before(point), all.findLast((t) => t.end <= point) ?? all[0], context);
      assert.equal(tokens.nextEnd(point), all.find((t) => t.end > point)?.end ?? point, context);
      assert.equal(tokens.previousEnd(point), all.findLast((t) => t.end < point)?.end ?? point, context);
      assert.equal(tokens.nextStart(point), all.find((t) => t.start > point)?.start ?? point, context);
      assert.equal(tokens.previousStart(point), all.findLast((t) => t.start < point)?.start ?? point, context);
    }
    const [start, end] = [next(text.length + 1), next(text.length + 1)].sort((a, b) => a - b);
    const touched = start < end ? all.filter((t) => t.start < end && start < t.end) : [];
    const snapped = touched.length ? { start: touched[0].start, end: touched[touched.length - 1].end } : null;
    assert.deepEqual(tokens.snap({ start, end }), snapped, JSON.stringify([text.string, start, end]));
  }
});

test("Chinese and Japanese have words without spaces", () => {
  const text = new Text("我住在北京。東京に住む");
  const words = everyToken(text).map(({ start, end }) => text.slice(start, end));
  assert.ok(words.includes("北京"));
  assert.ok(words.includes("東京"));
  assert.deepEqual(of("我住在北京。").at(3), { start: 3, end: 5 });
});

test("whole words begin and end at tokens", () => {
  const tokens = of("Oslo is in Oslofjord, Oslo.");
  assert.ok(tokens.edged({ start: 0, end: 4 }));
  assert.ok(!tokens.edged({ start: 11, end: 15 }));
  assert.ok(tokens.edged({ start: 22, end: 26 }));
});
