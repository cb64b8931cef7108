/** One person at work: one document after the other, back to earlier ones, and what the page says meanwhile. */

import { n, t } from "../i18n.js";
import { Clock } from "./clock.js";
import { Current } from "./current.js";
import { Hand } from "./hand.js";
import { Looking } from "./looking.js";
import { ModelWatch } from "./model.js";
import { Sending } from "./sending.js";
import { Refused, Server, Unreachable } from "./server.js";
import { Shelf } from "./shelf.js";
import { statusOf } from "./status.js";

/** @typedef {import("./types.js").Sheet} Sheet */

const AGAIN_MS = 3000;
const DAY_MS = 86_400_000;

export class Sitting {
  /** @param {import("./types.js").Config} config @param {import("./board.js").Board} board @param {import("./view.js").View} view */
  constructor(config, board, view) {
    this.config = config;
    this.board = board;
    this.view = view;
    this.server = new Server(config);
    this.shelf = new Shelf(this.server, config.project);
    this.clock = new Clock();
    this.sending = new Sending(this);
    this.looking = new Looking(this);
    this.hand = new Hand(this);
    this.model = new ModelWatch(this.server, config, {
      changed: (model) => view.model(model),
      arrived: (version) => this.looking.arrived(version),
    });
    this.shelf.newer = (version) => this.model.heard(version);
    /** @type {Current | null} */
    this.current = null;
    /** Documents of this sitting, in the order in which they were opened. @type {number[]} */
    this.trail = [];
    this.busy = false;
    this.finished = false;
    /** Anything was done here at all. */
    this.touched = false;
    /** The next document could not be fetched. */
    this.away = false;
    /** Somebody else has signed in. */
    this.other = false;
    /** Whether it was looked, since the server took something last, if this person is signed in after all. */
    this.asked = false;
    /** Goes on with what waits for news of what is being sent. */
    this.relieve = () => {};
    this.#listen();
  }

  get outbox() {
    return this.sending.outbox;
  }

  #listen() {
    addEventListener("popstate", (event) => event.state?.document && this.openById(event.state.document, { push: false }));
    addEventListener("online", () => this.retry());
    addEventListener("focus", () => this.outbox.signedOut && this.retry());
    addEventListener("beforeunload", (event) => {
      const { keeps, changed, waiting } = this.facts;
      if (!keeps && (changed || waiting > 0)) event.preventDefault();
    });
    document.addEventListener("visibilitychange", () => this.#watched(!document.hidden));
    addEventListener("pagehide", () => {
      this.#watched(false);
      this.hand.leave();
    });
    addEventListener("pageshow", (event) => event.persisted && this.hand.prolong());
    for (const kind of ["keydown", "pointerdown", "wheel"]) {
      addEventListener(kind, () => this.clock.touch(), { passive: true, capture: true });
    }
  }

  async begin() {
    await this.sending.store.recover();
    const { first, reason, desk_url } = this.config;
    this.outbox.forgive();
    this.touched = this.outbox.waiting.length > 0;
    this.outbox.start();
    // What the queue hands out although it was done here only has not reached the server yet.
    const queued = location.pathname === desk_url;
    const done = first && queued && this.outbox.unsent(first.document.id);
    this.hand.begin(first && queued ? first.document.id : null);
    this.model.begin();
    if (first && !done) this.show(first);
    else if (this.touched) this.next();
    else this.#finish(reason);
  }

  // --- opening --------------------------------------------------------------------------------------------------

  /** The next document: from the shelf at once, otherwise as soon as the server has one. */
  async next() {
    const sheet = this.shelf.take();
    if (sheet) {
      this.show(sheet, { push: true });
      return;
    }
    this.current = null;
    this.board.clear();
    const { outbox } = this;
    const before = outbox.waiting.length;
    await this.#while(t("Fetching the next document…"), async () => {
      await this.#fetchNext();
      const found = this.shelf.take();
      if (found) this.show(found, { push: true });
      else this.#finish(this.shelf.reason);
      // Whether the document was read before or after an answer that arrived meanwhile, nobody knows.
      if (this.current && outbox.waiting.length < before) this.looking.late(this.current);
    });
  }

  /** Where as many are open as anybody may have, some are done here and on their way to the server: those make room. */
  async #fetchNext() {
    for (;;) {
      const news = new Promise((resolve) => (this.relieve = () => resolve(null)));
      await this.shelf.fetch(() => this.hand.held());
      const { shelf, outbox } = this;
      if (shelf.sheets.length > 0 || shelf.reason !== "held" || outbox.waiting.length === 0 || outbox.signedOut) return;
      await news;
    }
  }

  /** Open one by hand; the one on the desk comes back after it. @param {number} id */
  async openById(id, { push = true } = {}) {
    if (this.busy || id === this.current?.id) return;
    await this.#while(t("Opening…"), async () => {
      this.#open(this.shelf.sheets.find(({ document }) => document.id === id) ?? (await this.#fetch(id)), { push });
    });
  }

  /** Open what the server would not take, as it was sent; it stays where it is kept until it is on the desk.
   *  @param {import("./store.js").Entry} entry */
  async openAgain(entry) {
    const { document, kept, refused } = entry;
    const { store } = this.sending;
    await this.#while(t("Opening…"), async () => {
      // Where it is on the desk already, the work there went on from it.
      const sheet = this.current?.id === document ? null : await this.#fetch(document);
      if (!store.work(document)) store.keep(document, kept);
      store.drop(entry);
      if (sheet) this.#open(sheet);
    });
    if (this.current?.id === document) this.view.tell(t("The server does not take this: %(reason)s", { reason: refused?.reason ?? "" }));
  }

  /** @param {Sheet} sheet */
  #open(sheet, { push = true } = {}) {
    this.#putBack();
    this.shelf.drop(sheet.document.id);
    this.show(sheet, { push });
  }

  /** @param {number} id @returns {Promise<Sheet>} */
  async #fetch(id) {
    const read = ["", "/annotation", "/suggestions"].map((part) => this.server.get(`documents/${id}${part}`));
    const [document, { annotation }, suggestion] = await Promise.all(read);
    return { document, annotation: this.sending.newest(id, annotation), suggestion };
  }

  /** What is on the desk goes back to the shelf, unless it was done before, if only just now. */
  #putBack() {
    const { current } = this;
    if (!current) return;
    this.sending.draft(current);
    const done = current.settled || current.sheet.annotation?.stands || this.outbox.unsent(current.id);
    if (!done) this.shelf.putBack(current.sheet);
  }

  /** The document before this one; past the first of this sitting, those of earlier ones. */
  async previous() {
    if (this.busy) return;
    const at = this.current ? this.trail.lastIndexOf(this.current.id) : this.trail.length;
    const before = at > 0 ? this.trail[at - 1] : await this.#earlier();
    if (before) await this.openById(before);
    else this.view.tell(t("There is no earlier document."));
  }

  async #earlier() {
    const mine = await this.server.get(`projects/${this.config.project}/mine`).catch(() => ({ items: [] }));
    const found = mine.items.find((/** @type {any} */ item) => !this.trail.includes(item.document));
    if (found) this.trail.unshift(found.document);
    return found?.document ?? null;
  }

  /** Put a document on the desk. @param {Sheet} sheet */
  show(sheet, { push = false } = {}) {
    const { id, text, meta } = sheet.document;
    const { store } = this.sending;
    const kept = store.work(id) ?? this.outbox.unsent(id)?.kept ?? null;
    const current = new Current(sheet, kept, this.outbox.revisions.get(id) ?? 0);
    this.current = current;
    this.finished = this.away = false;
    if (!this.trail.includes(id)) this.trail.push(id);
    history[push ? "pushState" : "replaceState"]({ document: id }, "", this.address(id));
    this.clock.start(current.milliseconds);
    this.view.open(current, this.address(id));
    this.board.open({ text, work: current.begin, suggestion: current.suggestion, terms: current.terms, meta });
    if (store.work(id)) this.#resume(current);
    this.looking.begin(current);
    this.tell();
    this.shelf.hear(sheet.suggestion);
    this.hand.changed();
  }

  /** Work that was kept here goes on; where the document moved on elsewhere, the person chooses. @param {Current} current */
  #resume(current) {
    current.acts = 1;
    this.touched = true;
    if (current.stale) this.sending.compare(current, current.sheet.annotation);
    else {
      this.view.say(t("What you had done here is back."));
      this.sending.plan(current);
    }
  }

  /** @param {number} id */
  address(id) {
    return this.config.document_url.replace(/0$/, String(id));
  }

  // --- doing ----------------------------------------------------------------------------------------------------

  changed() {
    if (!this.current) return;
    this.touched = true;
    this.sending.changed(this.current);
    this.tell();
  }

  /** @param {{ flag?: string, comment?: string }} remark */
  remark(remark) {
    if (!this.current) return;
    Object.assign(this.current, remark);
    this.view.remarks(this.current);
    this.changed();
  }

  /** What is not `complete` says nothing of whatever is not marked, undecided suggestions included. `asked`: what becomes of
   *  these was said just now.
   *  @param {import("./sending.js").Finishing & { state?: string, asked?: boolean }} [how] */
  done({ state = "submitted", complete = true, pending, asked = false } = {}) {
    const { current } = this;
    if (!current || this.busy) return;
    if (state === "submitted" && complete && !asked && !current.warned && this.#unseen(current)) return;
    this.touched = true;
    this.view.tell("");
    this.#count(current, state);
    this.sending.submit(current, state, { complete, pending });
    this.view.say(state === "skipped" ? t("Skipped.") : t("Done."));
    this.next();
  }

  /** Suggestions that were never in view are pointed at once. @param {Current} current */
  #unseen(current) {
    const { pending, seen } = this.board;
    const unseen = pending.filter((/** @type {any} */ item) => item.kind === "span" && !seen.has(item.id));
    if (unseen.length === 0) return false;
    current.warned = true;
    this.board.pick(unseen[0].id);
    this.view.tell(n("1 suggestion was not looked at. Enter again: done.", "%(count)s suggestions were not looked at. Enter again: done.", unseen.length));
    return true;
  }

  /** @param {Current} current @param {string} state */
  #count({ sheet }, state) {
    const { progress } = this.config;
    const more = (state === "submitted" ? 1 : 0) - (sheet.annotation?.stands === "submitted" ? 1 : 0);
    if (Date.now() >= progress.day_ends) {
      progress.today = 0;
      progress.day_ends += DAY_MS;
    }
    progress.done = Math.min(progress.total, progress.done + more);
    progress.mine += more;
    progress.today = Math.max(0, progress.today + more);
    this.view.progress(progress);
  }

  // --- state ----------------------------------------------------------------------------------------------------

  get facts() {
    const { current, outbox, touched, other } = this;
    return {
      changed: current !== null && current.acts > current.safe,
      sending: outbox.running && !outbox.offline,
      waiting: outbox.waiting.length,
      offline: outbox.offline || this.away,
      full: outbox.full,
      signedOut: outbox.signedOut,
      keeps: this.sending.store.keeps,
      touched,
      other,
      refused: outbox.refused.length,
    };
  }

  tell() {
    this.view.status(statusOf(this.facts));
    this.view.trouble(this.outbox.refused);
  }

  /** News of what is being sent. Who signed in anew in another tab has another token, and need not hear of it. */
  heard() {
    this.tell();
    this.relieve();
    if (!this.outbox.signedOut || this.outbox.running || this.asked) return;
    this.asked = true;
    this.retry();
  }

  /** @param {string} sentence @param {() => Promise<void>} doing */
  async #while(sentence, doing) {
    if (this.busy) return;
    this.busy = true;
    this.view.busy(sentence);
    let trouble = "";
    try {
      await doing();
    } catch (error) {
      trouble = this.#failed(error);
    } finally {
      this.busy = false;
      this.view.busy("", trouble);
      this.tell();
    }
  }

  /** @param {unknown} error @returns {string} what to tell */
  #failed(error) {
    if (error instanceof Unreachable) {
      this.away = true;
      setTimeout(() => this.away && this.retry(), AGAIN_MS);
      return this.current ? error.message : t("The next document comes when the server can be reached again.");
    }
    if (!(error instanceof Refused)) throw error;
    if (!error.signedOut) return error.reason;
    this.outbox.signedOut = true;
    return t("Sign in again to go on.");
  }

  /** Try again now: the network is back, or the person has signed in, or says so. */
  async retry() {
    if (this.outbox.signedOut && !(await this.#signedInAgain())) return;
    this.outbox.resume();
    if (this.current || this.finished) this.away = false;
    else await this.next();
    this.tell();
  }

  /** After signing in elsewhere this page needs the new session's token; the desk's own page has it. */
  async #signedInAgain() {
    const page = await fetch(location.href, { credentials: "same-origin" }).then((r) => r.text(), () => "");
    const found = new DOMParser().parseFromString(page, "text/html").getElementById("desk-config");
    const fresh = found?.textContent ? JSON.parse(found.textContent) : null;
    this.other = fresh !== null && fresh.owner !== this.config.owner;
    if (fresh !== null && !this.other) this.server.csrf = fresh.csrf;
    this.tell();
    return fresh !== null && !this.other;
  }

  /** @param {string} reason */
  #finish(reason) {
    this.current = null;
    this.finished = true;
    this.board.clear();
    this.view.finished(reason);
  }

  /** @param {boolean} inView */
  #watched(inView) {
    if (inView) {
      this.clock.resume();
      this.model.watched();
      this.hand.beat();
      if (this.current) this.sending.plan(this.current);
      if (this.outbox.signedOut || this.outbox.offline) this.retry();
    } else {
      this.clock.pause();
      if (this.current) this.sending.draft(this.current, { last: true });
    }
  }
}
