import assert from "node:assert/strict";
import test from "node:test";

import { levels, nameRows } from "../../web/static/web/desk/levels.js";
import { random } from "./random.js";

/** What a map holds for certain. @template K, V @param {Map<K, V>} map @param {K} key */
const get = (map, key) => /** @type {V} */ (map.get(key));

test("spans that meet never share a level, and what is nested lies nearer to the text", () => {
  const next = random(3);
  for (let round = 0; round < 200; round += 1) {
    const spans = Array.from({ length: next(30) }, () => {
      const start = next(60);
      return { start, end: start + 1 + next(12) };
    });
    const found = levels(spans);
    assert.equal(found.size, spans.length);
    for (const [i, a] of spans.entries()) {
      for (const b of spans.slice(i + 1)) {
        const apart = a.end <= b.start || b.end <= a.start;
        assert.ok(apart || found.get(a) !== found.get(b));
        if (a.start <= b.start && b.end <= a.end && a.end - a.start > b.end - b.start) {
          assert.ok(get(found, a) > get(found, b), "the inner one is nearer");
        }
      }
    }
  }
});

test("spans that do not meet all lie on the text", () => {
  const found = levels([
    { start: 5, end: 8 },
    { start: 0, end: 5 },
  ]);
  assert.deepEqual([...found.values()], [0, 0]);
});

test("names in a row never overlap and never stand before their span", () => {
  const next = random(5);
  for (let round = 0; round < 300; round += 1) {
    const rows = 1 + next(3);
    const names = Array.from({ length: next(20) }, (_, i) => ({
      id: String(i),
      x: next(400),
      width: 10 + next(80),
      length: next(100),
    }));
    const placed = nameRows(names, rows);
    assert.equal(placed.size, names.length);
    for (const name of names) {
      const place = get(placed, name.id);
      assert.ok(place.row < rows);
      assert.ok(place.x >= name.x);
      assert.ok(place.width > 0 && place.width <= name.width);
      for (const [id, other] of placed) {
        if (id === name.id || other.row !== place.row) continue;
        assert.ok(other.x + other.width <= place.x || place.x + place.width <= other.x);
      }
    }
  }
});

test("the outer of two that begin together stands above the inner", () => {
  const placed = nameRows(
    [
      { id: "outer", x: 10, width: 40, length: 30 },
      { id: "inner", x: 10, width: 40, length: 5 },
    ],
    2,
  );
  assert.equal(get(placed, "inner").row, 0);
  assert.equal(get(placed, "outer").row, 1);
});
