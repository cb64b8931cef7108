import assert from "node:assert/strict";
import { test } from "node:test";

import { Store } from "../../web/static/web/desk/store.js";
import { entry, storage } from "./storage.js";

/** @type {any} */
const kept = { work: { marks: [] }, revision: 2 };

test("work and submits are kept for one person, and read back by a later page", () => {
  const browser = storage();
  const before = new Store("acme/1", browser);
  before.keep(7, kept);
  before.put(entry(9, "b"));
  before.put(entry(8, "a"));

  const after = new Store("acme/1", browser);
  assert.deepEqual(after.work(7), kept);
  assert.deepEqual(after.entries().map(({ document }) => document), [8, 9]);
  const somebody = new Store("acme/11", browser);
  assert.equal(somebody.work(7), null);
  assert.deepEqual(somebody.entries(), []);

  after.forget(7);
  after.drop(entry(8, "a"));
  assert.equal(after.work(7), null);
  assert.deepEqual(new Store("acme/1", browser).entries().map(({ document }) => document), [9]);
});

test("a browser that keeps nothing loses nothing while the page lives, and is told of", () => {
  const browser = storage();
  const store = new Store("acme/1", browser);
  browser.full = true;
  store.keep(7, kept);
  store.put(entry(8, "a"));

  assert.equal(store.keeps, false);
  assert.deepEqual(store.work(7), kept);
  assert.equal(store.entries().length, 1);

  browser.full = false;
  store.keep(7, kept);
  assert.equal(store.keeps, true);
});

test("what is broken counts as nothing", () => {
  const browser = storage();
  browser.setItem("marginalia:acme/1:work:7", "{");
  browser.setItem("marginalia:acme/1:out:x", "{");
  browser.setItem("marginalia:acme/1:work:8", "[1]");
  browser.setItem("marginalia:acme/1:out:y", '"what"');
  browser.setItem("marginalia:acme/1:out:z", '{"at": 1}');

  assert.equal(new Store("acme/1", browser).work(7), null);
  assert.equal(new Store("acme/1", browser).work(8), null);
  assert.deepEqual(new Store("acme/1", browser).entries(), []);
});

test("where the browser forbids its store, the page keeps what it can", () => {
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new Error("SecurityError");
    },
  });
  const store = new Store("acme/1");
  store.put(entry(1, "a"));

  assert.equal(store.keeps, false);
  assert.equal(store.entries().length, 1);
  Reflect.deleteProperty(globalThis, "localStorage");
});

test("a clock that is set back does not turn the order of submits", () => {
  const store = new Store("acme/1", storage());
  const ahead = Date.now() + 3_600_000;
  store.put(entry(1, "first", { at: ahead }));
  store.put(entry(1, "second", { at: store.now }));

  assert.deepEqual(store.entries().map(({ body }) => body.submit_id), ["first", "second"]);
  assert.ok(store.entries()[1].at > ahead);
});
