/** What the model is doing: told beside the text, and looked up again while it changes, so that a new version's
 *  suggestions come to the documents at hand as soon as there are any. */

/** @typedef {import("./types.js").Model} Model */

const MOVING_MS = 2000;
const QUIET_MS = 20_000;
/** A run is about to end: people wait for what it suggests. */
const ENDING_MS = 500;
const ENDING_SECONDS = 3;
/** Workers hear of an answer as soon as it is saved; so long it takes until a run is begun. */
const ANSWERED_MS = 500;

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
    /** Since the model was looked at. */
    this.answers = 0;
  }

  begin() {
    this.on.changed(this.model);
    this.#plan(this.#pause());
  }

  /** An answer was saved. It is looked after where it may have begun a run; before the first version each one counts. */
  answered() {
    this.answers += 1;
    const { version, missing, moving } = this.model;
    if (this.soon || moving || (version !== null && this.answers < missing)) return;
    this.soon = true;
    this.#plan(ANSWERED_MS);
  }

  /** A document came with suggestions of this version. @param {number} version */
  heard(version) {
    if (version > (this.model.version ?? 0)) this.#plan(0);
  }

  /** Somebody looks at the page again. */
  watched() {
    this.#plan(0);
  }

  #pause() {
    const { moving, seconds_left: left } = this.model;
    if (!moving) return QUIET_MS;
    return left !== null && left <= ENDING_SECONDS ? ENDING_MS : MOVING_MS;
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
    this.#plan(this.#pause());
  }

  /** @param {Model} model */
  #hear(model) {
    const before = this.model.version;
    this.model = model;
    this.answers = 0;
    this.on.changed(model);
    if (model.version !== null && model.version !== before) this.on.arrived(model.version);
  }
}
