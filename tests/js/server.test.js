import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { Refused, Server, Unreachable } from "../../web/static/web/desk/server.js";

const { fetch } = globalThis;
afterEach(() => {
  globalThis.fetch = fetch;
});

/** @param {number} status @param {string} text */
function answering(status, text) {
  globalThis.fetch = async () => new Response(status === 204 ? null : text, { status });
  return new Server({ api: "/api/", csrf: "" }).put("documents/1/annotation", {});
}

test("what our API says is taken as it says it", async () => {
  assert.deepEqual(await answering(200, '{"annotation": {"revision": 1}}'), { annotation: { revision: 1 } });
  assert.equal(await answering(204, ""), null);
  const refused = answering(422, '{"error": {"code": "invalid_answer", "message": "No."}}');
  await assert.rejects(refused, (error) => error instanceof Refused && error.status === 422 && error.reason === "No.");
});

test("what somebody in between says is no answer: a later try may find the server", async () => {
  for (const [status, text] of /** @type {[number, string][]} */ ([
    [200, "<html>Accept the terms of this network</html>"], [200, ""], [200, "0"],
    [403, "<html>Blocked</html>"], [404, "<html>No such site</html>"], [407, ""],
    [429, ""], [500, "<html>"], [502, "<html>Bad gateway</html>"], [503, '{"error": {"code": "database_unavailable"}}'],
  ])) {
    await assert.rejects(answering(status, text), Unreachable, `${status} ${text}`);
  }
});

test("too large and signed out stay what they are, whoever says so", async () => {
  for (const status of [401, 413]) await assert.rejects(answering(status, "<html>"), Refused, String(status));
});
