/** The document on the desk: what stands of it, what is kept of it here, and how much of that the server has. */

import { newId } from "./ids.js";
import { resumed, termsOf } from "./suggesting.js";
import { itemOf } from "./terms.js";
import * as works from "./work.js";

/** @typedef {import("./types.js").Sheet} Sheet */
/** @typedef {import("./types.js").Body} Body */
/** @typedef {import("./store.js").Kept} Kept */

const ASKS = 8;

export class Current {
  /**
   * @param {Sheet} sheet
   * @param {Kept | null} kept what the browser kept of it
   * @param {number} revision the one that our own acknowledged acts made
   */
  constructor(sheet, kept, revision) {
    const { annotation, suggestion: looked } = sheet;
    const decided = annotation?.decisions ?? [];
    this.sheet = sheet;
    this.id = sheet.document.id;
    this.looked = looked;
    this.revision = Math.max(annotation?.revision ?? 0, revision);
    /** Done before: somebody's finished work is not argued with by suggestions. */
    this.settled = Boolean(annotation?.stands);
    this.suggestion = kept ? kept.suggestion : this.settled ? null : looked.suggestion;
    /** What the dictionary suggests; null where it has no say: in what was done before, and where it is held out. */
    this.terms = this.settled || looked.state === "blind" ? null : (kept?.terms ?? known(looked.terms ?? [], decided));
    this.flag = (kept ?? annotation)?.flag ?? "";
    this.comment = (kept ?? annotation)?.comment ?? "";
    this.milliseconds = kept?.milliseconds ?? annotation?.milliseconds ?? 0;
    /** Ids under which this was sent from here. What stands under one of them is our own. */
    this.asks = kept?.asks ?? (annotation ? [annotation.submit_id] : []);
    /** Work to begin with. */
    const left = annotation && resumed(works.fromAnswer(annotation), this.suggestion, decided);
    this.begin = kept ? works.revive(kept.work) : (left ?? works.EMPTY);
    /** Changes made, how many of them are on their way, and how many have arrived. */
    this.acts = this.sent = this.safe = 0;
    this.lastDraft = -Infinity;
    /** Whether the person was told of suggestions that were not looked at. */
    this.warned = false;
    /** Kept work that was made from what no longer stands. */
    this.stale = kept !== null && kept.revision !== this.revision && !(annotation && this.asks.includes(annotation.submit_id));
  }

  /** An id to send under. */
  ask() {
    const id = newId();
    this.asks = [...this.asks.slice(1 - ASKS), id];
    return id;
  }

  /** The form in which the browser keeps it. @param {import("./types.js").Work} work @param {number} milliseconds @returns {Kept} */
  kept(work, milliseconds) {
    const { suggestion, terms, revision, flag, comment, asks } = this;
    return { work: works.keepable(work), suggestion, terms, revision, flag, comment, milliseconds, asks, at: Date.now() };
  }
}

/** What the dictionary says now, and what was decided on of what it said. @param {import("./terms.js").Term[]} terms @param {import("./suggesting.js").Decision[]} decided */
function known(terms, decided) {
  return [...new Map([...terms.map(itemOf), ...termsOf(decided)].map((item) => [item.id, item])).values()];
}
