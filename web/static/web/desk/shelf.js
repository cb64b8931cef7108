/** The documents that come next, fetched while a person works on this one. */

import { Refused, Unreachable } from "./server.js";

/** @typedef {import("./types.js").Sheet} Sheet */

const AHEAD = 2;

export class Shelf {
  /** @param {Pick<import("./server.js").Server, "post">} server @param {number} project */
  constructor(server, project) {
    this.server = server;
    this.project = project;
    /** @type {Sheet[]} */
    this.sheets = [];
    /** Why there was nothing more the last time. */
    this.reason = "";
    /** The newest version of the model that was heard of. */
    this.version = 0;
    /** What is done when a newer one is heard of. @type {(version: number) => void} */
    this.newer = () => {};
    /** @type {Promise<void> | null} */
    this.filling = null;
  }

  get ids() {
    return this.sheets.map(({ document }) => document.id);
  }

  /** Those that no model has looked at: the dictionary suggests in them. */
  get unseen() {
    return this.sheets.filter(({ suggestion }) => !suggestion.suggestion).map(({ document }) => document.id);
  }

  take() {
    return this.sheets.shift() ?? null;
  }

  /** What is handed back is the next again. @param {Sheet} sheet */
  putBack(sheet) {
    this.sheets = [sheet, ...this.sheets.filter(({ document }) => document.id !== sheet.document.id)];
  }

  /** @param {number} document */
  drop(document) {
    this.sheets = this.sheets.filter((sheet) => sheet.document.id !== document);
  }

  /** Fetch what is missing beside the work; if that fails, it is tried again with the next document.
   *  @param {() => number[]} held documents that must not be handed out again */
  async fill(held) {
    if (this.sheets.length >= AHEAD) return;
    await this.fetch(held).catch((error) => {
      if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
    });
  }

  /** The same, but whoever asks hears of a failure. @param {() => number[]} held @returns {Promise<void>} */
  fetch(held) {
    this.filling ??= this.#fetch(held).finally(() => {
      this.filling = null;
    });
    return this.filling;
  }

  /** @param {() => number[]} held */
  async #fetch(held) {
    const body = { held: [...new Set([...held(), ...this.ids])], ahead: Math.max(0, AHEAD - this.sheets.length - 1) };
    const answer = await this.server.post(`projects/${this.project}/next`, body);
    this.reason = answer.reason;
    const found = answer.document ? [answer, ...(answer.ahead ?? [])] : [];
    const here = new Set([...held(), ...this.ids]);
    const fresh = found.filter((sheet) => !here.has(sheet.document.id));
    for (const sheet of found) this.hear(sheet.suggestion);
    this.sheets.push(...fresh);
    // Meanwhile another tab said that it has them: now that is known, and there are others.
    if (found.length > 0 && fresh.length === 0) await this.#fetch(held);
  }

  /** @param {import("./types.js").Looked} looked */
  hear(looked) {
    if ((looked.version ?? 0) <= this.version) return;
    this.version = looked.version ?? 0;
    this.newer(this.version);
  }

  /** Whether a newer model has been heard of than the one that looked at this document, or than none.
   *  @param {import("./types.js").Looked} looked */
  outdated(looked) {
    return ["ready", "no_model"].includes(looked.state) && (looked.version ?? 0) < this.version;
  }
}
