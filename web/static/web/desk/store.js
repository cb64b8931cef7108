/**
 * What a person did, in the browser's own store until the server has it: the work on each document, and the outbox.
 * Keyed by the person, so that two who share a browser never meet each other's.
 */

import { Journal } from "./journal.js";

const PATIENCE_MS = 1000;

/**
 * The work on one document. `asks` are the ids under which it was sent: what comes back under one of them is our own.
 * @typedef {{ work: import("./work.js").KeptWork, suggestion: import("./types.js").Suggestion | null,
 *   terms?: import("./suggesting.js").SpanItem[] | null, revision: number,
 *   flag: string, comment: string, milliseconds: number, asks: string[], at: number }} Kept
 * A submit that the server has not acknowledged, and why it refused it, if it did.
 * @typedef {{ document: number, name: string, at: number, body: import("./types.js").Body, kept: Kept,
 *   refused?: { status: number, reason: string, current: import("./types.js").Annotation | null } }} Entry
 */

export class Store {
  /** @param {string} owner @param {Storage | null} [storage] */
  constructor(owner, storage = browsers()) {
    this.storage = storage;
    this.prefix = `marginalia:${owner}:`;
    /** False where the browser keeps nothing (private mode, full): then the page must say so. */
    this.keeps = true;
    /** What could not be written is at least kept while the page lives. @type {Map<string, string>} */
    this.memory = new Map();
    /** @type {Entry[] | null} */
    this.known = null;
    /** @type {Journal | null} */
    this.journal = null;
    globalThis.addEventListener?.("storage", () => {
      this.known = null;
    });
  }

  /** Take up the journal, and out of it what the browser lost of this when it died. A slow disk keeps nobody waiting. */
  async recover() {
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
    await Promise.race([this.#recover().catch(() => null), late]);
  }

  async #recover() {
    const journal = await Journal.open();
    for (const [key, text] of (await journal?.read(this.prefix)) ?? []) {
      const name = key.slice(this.prefix.length);
      const kept = parsed(text);
      if ((kept?.at ?? -1) > (this.#read(name)?.at ?? -1)) this.#write(name, kept);
    }
    this.journal = journal;
  }

  /** @param {number} document @returns {Kept | null} */
  work(document) {
    const kept = this.#read(`work:${document}`);
    return Array.isArray(kept?.work?.marks) ? kept : null;
  }

  /** @param {number} document @param {Kept} kept */
  keep(document, kept) {
    this.#write(`work:${document}`, kept);
  }

  /** @param {number} document */
  forget(document) {
    this.#remove(`work:${document}`);
  }

  /** Submits that wait, oldest first. @returns {Entry[]} */
  entries() {
    this.known ??= this.#keys("out:")
      .map((key) => this.#read(key))
      .filter((entry) => entry?.body?.submit_id && entry.kept && Number.isInteger(entry.document))
      .sort((a, b) => a.at - b.at);
    return this.known;
  }

  /** A moment after those of all entries, whatever somebody did to the clock: their order is the order of the acts. */
  get now() {
    return this.entries().reduce((now, { at }) => Math.max(now, at + 1), Date.now());
  }

  /** @param {Entry} entry */
  put(entry) {
    this.known = null;
    this.#write(`out:${entry.body.submit_id}`, entry);
  }

  /** @param {Entry} entry */
  drop(entry) {
    this.known = null;
    this.#remove(`out:${entry.body.submit_id}`);
  }

  get #disk() {
    if (!this.storage) throw new Error("This browser keeps nothing.");
    return this.storage;
  }

  /** @param {string} kind */
  #keys(kind) {
    const whole = this.prefix + kind;
    const keys = new Set(this.memory.keys());
    try {
      for (let i = 0; i < this.#disk.length; i += 1) keys.add(/** @type {string} */ (this.#disk.key(i)));
    } catch {
      this.keeps = false;
    }
    return [...keys].filter((key) => key.startsWith(whole)).map((key) => key.slice(this.prefix.length));
  }

  /** @param {string} name @returns {any} */
  #read(name) {
    const key = this.prefix + name;
    try {
      return parsed(this.memory.get(key) ?? this.#disk.getItem(key));
    } catch {
      return null;
    }
  }

  /** @param {string} name @param {any} value */
  #write(name, value) {
    const key = this.prefix + name;
    const text = JSON.stringify(value);
    this.journal?.write(key, text);
    try {
      this.#disk.setItem(key, text);
      this.memory.delete(key);
      this.keeps = true;
    } catch {
      this.memory.set(key, text);
      this.keeps = false;
    }
  }

  /** @param {string} name */
  #remove(name) {
    this.memory.delete(this.prefix + name);
    this.journal?.write(this.prefix + name, null);
    try {
      this.#disk.removeItem(this.prefix + name);
    } catch {
      this.keeps = false;
    }
  }
}

/** What is broken counts as nothing. @param {string | null} text @returns {any} */
function parsed(text) {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** Where it is forbidden, already to name it throws. @returns {Storage | null} */
function browsers() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}
