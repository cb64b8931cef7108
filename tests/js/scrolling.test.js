import assert from "node:assert/strict";
import test from "node:test";

import { speed } from "../../web/static/web/desk/scrolling.js";

test("near an edge it scrolls, the faster the nearer, in the middle not at all", () => {
  const edges = { top: 100, bottom: 500 };
  assert.equal(speed(300, edges), 0);
  assert.equal(speed(141, edges), 0);
  assert.ok(speed(130, edges) < 0);
  assert.ok(speed(110, edges) < speed(130, edges));
  assert.equal(speed(-50, edges), -speed(900, edges));
  assert.equal(speed(900, edges), 20);
});
