/** From the desk to the server: what is kept here at once, drafts when the person rests, submits, and what comes back. */

import { t } from "../i18n.js";
import { newId } from "./ids.js";
import { Outbox } from "./outbox.js";
import { DELETED } from "./refusals.js";
import { Store } from "./store.js";
import { toAnswer } from "./work.js";

/** @typedef {import("./types.js").Annotation} Annotation */
/** @typedef {import("./types.js").Body} Body */
/** @typedef {import("./store.js").Entry} Entry */
/** @typedef {import("./current.js").Current} Current */
/** @typedef {{ complete?: boolean, pending?: "leave" | "reject" }} Finishing `pending`: what becomes of undecided suggestions */

const REST_MS = 3000;
const BETWEEN_DRAFTS_MS = 10_000;
const REMEMBERED = 8; // documents

export class Sending {
  /** @param {import("./sitting.js").Sitting} sitting */
  constructor(sitting) {
    this.sitting = sitting;
    this.board = sitting.board;
    this.store = new Store(sitting.config.owner);
    this.outbox = new Outbox(sitting.server, this.store, {
      changed: () => sitting.heard(),
      saved: (document, annotation, body, terms) => this.#saved(document, annotation, body, terms),
      refused: (document, error, body) => this.#refused(document, error, body),
    });
    this.resting = 0;
    /** What the server took in last. @type {Map<number, Annotation>} */
    this.taken = new Map();
  }

  /** The newer of what was read of a document and what the server took in from here: who goes back at once must not get
   *  what was read before their answer arrived. @param {number} document @param {Annotation | null} read */
  newest(document, read) {
    const taken = this.taken.get(document);
    return taken && taken.revision > (read?.revision ?? 0) ? taken : read;
  }

  /** Keep what was done; the server hears of it when the person rests. @param {Current} current */
  changed(current) {
    current.warned = false;
    current.acts += 1;
    this.keep(current);
    this.plan(current);
  }

  /** @param {Current} current */
  keep(current) {
    this.store.keep(current.id, current.kept(this.board.work, this.sitting.clock.milliseconds));
  }

  /** @param {Current} current */
  plan(current) {
    clearTimeout(this.resting);
    const wait = Math.max(REST_MS, current.lastDraft + BETWEEN_DRAFTS_MS - performance.now());
    this.resting = window.setTimeout(() => {
      // One draft after the other: what was not acknowledged may have arrived, and only so many ids are remembered.
      if (this.outbox.drafts.has(current.id)) this.plan(current);
      else this.draft(current);
    }, wait);
  }

  /** Send what the server has not heard of. @param {Current} current */
  draft(current, { last = false } = {}) {
    clearTimeout(this.resting);
    if (current.acts === current.sent) return;
    const body = this.body(current, "draft");
    current.sent = current.acts;
    current.lastDraft = performance.now();
    this.keep(current);
    if (last) this.#lastly(current, body);
    else this.outbox.draft(current.id, body, current.asks);
  }

  /** @param {Current} current @param {Body} body */
  async #lastly(current, body) {
    if (await this.outbox.lastly(current.id, body)) return;
    current.sent = current.safe;
    this.sitting.tell();
  }

  /** @param {Current} current @param {string} state @param {Finishing} how */
  submit(current, state, how) {
    clearTimeout(this.resting);
    const { document } = current.sheet;
    const body = { ...this.body(current, state, how), beside: this.sitting.shelf.unseen };
    const kept = current.kept(this.board.work, body.milliseconds);
    this.outbox.put({ document: document.id, name: document.title, at: this.store.now, body, kept });
    this.store.forget(document.id);
  }

  /** What is sent, under an id of its own. A draft has verdicts, too, but none on what nobody decided on.
   *  @param {Current} current @param {string} state @param {Finishing} [how] @returns {Body} */
  body(current, state, { complete = true, pending } = {}) {
    const { revision, flag, comment } = current;
    return {
      submit_id: current.ask(), revision, state, complete, flag, comment, milliseconds: this.sitting.clock.milliseconds,
      ...toAnswer(this.board.work),
      decisions: state === "skipped" ? [] : this.board.decisions({ complete: complete && state === "submitted", pending }),
    };
  }

  /** @param {number} document @param {Annotation} annotation @param {Body} body @param {import("./types.js").Terms} terms */
  #saved(document, annotation, body, terms) {
    const { current, shelf } = this.sitting;
    this.sitting.asked = false;
    this.taken.delete(document);
    this.taken.set(document, annotation);
    for (const old of [...this.taken.keys()].slice(0, -REMEMBERED)) this.taken.delete(old);
    for (const sheet of shelf.sheets) if (sheet.document.id === document) sheet.annotation = annotation;
    if (annotation.state !== "draft") this.sitting.model.answered();
    this.sitting.looking.learnt(terms);
    // What came onto the desk while this was on its way could not be asked for beside it.
    if (body.beside && current && current.id !== document && !body.beside.includes(current.id)) this.sitting.looking.late(current);
    if (current?.id === document) {
      current.revision = annotation.revision;
      current.sheet.annotation = annotation;
      if (body.submit_id === current.asks.at(-1)) current.safe = current.sent;
      if (this.store.work(document)) this.keep(current);
    }
    this.sitting.tell();
  }

  /** @param {number} document @param {import("./server.js").Refused} error @param {Body} body */
  #refused(document, error, body) {
    const { current, view } = this.sitting;
    if (body.state !== "draft" || current?.id !== document) return;
    if (error.status === DELETED) {
      this.store.forget(document);
      view.tell(t("This document was deleted: nothing about it can be saved any more. Go on with the next one."));
    } else if (error.status === 409) this.compare(current, error.current);
    else view.tell(t("The server does not take this: %(reason)s", { reason: error.reason }));
  }

  /** The open document stands otherwise elsewhere: show both, keep one. @param {Current} current @param {Annotation | null} standing */
  async compare(current, standing) {
    const { view } = this.sitting;
    const choice = await view.conflict(toAnswer(this.board.work), standing, current.sheet.document.text);
    if (this.sitting.current !== current) return;
    current.revision = standing?.revision ?? 0;
    this.outbox.revisions.set(current.id, current.revision);
    if (choice === "mine") {
      if (standing) current.asks.push(standing.submit_id);
      this.changed(current);
    } else {
      this.store.forget(current.id);
      this.sitting.show({ ...current.sheet, annotation: standing });
    }
    this.sitting.tell();
  }

  /** A submit that was refused is put before the person: of two answers one is chosen; what the server would not take
   *  is opened again. @param {Entry} entry */
  async settle(entry) {
    if (entry.refused?.status === DELETED) this.#giveUp(entry);
    else if (entry.refused?.status === 409) await this.#choose(entry);
    else await this.sitting.openAgain(entry);
  }

  /** The person has been told that the document is deleted. @param {Entry} entry */
  #giveUp(entry) {
    this.store.drop(entry);
    this.store.forget(entry.document);
    this.sitting.tell();
  }

  /** @param {Entry} entry */
  async #choose(entry) {
    const { document, body, refused } = entry;
    const found = await this.sitting.server.get(`documents/${document}`).catch(() => null);
    if (!found) {
      this.sitting.view.tell(t("The server cannot be reached."));
      return;
    }
    const choice = await this.sitting.view.conflict(body, refused?.current ?? null, found.text);
    const revision = refused?.current?.revision ?? 0;
    this.outbox.revisions.set(document, revision);
    this.store.drop(entry);
    if (choice === "mine") this.outbox.put({ ...entry, body: { ...body, submit_id: newId(), revision }, refused: undefined });
    this.sitting.tell();
  }
}
