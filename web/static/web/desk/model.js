/** What the model is doing: told beside the text, and looked up again while it changes, so that a new version's
 *  suggestions come to the documents at hand as soon as there are any. */

/** @typedef {import("./types.js").Model} Model */

const MOVING_MS = 2000;
const QUIET_MS = 20_000;
/** Workers hear of an answer a second after it is saved. */
const ANSWERED_MS = 1500;

export class ModelWatch {
  /**
   * @param {Pick<import("./server.js").Server, "get">} server
   * @param {{ model: Model, model_url: string }} config
   * @param {{ changed: (model: Model) => void, arrived: (version: number) => void }} on
   */
  constructor(server, { model, model_url }, on) {
    this.server = server;
    this.address = model_url;
    this.on = on;
    this.model = model;
    this.timer = 0;
    this.looking = false;
    /** An answer is about to be looked for: whoever is fast must not put that off again and again. */
    this.soon = false;
  }

  begin() {
    this.on.changed(this.model);
    this.#plan(this.model.moving ? MOVING_MS : QUIET_MS);
  }

  /** An answer was saved: before the first version each one counts. */
  answered() {
    if (this.model.version !== null || this.soon) return;
    this.soon = true;
    this.#plan(ANSWERED_MS);
  }

  /** Somebody looks at the page again. */
  watched() {
    this.#plan(0);
  }

  /** @param {number} wait */
  #plan(wait) {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.#look(), wait);
  }

  async #look() {
    this.soon = false;
    if (this.looking || document.hidden) return;
    this.looking = true;
    const answer = await this.server.get(this.address).catch(() => null);
    this.looking = false;
    if (answer?.model) this.#hear(answer.model);
    this.#plan(this.model.moving ? MOVING_MS : QUIET_MS);
  }

  /** @param {Model} model */
  #hear(model) {
    const before = this.model.version;
    this.model = model;
    this.on.changed(model);
    if (model.version !== null && model.version !== before) this.on.arrived(model.version);
  }
}
