/** A field for the first letters of a word: the cursor goes there while they are typed. A field, so that every way of
 *  writing works in it. */

import { t } from "../i18n.js";
import { composing, el } from "./dom.js";
import { JUMP, nameOf } from "./keys.js";

/** @typedef {import("./board.js").Board} Board */

const ON = [JUMP, "Enter", "ArrowDown"];
const BACK = ["Shift+Enter", "ArrowUp"];
/** Act on the word that was found, as they would without the field. */
const THROUGH = ["Tab", "Shift+Tab", "Delete", "ArrowLeft", "ArrowRight", "Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown", "Shift+End"];

export class Jump {
  /** @param {Board} board @param {Map<string, import("./keys.js").Bound>} keys */
  constructor(board, keys) {
    this.board = board;
    this.keys = keys;
    this.last = "";
    /** Where one was. @type {{ selection: import("./offsets.js").Range, picked: string | null } | null} */
    this.origin = null;
    this.field = el("input", { type: "text", autocomplete: "off", spellcheck: false, dir: "auto", maxLength: 80 });
    this.field.setAttribute("autocapitalize", "off");
    this.none = el("span", { className: "none" });
    const keyed = (/** @type {string} */ key, /** @type {string} */ does) => el("span", {}, el("kbd", {}, key), ` ${does}`);
    const hints = [keyed("Enter", t("next")), keyed("Space", t("stay")), keyed("Esc", t("back"))];
    const label = el("label", {}, el("span", {}, t("Go to a word that begins with")), this.field);
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
    board.on.said(t("Go to a word that begins with"));
  }

  /** What is typed now, from where one was. */
  #sought() {
    if (!this.origin) return;
    const letters = this.field.value.trim();
    if (letters) this.#go(letters, 1, this.origin.selection);
    else this.#tell("");
  }

  /** @param {string} letters @param {1 | -1} way @param {import("./offsets.js").Range | null} from */
  #go(letters, way, from) {
    this.last = letters;
    const found = this.board.seek([letters], way, from);
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
    const typed = this.field.value.trim();
    if (ON.includes(name) || BACK.includes(name)) {
      if (typed === "" && this.last) this.field.value = this.last;
      if (typed || this.last) this.#go(typed || this.last, BACK.includes(name) ? -1 : 1, this.board.selection);
    } else if (name === "Escape") this.#back();
    else if (name === " ") this.#close();
    else if (name === "Shift+ ") this.#upTo();
    else if (THROUGH.includes(name) || this.#labels(name, typed)) this.#pass(event);
    else return;
    event.preventDefault();
  }

  /** A number begins with figures, a word does not: after letters a figure is a label's key.
   *  @param {string} name @param {string} typed */
  #labels(name, typed) {
    return /^\d$/.test(name) && /^\D/.test(typed) && "label" in (this.keys.get(name) ?? {});
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
