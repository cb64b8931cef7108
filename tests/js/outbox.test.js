import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../web/static/web/desk/outbox.js";
import { Refused, Unreachable } from "../../web/static/web/desk/server.js";
import { Store } from "../../web/static/web/desk/store.js";
import { entry, storage } from "./storage.js";

/** A server that answers as `answers` say, one after the other, and then takes everything. */
class Server {
  /** @param {...(Error | ((body: any) => any) | undefined)} answers */
  constructor(...answers) {
    this.answers = answers;
    /** @type {any[]} */
    this.got = [];
    this.revision = 0;
    this.busy = 0;
  }

  /** @param {string} path @param {any} body */
  async put(path, body) {
    this.busy += 1;
    assert.equal(this.busy, 1, "one after the other");
    this.got.push({ path, ...body });
    await new Promise((resolve) => setImmediate(resolve));
    this.busy -= 1;
    const answer = this.answers.shift();
    if (answer instanceof Error) throw answer;
    this.revision += 1;
    return answer ? answer(body) : { annotation: { revision: this.revision, submit_id: body.submit_id } };
  }
}

/** @param {Server} server */
function opened(server, store = new Store("acme/1", storage())) {
  /** @type {any} */
  const heard = { saved: [], refused: [] };
  /** @type {() => void} */
  let idle = () => {};
  const outbox = new Outbox(/** @type {any} */ (server), store, {
    changed: () => idle(),
    saved: (document) => heard.saved.push(document),
    refused: (document, error) => heard.refused.push([document, error.status]),
  });
  /** @param {() => boolean} done */
  const until = (done) =>
    new Promise((resolve) => {
      idle = () => done() && resolve(undefined);
      idle();
    });
  return { outbox, store, heard, until, rest: () => until(() => !outbox.running) };
}

test("submits go out in their order, one at a time, and are dropped once acknowledged", async () => {
  const server = new Server();
  const { outbox, store, heard, rest } = opened(server);

  for (const document of [1, 2, 3]) outbox.put(entry(document, `s${document}`));
  await rest();

  assert.deepEqual(server.got.map(({ path }) => path), [1, 2, 3].map((id) => `documents/${id}/annotation`));
  assert.deepEqual(heard.saved, [1, 2, 3]);
  assert.deepEqual(store.entries(), []);
});

test("what cannot be sent stays, and is sent again under its own id at a word", async () => {
  const server = new Server(new Unreachable("away"), new Unreachable("away"));
  const { outbox, store, until, rest } = opened(server);

  outbox.put(entry(1, "once"));
  await until(() => outbox.offline);
  assert.equal(store.entries().length, 1);
  outbox.start();
  await until(() => server.got.length === 2 && outbox.offline);
  outbox.start();
  await rest();

  assert.deepEqual(server.got.map(({ submit_id }) => submit_id), ["once", "once", "once"]);
  assert.equal(outbox.offline, false);
  assert.deepEqual(store.entries(), []);
});

test("a server whose disk is full is told as that, and gets the same when it has room", async () => {
  const server = new Server(new Unreachable("no room", 503, "disk_full"), new Unreachable("away"));
  const { outbox, store, until, rest } = opened(server);

  outbox.put(entry(1, "once"));
  await until(() => outbox.offline);
  assert.equal(outbox.full, true);
  assert.equal(store.entries().length, 1);
  outbox.start();
  await until(() => server.got.length === 2 && outbox.offline);
  assert.equal(outbox.full, false);
  outbox.start();
  await rest();

  assert.deepEqual(server.got.map(({ submit_id }) => submit_id), ["once", "once", "once"]);
  assert.deepEqual([outbox.full, store.entries()], [false, []]);
});

test("signed out, nothing more is tried until the person is back", async () => {
  const server = new Server(new Refused(401, null));
  const { outbox, rest } = opened(server);

  outbox.put(entry(1, "a"));
  outbox.put(entry(2, "b"));
  await rest();
  assert.equal(outbox.signedOut, true);
  assert.equal(server.got.length, 1);

  outbox.resume();
  await rest();
  assert.deepEqual(server.got.map(({ submit_id }) => submit_id), ["a", "a", "b"]);
});

test("a refusal is kept with its reason, and stops nobody behind it", async () => {
  const refused = new Refused(422, { error: { message: "No.", details: [{ field: "spans[0]", reason: "overlaps" }] } });
  const browser = storage();
  const { outbox, heard, rest } = opened(new Server(refused), new Store("acme/1", browser));

  outbox.put(entry(1, "a"));
  outbox.put(entry(2, "b"));
  await rest();

  assert.deepEqual(heard, { saved: [2], refused: [[1, 422]] });
  const [left] = new Store("acme/1", browser).entries();
  assert.deepEqual(left.refused, { status: 422, reason: "spans[0]: overlaps", current: null });
  assert.deepEqual(outbox.waiting, []);
});

test("a draft is overtaken by the next one, and by the submit", async () => {
  const server = new Server();
  const { outbox, rest } = opened(server);

  outbox.draft(1, entry(1, "d1").body, ["d1"]);
  outbox.draft(1, entry(1, "d2").body, ["d1", "d2"]);
  outbox.draft(1, entry(1, "d3").body, ["d1", "d2", "d3"]);
  outbox.put(entry(1, "s"));
  await rest();

  assert.deepEqual(server.got.map(({ submit_id }) => submit_id), ["d1", "s"]);
  assert.deepEqual(server.got.map(({ revision }) => revision), [0, 1], "made from what the draft left");
});

test("a draft of ours whose answer was lost is no conflict, but somebody else's answer is", async () => {
  const ours = new Refused(409, { error: {}, current: { revision: 3, submit_id: "draft" } });
  const theirs = new Refused(409, { error: {}, current: { revision: 5, submit_id: "else" } });
  const server = new Server(ours, theirs);
  const { outbox, heard, rest } = opened(server);

  outbox.put(entry(1, "s", { kept: { asks: ["draft", "s"] } }));
  await rest();

  assert.deepEqual(server.got.map(({ revision }) => revision), [0, 3]);
  assert.deepEqual(heard, { saved: [], refused: [[1, 409]] });
});

test("the last word of a page that goes is sent at once, and known to be lost if it was", async () => {
  const server = new Server(new Unreachable("too long"));
  const { outbox, heard, rest } = opened(server);

  assert.equal(await outbox.lastly(1, entry(1, "a").body), false);
  assert.equal(await outbox.lastly(1, entry(1, "b").body), true);
  assert.deepEqual(heard.saved, [1]);
  outbox.put(entry(2, "c"));
  assert.equal(await outbox.lastly(1, entry(1, "d").body), false, "something else is on its way");
  await rest();
  assert.deepEqual(server.got.map(({ submit_id }) => submit_id), ["a", "b", "c"]);
});

test("a document at which the server fails holds up no other, and keeps its own order", async () => {
  const server = new Server(new Unreachable("The server answered 500.", 500), undefined, new Unreachable("500", 500));
  const { outbox, store, until, rest } = opened(server);

  outbox.put(entry(1, "first"));
  outbox.put(entry(1, "second", { at: 2 }));
  outbox.put(entry(2, "other", { at: 3 }));
  await until(() => outbox.offline);
  outbox.start();
  await until(() => store.entries().length === 2 && outbox.offline);
  outbox.start();
  await rest();

  assert.deepEqual(server.got.map(({ submit_id }) => submit_id), ["first", "other", "first", "first", "second"]);
  assert.deepEqual(store.entries(), []);
});

test("an answer that says nothing of the submit leaves it waiting, and the next try goes on", async () => {
  const server = new Server(() => ({}));
  const { outbox, store, until, rest } = opened(server);

  outbox.put(entry(1, "a"));
  await until(() => outbox.offline);
  assert.equal(store.entries().length, 1);
  outbox.start();
  await rest();

  assert.deepEqual(store.entries(), []);
});

test("what is answered anew takes the place of what was refused; a choice between two answers stays open", async () => {
  const { outbox, store, rest } = opened(new Server());
  store.put(entry(1, "wrong", { refused: { status: 422, reason: "No.", current: null } }));
  store.put(entry(2, "meanwhile", { refused: { status: 409, reason: "Stale.", current: null } }));

  assert.equal(outbox.unsent(1)?.body.submit_id, "wrong");
  assert.equal(outbox.unsent(2), null);
  outbox.put(entry(1, "right"));
  outbox.put(entry(2, "again"));
  await rest();

  assert.deepEqual(outbox.refused.map(({ body }) => body.submit_id), ["meanwhile"]);
});

test("who was locked out tries again when they come back", async () => {
  const server = new Server();
  const { outbox, store, rest } = opened(server);
  store.put(entry(1, "a", { refused: { status: 404, reason: "", current: null } }));
  store.put(entry(2, "b", { refused: { status: 422, reason: "", current: null } }));

  outbox.forgive();
  outbox.start();
  await rest();

  assert.deepEqual(server.got.map(({ submit_id }) => submit_id), ["a"]);
  assert.equal(outbox.refused.length, 1);
});

test("what is about a deleted document is told, and never sent again", async () => {
  const server = new Server(new Refused(410, { error: { code: "document_deleted", message: "This document was deleted." } }));
  const { outbox, heard, rest } = opened(server);

  outbox.put(entry(1, "late"));
  outbox.put(entry(2, "fine"));
  await rest();
  outbox.forgive();
  outbox.start();
  await rest();

  assert.deepEqual(heard.refused, [[1, 410]]);
  assert.deepEqual(server.got.map(({ submit_id }) => submit_id), ["late", "fine"]);
  assert.equal(outbox.refused.length, 1);
});
