import assert from "node:assert/strict";
import { test } from "node:test";

import { told } from "../../web/static/web/desk/when.js";

const EVENING = "2026-11-30T03:05:00+00:00";

test("a moment is told in the zone of the person, with its name", () => {
  const { said, whole, utc } = told(EVENING, "America/Los_Angeles");

  assert.match(said, /29 Nov.*19:05/);
  assert.match(whole, /29 November 2026.*19:05 \(America\/Los_Angeles\)$/);
  assert.equal(utc, "2026-11-30T03:05:00.000Z");
});

test("a zone that the browser does not know is told as UTC, and named so", () => {
  assert.match(told(EVENING, "Mars/Olympus").whole, /30 November 2026.*03:05 \(UTC\)$/);
});
