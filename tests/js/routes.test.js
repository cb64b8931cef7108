import assert from "node:assert/strict";
import test from "node:test";

import { routes } from "../../web/static/web/desk/routes.js";
import { random } from "./random.js";

/** @typedef {import("../../web/static/web/desk/routes.js").Wanted} Wanted */

const FRAME = { gutter: 20, inward: /** @type {1} */ (1), room: 14, width: 400 };
const end = (/** @type {number} */ x, /** @type {number} */ line) => ({ x, y: line * 50 + 20, line, base: line * 50 + 20 });

/** The height at which a path runs level for the first time. @param {string} path */
function heights(path) {
  const points = [...path.matchAll(/(-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));
  return Math.min(...points.map(({ y }) => y));
}

test("a relation begins at its head, ends at its tail, and points down there", () => {
  const [route] = routes([{ key: "a", head: end(40, 1), tail: end(200, 1), width: 30 }], FRAME);
  assert.ok(route.path.startsWith("M40 70"));
  assert.ok(route.path.endsWith("L200 70"));
  assert.ok(route.tip.includes("L200 70"));
  assert.equal(route.label.x, 120);
  assert.ok(heights(route.path) < 70);
});

test("relations between lines go by the gutter, and there no two that meet share a lane", () => {
  const wanted = [
    { key: "a", head: end(40, 0), tail: end(200, 2), width: 10 },
    { key: "b", head: end(90, 1), tail: end(60, 3), width: 10 },
    { key: "c", head: end(90, 4), tail: end(60, 5), width: 10 },
  ];
  const outs = routes(wanted, FRAME).map(({ path }) => Math.min(...[...path.matchAll(/(-?[\d.]+) -?[\d.]+/g)].map(([, x]) => Number(x))));
  assert.ok(outs.every((x) => x <= FRAME.gutter && x >= FRAME.gutter - FRAME.room));
  assert.notEqual(outs[0], outs[1]);
  assert.equal(outs[2], FRAME.gutter);
});

test("relations that meet over a line run at heights of their own", () => {
  const next = random(31);
  for (let round = 0; round < 100; round += 1) {
    /** @type {Wanted[]} */
    const wanted = Array.from({ length: 1 + next(6) }, (_, i) => {
      const x = next(300);
      return { key: String(i), head: end(x, 1), tail: end(x + 10 + next(100), 1), width: 10 };
    });
    const found = routes(wanted, FRAME);
    for (const [i, a] of wanted.entries()) {
      for (const [j, b] of wanted.entries()) {
        if (j <= i || a.tail.x <= b.head.x || b.tail.x <= a.head.x) continue;
        assert.notEqual(heights(found[i].path), heights(found[j].path));
      }
    }
  }
});

test("a relation's name stays on the sheet", () => {
  const [route] = routes([{ key: "a", head: end(22, 1), tail: end(24, 2), width: 60 }], FRAME);
  assert.equal(route.label.x, 30);
});

test("names of relations keep out of each other's way", () => {
  const wanted = ["a", "b"].map((key, i) => ({ key, head: end(20 + i * 4, 1), tail: end(300 - i * 4, 1), width: 40 }));
  const [a, b] = routes(wanted, FRAME).map((route) => route.label);
  assert.ok(Math.abs(a.x - b.x) > 40);
});

test("a name that finds no room is left out, and none lies on another", () => {
  const next = random(7);
  for (let round = 0; round < 60; round += 1) {
    const wanted = Array.from({ length: 9 }, (_, i) => {
      const x = 20 + next(200);
      return { key: String(i), head: end(x, 1), tail: end(x + 20 + next(150), 1), width: 50 };
    });
    const shown = routes(wanted, FRAME).filter(({ crowded }) => !crowded);
    assert.ok(shown.length > 0 && shown.length < wanted.length);
    for (const [i, a] of shown.entries()) {
      for (const b of shown.slice(i + 1)) assert.ok(Math.abs(a.label.y - b.label.y) >= 10 || Math.abs(a.label.x - b.label.x) >= 54);
    }
  }
});
