/**
 * What has to reach the server: drafts and submits, one after the other, each until it is acknowledged or refused.
 * Submits are kept in the store from the moment they are made; a draft is the same as the work that is kept there.
 */

import { t } from "../i18n.js";
import { Refused, Unreachable } from "./server.js";

/** @typedef {import("./store.js").Entry} Entry */
/** @typedef {import("./types.js").Annotation} Annotation */
/** @typedef {import("./types.js").Terms} Terms */
/** @typedef {import("./types.js").Body} Body */
/**
 * @typedef {{ changed(): void, saved(document: number, annotation: Annotation, body: Body, terms: Terms): void,
 *             refused(document: number, error: Refused, body: Body): void }} Listener
 * @typedef {{ document: number, body: Body, asks: string[], entry: Entry | null }} Sent a submit, or a draft
 */

const LOCKED_OUT = [403, 404];
export const PAUSES_MS = [1000, 2000, 4000, 8000, 15_000, 30_000];

export class Outbox {
  /**
   * @param {Pick<import("./server.js").Server, "put">} server
   * @param {import("./store.js").Store} store
   * @param {Listener} on
   */
  constructor(server, store, on) {
    this.server = server;
    this.store = store;
    this.on = on;
    this.offline = false;
    /** The server says that it has no room. */
    this.full = false;
    this.signedOut = false;
    this.running = false;
    /** The latest draft of each document. @type {Map<number, { body: Body, asks: string[] }>} */
    this.drafts = new Map();
    /** What each document's revision is by our own acknowledged acts. @type {Map<number, number>} */
    this.revisions = new Map();
    /** Documents at which the server itself failed: what is about others goes first. @type {Set<number>} */
    this.failed = new Set();
    /** Ends a pause early. @type {() => void} */
    this.hurry = () => {};
  }

  /** Submits that wait for the server, refused ones left out. */
  get waiting() {
    return this.store.entries().filter((entry) => !entry.refused);
  }

  get refused() {
    return this.store.entries().filter((entry) => entry.refused);
  }

  /** The submit of a document that has not been acknowledged. One that met an answer given elsewhere waits for the
   *  person's choice between the two, and is nothing to go on from. @param {number} document */
  unsent(document) {
    return this.store.entries().findLast((entry) => entry.document === document && entry.refused?.status !== 409) ?? null;
  }

  /** Try again what somebody was not allowed to send, or not to see: they may be by now. */
  forgive() {
    for (const entry of this.refused) {
      if (entry.refused && LOCKED_OUT.includes(entry.refused.status)) this.store.put({ ...entry, refused: undefined });
    }
  }

  /** @param {Entry} entry */
  put(entry) {
    this.drafts.delete(entry.document);
    for (const old of this.refused) if (old.document === entry.document && old.refused?.status !== 409) this.store.drop(old);
    this.store.put(entry);
    this.start();
  }

  /** @param {number} document @param {Body} body @param {string[]} asks ids under which this document was sent */
  draft(document, body, asks) {
    this.drafts.set(document, { body, asks });
    this.start();
  }

  /** As the page goes: what may be the last chance. Resolves to whether it arrived, where somebody is left to hear.
   *  @param {number} document @param {Body} body */
  async lastly(document, body) {
    if (this.running || this.signedOut) return false;
    const revision = this.revisions.get(document) ?? body.revision;
    try {
      const { annotation, terms } = await this.server.put(path(document), { ...body, revision, extra: true }, { keepalive: true });
      this.#saved(document, annotation, body, terms);
      return true;
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
      return false;
    }
  }

  /** As the page goes: what waits behind the one on its way goes out, too. Nobody is left to hear of it; what arrived is
   *  known by its id when it is sent again. Of a document with several the first must be acknowledged first. */
  flush() {
    if (this.offline || this.signedOut) return;
    const [first, ...rest] = this.waiting;
    const begun = new Set([first?.document]);
    for (const { document, body } of rest) {
      if (begun.has(document)) continue;
      begun.add(document);
      const revision = this.revisions.get(document) ?? body.revision;
      this.server.put(path(document), { ...body, revision, extra: true }, { keepalive: true }).catch(() => null);
    }
  }

  /** Send what waits, if nothing is being sent; a pause between two tries ends. */
  start() {
    if (this.running) this.hurry();
    else this.#run();
  }

  /** After signing in again. */
  resume() {
    this.signedOut = false;
    this.start();
  }

  async #run() {
    this.running = true;
    try {
      await this.#sendAll();
    } finally {
      this.running = false;
      this.on.changed();
    }
  }

  async #sendAll() {
    for (let tries = 0; !this.signedOut; ) {
      const next = this.#next();
      if (!next) break;
      this.on.changed();
      try {
        await this.#send(next);
        this.offline = this.full = false;
        tries = 0;
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        if (error.status) this.failed.add(next.document);
        this.offline = true;
        this.full = error.code === "disk_full";
        this.on.changed();
        await this.#pause(PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)]);
        tries += 1;
      }
    }
  }

  /** Submits before drafts, in their order; where the server failed at a document, first all about others.
   *  @returns {Sent | null} */
  #next() {
    const sent = [
      ...this.waiting.map((entry) => ({ document: entry.document, body: entry.body, asks: entry.kept.asks, entry })),
      ...[...this.drafts].map(([document, draft]) => ({ document, ...draft, entry: null })),
    ];
    const other = sent.find(({ document }) => !this.failed.has(document));
    if (!other) this.failed.clear();
    return other ?? sent[0] ?? null;
  }

  /** @param {Sent} sent */
  async #send({ document, body, asks, entry }) {
    const revision = this.revisions.get(document) ?? body.revision;
    try {
      const { annotation, terms } = await this.server.put(path(document), { ...body, revision, extra: true }, { keepalive: true });
      // What is taken off the list must have been taken in: an answer without it is none.
      if (!annotation) throw new Unreachable(t("The server cannot be reached."));
      this.#done(document, body, entry);
      this.#saved(document, annotation, body, terms);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const stands = error.current;
      if (error.signedOut) this.signedOut = true;
      else if (error.status === 409 && stands && stands.revision !== revision && asks.includes(stands.submit_id)) {
        // Our own draft, of which we never heard that it had arrived.
        this.revisions.set(document, stands.revision);
      } else this.#refuse(document, body, entry, error);
    }
  }

  /** @param {number} document @param {Body} body @param {Entry | null} entry */
  #done(document, body, entry) {
    if (entry) this.store.drop(entry);
    else if (this.drafts.get(document)?.body === body) this.drafts.delete(document);
  }

  /** @param {number} document @param {Annotation} annotation @param {Body} body @param {Terms} [terms] */
  #saved(document, annotation, body, terms = {}) {
    this.revisions.set(document, annotation.revision);
    this.on.saved(document, annotation, body, terms);
  }

  /** @param {number} document @param {Body} body @param {Entry | null} entry @param {Refused} error */
  #refuse(document, body, entry, error) {
    const { status, reason, current } = error;
    if (entry) this.store.put({ ...entry, refused: { status, reason, current } });
    else this.#done(document, body, null);
    this.on.refused(document, error, body);
  }

  /** @param {number} milliseconds @returns {Promise<void>} */
  #pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** @param {number} document */
const path = (document) => `documents/${document}/annotation`;
