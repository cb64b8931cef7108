/** The page is an ordinary form; its fields follow the work, so that it can be sent even if nothing else works. */

import { newId } from "./ids.js";
import { toAnswer } from "./work.js";

/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./current.js").Current} Current */

export class Fields {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    /** @type {number | null} */
    this.id = null;
  }

  /** Until somebody finishes, only what was decided on has a verdict.
   *  @param {Board} board @param {Current} current @param {number} milliseconds
   *  @param {{ complete: boolean, pending?: "leave" | "reject" }} [how] */
  follow(board, { id, revision, flag, comment, suggestion, settled }, milliseconds, how = { complete: false }) {
    // The id of the act belongs to the document: sent twice, it counts once.
    if (id !== this.id) this.#set("submit_id", newId());
    this.id = id;
    const decisions = suggestion && !settled ? board.decisions(how) : [];
    this.#set("answer", JSON.stringify({ ...toAnswer(board.work), decisions }));
    this.#set("revision", String(revision));
    this.#set("flag", flag);
    this.#set("comment", comment);
    this.#set("milliseconds", String(milliseconds));
  }

  /** @param {string} name @param {string} value */
  #set(name, value) {
    const field = this.form.querySelector(`[data-field="${name}"]`);
    if (field && "value" in field) field.value = value;
  }
}
