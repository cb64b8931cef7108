import assert from "node:assert/strict";
import test from "node:test";

import { Text } from "../../web/static/web/desk/offsets.js";
import { random, strange } from "./random.js";

test("offsets agree with Array.from for any text", () => {
  const next = random(7);
  for (let round = 0; round < 300; round += 1) {
    const string = strange(next, 40);
    const points = Array.from(string);
    const text = new Text(string);
    assert.equal(text.length, points.length);
    for (let point = 0; point <= points.length; point += 1) {
      const unit = points.slice(0, point).join("").length;
      assert.equal(text.unit(point), unit);
      assert.equal(text.point(unit), point);
    }
    const [start, end] = [next(points.length + 1), next(points.length + 1)].sort((a, b) => a - b);
    assert.equal(text.slice(start, end), points.slice(start, end).join(""));
  }
});

test("the middle of a pair is the pair", () => {
  const text = new Text("a😀b");
  assert.deepEqual([0, 1, 2, 3, 4].map((unit) => text.point(unit)), [0, 1, 1, 2, 3]);
});

test("a step by character never cuts a family, a flag or an accent", () => {
  const whole = ["👨‍👩‍👧‍👦", "🇳🇴", "é", "क्षि", "x", "\r\n", "✍🏽"];
  const text = new Text(whole.join(""));
  const there = [0];
  for (let at = 0; at < text.length; there.push(at)) at = text.graphemeAfter(at);
  const back = [text.length];
  for (let at = text.length; at > 0; back.push(at)) at = text.graphemeBefore(at);
  assert.deepEqual(there, back.reverse());
  const pieces = there.slice(1).map((end, i) => text.slice(there[i], end));
  assert.deepEqual(pieces, whole);
});

test("a sentence comes without the white space around it", () => {
  const text = new Text("One is here.  Two, too!\n\nThree 😀 ends");
  const sentence = (/** @type {number} */ point) => {
    const { start, end } = text.sentence(point);
    return text.slice(start, end);
  };
  assert.equal(sentence(0), "One is here.");
  assert.equal(sentence(13), "One is here.");
  assert.equal(sentence(16), "Two, too!");
  assert.equal(sentence(text.length), "Three 😀 ends");
});

test("a range is trimmed of white space in any script, by code points, and one of it alone is none", () => {
  const text = new Text("😀\u3000 Bo 😀\u00a0\n");
  const words = (/** @type {import("../../web/static/web/desk/offsets.js").Range | null} */ range) => range && text.slice(range.start, range.end);
  assert.equal(words(text.trimmed({ start: 1, end: 6 })), "Bo");
  assert.equal(words(text.trimmed({ start: 0, end: text.length })), "😀\u3000 Bo 😀");
  assert.equal(text.trimmed({ start: 1, end: 3 }), null);
  assert.equal(words(text.trimmed({ start: 3, end: 5 })), "Bo");
});

test("each line has a direction of its own", () => {
  const text = new Text("Ada wrote\nعادت آدا\n12 שלום and more\n");
  assert.equal(text.rightToLeft(2), false);
  assert.equal(text.rightToLeft(12), true);
  assert.equal(text.rightToLeft(22), true);
  assert.equal(new Text("plain").rightToLeft(1), false);
});

test("the same words are found wherever they stand", () => {
  const text = new Text("😀 Oslo, Oslo and oslo");
  assert.deepEqual(text.all("Oslo"), [
    { start: 2, end: 6 },
    { start: 8, end: 12 },
  ]);
  assert.deepEqual(text.all(""), []);
});
