/** What stands beside the text: labels, choices, relations, suggestions. The page is the server's; this fills it in. */

import { language, n, t } from "../i18n.js";
import { byId, el, percent, write } from "./dom.js";
import { marksList, relationRow, suggestedRow } from "./lists.js";
import { waiting } from "./view.js";
import { chosen } from "./work.js";

/** @typedef {import("./board.js").Board} Board */

export class Panel {
  /** @param {HTMLElement} desk @param {Board} board @param {"leave" | "reject" | "ask"} rule what finishing does to undecided suggestions */
  constructor(desk, board, rule) {
    this.board = board;
    this.rule = rule;
    this.labels = [...desk.querySelectorAll('#spans [data-act="label"]')].filter((b) => b instanceof HTMLElement);
    this.keep = desk.querySelector('[data-act="keep"]');
    this.kinds = [...desk.querySelectorAll('[data-act="relation"]')].filter((b) => b instanceof HTMLElement);
    this.choices = [...desk.querySelectorAll(".options .option[data-name]")].map((choice) => choiceOf(choice));
    this.accepts = buttons(desk, '[data-act="accept"]');
    this.removes = buttons(desk, '[data-act="remove"]');
    this.acceptAll = buttons(desk, '[data-act="acceptAll"]');
    this.undo = buttons(desk, '[data-act="undo"]');
    this.threshold = /** @type {HTMLInputElement} */ (byId("threshold"));
    this.threshold.addEventListener("input", () => this.update());
    this.marks = document.querySelector("details#marks-box");
    this.marks?.addEventListener("toggle", () => this.#marks());
    /** What was drawn last, so that an act touches only what it changes. @type {any} */
    this.last = {};
  }

  /** A score from which on "accept all" accepts, 0 to 0.95. */
  get above() {
    return Number(this.threshold.value) / 100;
  }

  /** Everything that follows from the board. */
  update() {
    const { board } = this;
    const target = board.target();
    this.#labels(board.idle ? null : target);
    this.#hand();
    this.#choices();
    this.#suggestions(target);
    if (this.kinds.length > 0) this.#relations();
    if (board.work !== this.last.work) this.#marks();
    for (const button of this.undo) button.disabled = !board.canUndo;
    this.#done();
    this.last.work = board.work;
  }

  /** @param {any} target */
  #labels(target) {
    const chosen = target && "start" in target && !this.board.isItem(target) ? target.label : null;
    if (chosen === this.last.label) return;
    for (const button of this.labels) button.setAttribute("aria-pressed", String(button.dataset.name === chosen));
    this.last.label = chosen;
  }

  /** Which label is in hand. */
  #hand() {
    const { hand } = this.board;
    if (hand === this.last.hand) return;
    this.last.hand = hand;
    if (this.keep) this.keep.setAttribute("aria-pressed", String(hand !== null));
    for (const button of this.labels) {
      button.querySelector(".in-hand")?.remove();
      if (button.dataset.name === hand) button.querySelector(".says")?.after(el("small", { className: "in-hand" }, t("in hand")));
    }
  }

  #choices() {
    const { board } = this;
    const items = board.pending.filter((item) => item.kind === "choice");
    const key = JSON.stringify([[...board.work.classes], items.map(({ id }) => id), board.picked]);
    if (key === this.last.choices) return;
    this.last.choices = key;
    board.see(items.map(({ id }) => id));
    for (const { element, input, score, question, name } of this.choices) {
      const item = items.find((one) => one.kind === "choice" && one.question === question && one.label === name);
      input.checked = chosen(board.work, question).includes(name);
      element.classList.toggle("suggested", Boolean(item));
      element.classList.toggle("picked", Boolean(item) && board.picked === item?.id);
      write(score, item ? percent(item.score) : "");
    }
  }

  /** @param {any} target */
  #suggestions(target) {
    const { board, above } = this;
    const count = board.pending.length;
    const item = board.isItem(target) ? target : null;
    byId("suggestions").dataset.some = count > 0 ? "yes" : "no";
    if (count > 0) byId("suggestions").dataset.model = "yes";
    write(byId("waiting"), waiting(count));
    write(byId("threshold-shown"), `${this.threshold.value} %`);
    const most = board.pending.filter(({ score }) => score >= above).length;
    const some = () => n("Accept 1 from %(score)s on", "Accept %(count)s from %(score)s on", most, { score: percent(above) });
    write(byId("accept-all"), above === 0 ? t("Accept all") : some());
    for (const button of this.accepts) button.disabled = !item;
    for (const button of this.removes) button.disabled = !target;
    for (const button of this.acceptAll) button.disabled = most === 0;
    this.threshold.disabled = count === 0;
    const word = target && !item ? t("Remove") : t("Reject");
    const first = this.removes[0]?.firstChild;
    if (first instanceof Text && first.data.trim() !== word) first.data = `${word} `;
  }

  #relations() {
    const { board } = this;
    const { relating } = board;
    for (const button of this.kinds) button.setAttribute("aria-pressed", String(relating?.label === button.dataset.name));
    const hint = relating
      ? relating.head
        ? t("%(label)s: now where it leads. Click a mark, or Tab and Space. Esc ends.", { label: relating.label })
        : t("%(label)s: first where it starts. Click a mark, or Tab and Space. Esc ends.", { label: relating.label })
      : "";
    write(byId("relation-hint"), hint);
    const items = board.pending.filter((item) => item.kind === "relation");
    const key = JSON.stringify([board.work.relations, board.work.marks, items.map(({ id }) => id), board.picked, board.pickedRelation]);
    if (key === this.last.relations) return;
    this.last.relations = key;
    board.see(items.map(({ id }) => id));
    byId("relation-list").replaceChildren(...board.work.relations.map((_, index) => relationRow(board, index)));
    const box = byId("suggested-relations");
    box.hidden = items.length === 0;
    box.querySelector("ol")?.replaceChildren(...items.map((item) => suggestedRow(board, item)));
  }

  /** The list of marks is made when somebody opens it, and then kept. */
  #marks() {
    if (!(this.marks instanceof HTMLDetailsElement)) return;
    const count = this.board.work.marks.length;
    write(byId("marks-count"), count ? count.toLocaleString(language()) : "");
    if (this.marks.open) byId("marks-list").replaceChildren(...marksList(this.board));
  }

  /** Nothing marked, nothing chosen: the same key says so. And what it does to suggestions that wait. */
  #done() {
    const { marks, classes } = this.board.work;
    const nothing = marks.length === 0 && [...classes.values()].every((taken) => taken.length === 0);
    const words = byId("submit").querySelector("span");
    if (words) write(words, nothing ? t("Nothing here") : t("Done"));
    write(byId("submit-then"), consequence(this.rule, this.board.pending.length));
  }
}

/** What finishing does to so many suggestions that wait. @param {"leave" | "reject" | "ask"} rule @param {number} count */
function consequence(rule, count) {
  if (count === 0) return "";
  if (rule === "reject") return n("rejects 1 suggestion", "rejects %(count)s suggestions", count);
  if (rule === "leave") return n("leaves 1 suggestion alone", "leaves %(count)s suggestions alone", count);
  return n("asks about 1 suggestion", "asks about %(count)s suggestions", count);
}

/** @param {HTMLElement} desk @param {string} selector @returns {HTMLButtonElement[]} */
function buttons(desk, selector) {
  return [...desk.querySelectorAll(`.panel ${selector}, .bar ${selector}`)].filter((found) => found instanceof HTMLButtonElement);
}

/** @param {Element} choice */
function choiceOf(choice) {
  const element = /** @type {HTMLElement} */ (choice);
  const input = /** @type {HTMLInputElement} */ (element.querySelector("input"));
  const score = /** @type {HTMLElement} */ (element.querySelector(".score"));
  const question = element.closest("fieldset")?.dataset.question ?? "";
  return { element, input, score, question, name: element.dataset.name ?? "" };
}
