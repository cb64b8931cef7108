/** Small buttons at the words, for whoever came with the pointer: the verdict, and the same for every place alike. */

import { n, t } from "../i18n.js";
import { byId, write } from "./dom.js";

/** @typedef {import("./board.js").Board} Board */

export class Pop {
  /** @param {Board} board */
  constructor(board) {
    this.board = board;
    this.box = byId("pop");
    this.#listen();
  }

  #listen() {
    byId("main").addEventListener("scroll", () => this.update(), { passive: true });
  }

  update() {
    const { board, box } = this;
    const target = board.target();
    const shown = board.byPointer && board.picked !== null && target && "start" in target && !board.relating;
    box.hidden = !shown;
    if (!shown) return;
    const item = board.isItem(target);
    this.#button("accept").hidden = !item;
    const word = this.#button("remove").querySelector("span");
    if (word) write(word, item ? t("Reject") : t("Remove"));
    this.#alike(target, item);
    this.#place(board.boxOf(target));
  }

  /** @param {any} target @param {boolean} item */
  #alike(target, item) {
    const { board } = this;
    const alike = item ? board.state.alike(target, board.text).length : 0;
    const others = item ? 0 : board.others(target).length;
    const set = (/** @type {string} */ act, /** @type {boolean} */ yes, /** @type {string} */ words) => {
      this.#button(act).hidden = !yes;
      write(this.#button(act), words);
    };
    set("acceptSame", alike > 1, n("Accept all alike", "Accept all %(count)s alike", alike));
    set("rejectSame", alike > 1, n("Reject all alike", "Reject all %(count)s alike", alike));
    set("labelSame", others > 0, n("Label 1 more like it", "Label %(count)s more like it", others));
  }

  /** @param {string} act */
  #button(act) {
    return /** @type {HTMLButtonElement} */ (this.box.querySelector(`[data-act="${act}"]`));
  }

  /** Below the words, within the sheet. @param {DOMRect | null} words */
  #place(words) {
    const frame = byId("main").getBoundingClientRect();
    if (!words || words.bottom < frame.top || words.top > frame.bottom) {
      this.box.hidden = true;
      return;
    }
    const { width, height } = this.box.getBoundingClientRect();
    const left = Math.min(Math.max(words.left, frame.left + 8), frame.right - width - 8);
    const below = words.bottom + 8;
    const top = below + height < frame.bottom ? below : words.top - height - 24;
    this.box.style.left = `${left}px`;
    this.box.style.top = `${top}px`;
  }
}
