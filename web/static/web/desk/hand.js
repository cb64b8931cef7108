/** The documents that a tab has at hand, the one on the desk and those behind it: leased while they are needed, told to
 *  other tabs of the same person, and given back as the page goes. */

import { t } from "../i18n.js";
import { Refused } from "./server.js";
import { Tabs } from "./tabs.js";

/** @typedef {import("./types.js").Sheet} Sheet */

const HEARTBEAT_MS = 4 * 60 * 1000;

export class Hand {
  /** @param {import("./sitting.js").Sitting} sitting */
  constructor(sitting) {
    this.sitting = sitting;
    this.tabs = new Tabs(sitting.config.owner, { held: () => this.#here, heard: (held) => this.#elsewhere(held) });
    /** The document that the queue put on the desk as the page began. @type {number | null} */
    this.first = null;
    /** When leases were prolonged last. */
    this.prolonged = performance.now();
    setInterval(() => this.beat(), HEARTBEAT_MS / 4);
  }

  get #sheets() {
    const { current, shelf } = this.sitting;
    return [...(current ? [current.sheet] : []), ...shelf.sheets];
  }

  get #here() {
    return this.#sheets.map(({ document }) => document.id);
  }

  /** Documents that must not be handed out: those at hand, those that the server still thinks undone, those of other tabs. */
  held() {
    return [...this.#here, ...this.sitting.outbox.waiting.map(({ document }) => document), ...this.tabs.elsewhere];
  }

  /** @param {number | null} first what the queue has put on the desk */
  begin(first) {
    this.first = first;
    this.tabs.tell({ asks: true });
  }

  /** Another document is on the desk: fetch what comes after it. */
  async changed() {
    this.tabs.tell();
    await this.sitting.shelf.fill(() => this.held());
    this.tabs.tell();
  }

  /** Another tab has these: they are not begun here, and what both were handed at the beginning is left to it.
   *  @param {number[]} held */
  #elsewhere(held) {
    const { current, shelf } = this.sitting;
    for (const sheet of shelf.sheets) {
      if (held.includes(sheet.document.id) && this.#untouched(sheet)) shelf.drop(sheet.document.id);
    }
    if (!current || current.id !== this.first || !held.includes(current.id)) return;
    this.first = null;
    this.#stepAside(current);
  }

  /** @param {import("./current.js").Current} current */
  async #stepAside(current) {
    const { sitting } = this;
    await sitting.shelf.fill(() => this.held());
    if (sitting.current !== current || current.acts > 0 || sitting.shelf.sheets.length === 0) return;
    await sitting.next();
    sitting.view.tell(t("That one is open in another tab. This is the next."));
  }

  /** Prolong the leases when it is time to; while nobody looks, it is not. */
  beat() {
    const { current, outbox } = this.sitting;
    const idle = !current || document.hidden || outbox.offline || outbox.signedOut;
    if (!idle && performance.now() - this.prolonged >= HEARTBEAT_MS) this.prolong();
  }

  /** What was given to somebody else meanwhile is not begun here. */
  async prolong() {
    this.prolonged = performance.now();
    const { server } = this.sitting;
    await Promise.all(this.#here.map((id) => server.post(`documents/${id}/claim`).catch((error) => this.#unleased(id, error))));
    await this.changed();
  }

  /** @param {number} id @param {unknown} error */
  #unleased(id, error) {
    const { shelf } = this.sitting;
    const sheet = shelf.sheets.find(({ document }) => document.id === id);
    if (sheet && error instanceof Refused && error.status === 409 && this.#untouched(sheet)) shelf.drop(id);
  }

  /** The page goes, perhaps for good: documents with which nothing was done are for others soon. A reload, or the way
   *  back, is in time to keep them. */
  leave() {
    const { config, outbox, server } = this.sitting;
    this.tabs.tell({ held: [] });
    outbox.flush();
    const documents = this.#sheets.filter((sheet) => this.#untouched(sheet)).map(({ document }) => document.id);
    if (documents.length === 0 || outbox.signedOut) return;
    server.post(`projects/${config.project}/leave`, { documents }, { keepalive: true }).catch(() => null);
  }

  /** @param {Sheet} sheet */
  #untouched({ document: { id }, annotation }) {
    const { sending, outbox } = this.sitting;
    return !annotation && !sending.store.work(id) && !outbox.unsent(id);
  }
}
