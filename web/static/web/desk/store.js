/**
 * What a person did, in the browser's own store until the server has it: the work on each document, and the outbox.
 * Keyed by the person, so that two who share a browser never meet each other's.
 */

/**
 * The work on one document. `asks` are the ids under which it was sent: what comes back under one of them is our own.
 * @typedef {{ work: import("./types.js").Work, suggestion: import("./types.js").Suggestion | null, revision: number,
 *   flag: string, comment: string, milliseconds: number, asks: string[] }} Kept
 * A submit that the server has not acknowledged, and why it refused it, if it did.
 * @typedef {{ document: number, name: string, at: number, body: import("./types.js").Body, kept: Kept,
 *   refused?: { status: number, reason: string, current: import("./types.js").Annotation | null } }} Entry
 */

export class Store {
  /** @param {string} owner @param {Storage} [storage] */
  constructor(owner, storage = globalThis.localStorage) {
    this.storage = storage;
    this.prefix = `marginalia:${owner}:`;
    /** False where the browser keeps nothing (private mode, full): then the page must say so. */
    this.keeps = true;
    /** What could not be written is at least kept while the page lives. @type {Map<string, string>} */
    this.memory = new Map();
    /** @type {Entry[] | null} */
    this.known = null;
    globalThis.addEventListener?.("storage", () => {
      this.known = null;
    });
  }

  /** @param {number} document @returns {Kept | null} */
  work(document) {
    return this.#read(`work:${document}`);
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
    this.known ??= this.#keys("out:").flatMap((key) => this.#read(key) ?? []).sort((a, b) => a.at - b.at);
    return this.known;
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

  /** @param {string} kind */
  #keys(kind) {
    const whole = this.prefix + kind;
    const keys = new Set(this.memory.keys());
    try {
      for (let i = 0; i < this.storage.length; i += 1) keys.add(/** @type {string} */ (this.storage.key(i)));
    } catch {
      this.keeps = false;
    }
    return [...keys].filter((key) => key.startsWith(whole)).map((key) => key.slice(this.prefix.length));
  }

  /** @param {string} name @returns {any} */
  #read(name) {
    const key = this.prefix + name;
    try {
      const text = this.memory.get(key) ?? this.storage.getItem(key);
      return text === null ? null : JSON.parse(text);
    } catch {
      return null;
    }
  }

  /** @param {string} name @param {any} value */
  #write(name, value) {
    const key = this.prefix + name;
    const text = JSON.stringify(value);
    try {
      this.storage.setItem(key, text);
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
    try {
      this.storage.removeItem(this.prefix + name);
    } catch {
      this.keeps = false;
    }
  }
}
