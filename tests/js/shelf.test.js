import assert from "node:assert/strict";
import { test } from "node:test";

import { Unreachable } from "../../web/static/web/desk/server.js";
import { Shelf } from "../../web/static/web/desk/shelf.js";

/** @param {number} id @param {number} [version] @returns {any} */
const sheet = (id, version = 1) => ({ document: { id }, annotation: null, suggestion: { state: "ready", version, suggestion: null } });

/** @param {...any} answers */
function shelfWith(...answers) {
  /** @type {any[]} */
  const asked = [];
  const server = {
    post: async (/** @type {string} */ _path, /** @type {any} */ body) => {
      asked.push(body);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return { reason: "", ahead: [], ...answer };
    },
  };
  return { shelf: new Shelf(/** @type {any} */ (server), 1), asked };
}

test("two documents lie ahead, and those at hand are not asked for again", async () => {
  const { shelf, asked } = shelfWith({ ...sheet(2), ahead: [sheet(3)] }, sheet(4));

  await shelf.fill(() => [1]);
  assert.deepEqual(shelf.ids, [2, 3]);
  await shelf.fill(() => [1]);
  assert.equal(shelf.take()?.document.id, 2);
  await shelf.fill(() => [2]);

  assert.deepEqual(asked, [{ held: [1], ahead: 1 }, { held: [2, 3], ahead: 0 }]);
  assert.deepEqual(shelf.ids, [3, 4]);
});

test("what was taken meanwhile is not put back twice", async () => {
  const { shelf } = shelfWith({ ...sheet(2), ahead: [sheet(3)] });
  shelf.putBack(sheet(3));
  await shelf.fill(() => [2]);
  assert.deepEqual(shelf.ids, [3]);
});

test("a failure beside the work is nobody's business; whoever waits hears of it", async () => {
  const { shelf } = shelfWith(new Unreachable("away"), new Unreachable("away"), { document: null, reason: "done" });
  await shelf.fill(() => []);
  await assert.rejects(shelf.fetch(() => []), Unreachable);
  await shelf.fetch(() => []);
  assert.equal(shelf.take(), null);
  assert.equal(shelf.reason, "done");
});

test("suggestions of a version before the newest one are outdated", () => {
  const { shelf } = shelfWith();
  shelf.hear(sheet(1, 3).suggestion);
  assert.equal(shelf.outdated(sheet(2, 2).suggestion), true);
  assert.equal(shelf.outdated(sheet(2, 3).suggestion), false);
  assert.equal(shelf.outdated({ state: "blind", version: null, suggestion: null }), false);
});

test("what another tab turns out to have is asked for no second time", async () => {
  const { shelf, asked } = shelfWith({ ...sheet(2), ahead: [sheet(3)] }, { ...sheet(4), ahead: [sheet(5)] });
  /** @type {number[]} */
  const elsewhere = [];
  const filling = shelf.fill(() => [1, ...elsewhere]);
  elsewhere.push(2, 3);
  await filling;

  assert.deepEqual(asked.map(({ held }) => held), [[1], [1, 2, 3]]);
  assert.deepEqual(shelf.ids, [4, 5]);
});
