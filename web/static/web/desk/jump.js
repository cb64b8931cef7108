/** A field for how a word begins, or any piece of the text: the cursor goes there while it is typed. A field, so that
 *  every way of writing works in it, and every character can be sought (`writing.js`). */

import { t } from "../i18n.js";
import { composing, el } from "./dom.js";
import { nameOf } from "./keys.js";

/** @typedef {import("./board.js").Board} Board */

const WAYS = new Map([["ArrowDown", 1], ["ArrowUp", -1]]);
/** Act on the word that was found, as they would without the field. */
const THROUGH = ["Tab", "Shift+Tab", "ArrowLeft", "ArrowRight", "Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown", "Shift+End"];

export class Jump {
  /** @param {Board} board */
  constructor(board) {
    this.board = board;
    this.last = "";
    /** Where one was. @type {{ selection: import("./offsets.js").Range, picked: string | null } | null} */
    this.origin = null;
    this.field = el("input", { type: "text", autocomplete: "off", spellcheck: false, dir: "auto", maxLength: 80 });
    this.field.setAttribute("autocapitalize", "off");
    this.none = el("span", { className: "none" });
    const keyed = (/** @type {string} */ key, /** @type {string} */ does) => el("span", {}, el("kbd", {}, key), ` ${does}`);
    const hints = [keyed("Enter", t("stay")), keyed("↓", t("next")), keyed("⇧ Enter", t("all up to it")), keyed("Esc", t("back"))];
    const label = el("label", {}, el("span", {}, t("Find in the text")), this.field);
    this.box = el("div", { className: "jump", hidden: true }, label, this.none, el("span", { className: "hints" }, ...hints));
    board.sheet.stack.after(this.box);
    this.#listen();
  }

  #listen() {
    this.field.addEventListener("input", (event) => {
      if (!(/** @type {InputEvent} */ (event).isComposing)) this.#sought();
    });
    this.field.addEventListener("compositionend", () => this.#sought());
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.field.addEventListener("blur", () => this.#close({ focus: false }));
  }

  open() {
    const { board } = this;
    if (board.tokens.empty) return;
    this.origin = { selection: board.selection ?? board.tokens.first(), picked: board.picked };
    this.field.value = "";
    this.#tell("");
    this.box.hidden = false;
    this.field.focus({ preventScroll: true });
    board.on.said(t("Find in the text"));
  }

  /** What is typed now, from where one was. */
  #sought() {
    if (!this.origin) return;
    const letters = this.field.value.trim();
    if (letters) this.#go(letters, 1, this.origin.selection);
    else this.#tell("");
  }

  /** @param {string} letters @param {number} way @param {import("./offsets.js").Range | null} from */
  #go(letters, way, from) {
    this.last = letters;
    const found = this.board.seek([letters], way < 0 ? -1 : 1, from, { within: true });
    this.#tell(found ? "" : t("nothing found"));
  }

  /** @param {string} words */
  #tell(words) {
    this.none.textContent = words;
    this.field.setAttribute("aria-invalid", String(words !== ""));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (composing(event)) return;
    event.stopPropagation();
    const name = nameOf(event);
    const way = WAYS.get(name);
    if (way) this.#on(way);
    else if (name === "Enter") this.#stay();
    else if (name === "Escape") this.#back();
    else if (name === "Shift+Enter") this.#upTo();
    else if (THROUGH.includes(name)) this.#pass(event);
    else return;
    event.preventDefault();
  }

  /** To the next such word, or the one before; with nothing typed, of what was sought the last time. @param {number} way */
  #on(way) {
    this.field.value ||= this.last;
    const typed = this.field.value.trim();
    if (typed) this.#go(typed, way, this.board.selection);
  }

  /** With nothing typed, at the next one of what was sought the last time. */
  #stay() {
    if (this.field.value.trim() === "" && this.last) this.#on(1);
    this.#close();
  }

  /** @param {KeyboardEvent} event */
  #pass(event) {
    this.#close();
    this.board.sheet.element.dispatchEvent(new KeyboardEvent("keydown", event));
  }

  /** Choose all from where one was to what was found. */
  #upTo() {
    const { board, origin } = this;
    const [from, to] = [origin?.selection, board.selection];
    this.#close();
    if (from && to) board.reshape({ start: Math.min(from.start, to.start), end: Math.max(from.end, to.end) });
  }

  #back() {
    const { board, origin } = this;
    this.#close();
    if (origin?.picked && board.find(origin.picked)) board.pick(origin.picked);
    else if (origin) board.choose(origin.selection);
  }

  #close({ focus = true } = {}) {
    if (!this.origin) return;
    this.origin = null;
    this.box.hidden = true;
    if (focus) this.board.sheet.element.focus({ preventScroll: true });
    this.board.draw();
  }
}
