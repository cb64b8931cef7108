/** Finds a label by its name: as a list that opens with a key, and as a field above a long list of the panel. */

import { n, t } from "../i18n.js";
import { byId, composing, el } from "./dom.js";

/** @typedef {import("./types.js").Label} Label */

const MOST = 40;

/** How well a name fits what was typed; 0: not at all. Its beginning counts most, then beginnings of words in it, then
 *  what is in between, then letters in their order. Of several fragments each must be in it, in any order.
 *  @param {string} name @param {string} typed */
export function fit(name, typed) {
  const [whole, part] = [plain(name), plain(typed)];
  const place = placed(whole, part);
  if (place > 0 || part === "") return place || 1;
  const fragments = part.split(" ");
  const least = Math.min(...fragments.map((fragment) => placed(whole, fragment)));
  if (fragments.length > 1 && least > 0) return Math.min(least, AMONG);
  let from = 0;
  for (const letter of part) {
    from = whole.indexOf(letter, from) + 1;
    if (from === 0) return 0;
  }
  return 1;
}

const [BEGINS, OF_WORD, AMONG, INSIDE] = [5, 4, 3, 2];

/** @param {string} whole @param {string} part */
function placed(whole, part) {
  const at = part === "" ? -1 : whole.indexOf(part);
  if (at <= 0) return at === 0 ? BEGINS : 0;
  return ` ${whole}`.includes(` ${part}`) ? OF_WORD : INSIDE;
}

/** Without accents and case; what parts words is all the same. @param {string} words */
function plain(words) {
  const level = words.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
  return level.replace(/[\s_\-/.:]+/gu, " ").trim();
}

/** The labels that fit, the best first; those that fit alike in their own order.
 *  @template {{ name: string }} L @param {L[]} labels @param {string} typed @returns {L[]} */
export function found(labels, typed) {
  const scored = labels.map((label) => ({ label, score: fit(label.name, typed) })).filter(({ score }) => score > 0);
  return scored.sort((a, b) => b.score - a.score).map(({ label }) => label);
}

export class Palette {
  /** @param {Label[]} labels @param {(label: Label) => void} take */
  constructor(labels, take) {
    this.labels = labels.filter((label) => !label.retired);
    this.take = take;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("palette"));
    this.words = /** @type {HTMLInputElement} */ (byId("palette-words"));
    this.list = byId("palette-list");
    /** @type {Label[]} */
    this.shown = [];
    this.at = 0;
    this.#listen();
  }

  #listen() {
    this.words.addEventListener("input", () => this.#find());
    this.words.addEventListener("keydown", (event) => {
      if (composing(event)) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) this.#go(this.at + step);
      else if (event.key === "Enter") this.#choose(this.shown[this.at]);
      else return;
      event.preventDefault();
    });
    this.list.addEventListener("click", (event) => {
      const option = event.target instanceof Element && event.target.closest('[role="option"]');
      if (option) this.#choose(this.shown[[...this.list.children].indexOf(option)]);
    });
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
  }

  open() {
    this.words.value = "";
    this.#find();
    this.dialog.showModal();
  }

  #find() {
    const all = found(this.labels, this.words.value);
    this.shown = all.slice(0, MOST);
    this.list.replaceChildren(...this.shown.map((label, place) => option(label, place)));
    byId("palette-none").textContent =
      all.length === 0 ? t("No label has that name.") : all.length > MOST ? n("1 more", "%(count)s more", all.length - MOST) : "";
    this.#go(0);
  }

  /** @param {number} to */
  #go(to) {
    if (this.shown.length === 0) {
      this.words.removeAttribute("aria-activedescendant");
      return;
    }
    this.at = (to + this.shown.length) % this.shown.length;
    [...this.list.children].forEach((one, place) => one.setAttribute("aria-selected", String(place === this.at)));
    const here = this.list.children[this.at];
    this.words.setAttribute("aria-activedescendant", here.id);
    here.scrollIntoView({ block: "nearest" });
  }

  /** @param {Label | undefined} label */
  #choose(label) {
    if (!label) return;
    this.dialog.close();
    this.take(label);
  }
}

/** @param {Label} label @param {number} place */
function option(label, place) {
  const dot = el("i", { className: "swatch" });
  dot.style.background = label.color;
  const kind = label.question ?? (label.kind === "relation" ? t("relation") : "");
  const made = el("li", { id: `palette-${place}` }, dot, el("span", { className: "says", dir: "auto" }, label.name), el("small", { dir: "auto" }, kind));
  if (label.key) made.append(el("kbd", {}, label.key));
  made.setAttribute("role", "option");
  return made;
}

/** Fields of the panel that leave only what fits in the list below them. @param {HTMLElement} desk */
export function filters(desk) {
  for (const field of desk.querySelectorAll("input[data-filter]")) {
    if (!(field instanceof HTMLInputElement)) continue;
    const rows = [...byId(field.dataset.filter ?? "").querySelectorAll("[data-name]")].filter((row) => row instanceof HTMLElement);
    const apply = () => {
      for (const row of rows) row.hidden = fit(row.dataset.name ?? "", field.value) === 0;
    };
    field.addEventListener("input", apply);
    field.addEventListener("keydown", (event) => {
      if (composing(event)) return;
      if (event.key === "Enter") {
        event.preventDefault();
        const [best] = found(rows.filter((row) => !row.hidden).map((row) => ({ name: row.dataset.name ?? "", row })), field.value);
        if (best) best.row.click();
      }
      if (event.key === "Escape" || event.key === "Enter") {
        field.value = "";
        apply();
        byId("text").focus({ preventScroll: true });
      }
    });
  }
}
