/** Tabs of one person tell each other which documents they have at hand, so that none is begun twice. */

import { newId } from "./ids.js";

/** @typedef {{ from: string, held: number[], asks: boolean }} Word what one tab says to the others */

export class Tabs {
  /** @param {string} owner @param {{ held: () => number[], heard: (held: number[]) => void }} on */
  constructor(owner, on) {
    this.on = on;
    this.id = newId();
    /** @type {Map<string, number[]>} */
    this.others = new Map();
    this.channel = globalThis.BroadcastChannel ? new BroadcastChannel(`marginalia:${owner}`) : null;
    this.channel?.addEventListener("message", (event) => this.#hear(event.data));
  }

  /** What other tabs have at hand. */
  get elsewhere() {
    return [...this.others.values()].flat();
  }

  /** Say what is at hand here; who `asks` wants to hear the same of the others. */
  tell({ asks = false, held = this.on.held() } = {}) {
    this.channel?.postMessage({ from: this.id, held, asks });
  }

  /** @param {Word} word */
  #hear({ from, held, asks }) {
    this.others.set(from, held);
    this.on.heard(held);
    if (asks) this.tell();
  }
}
