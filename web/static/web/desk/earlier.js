/** The list of one's own earlier documents, newest first, to open one again. */

import { n, t } from "../i18n.js";
import { byId, clip, el } from "./dom.js";
import { told } from "./when.js";

export class Earlier {
  /**
   * @param {{ get: (path: string) => Promise<any> }} server @param {number} project
   * @param {(document: number) => void} open
   */
  constructor(server, project, open) {
    this.server = server;
    this.project = project;
    this.open = open;
    this.cursor = "";
    /** Counts questions: an answer to one that was overtaken by another is nobody's. */
    this.asked = 0;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("earlier"));
    this.list = byId("earlier-list");
    this.state = /** @type {HTMLSelectElement} */ (byId("earlier-state"));
    this.more = byId("earlier-more");
    this.state.addEventListener("change", () => this.#begin());
    this.more.addEventListener("click", () => this.#fetch());
    this.list.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest("button[data-id]") : null;
      if (!(row instanceof HTMLElement)) return;
      this.dialog.close();
      this.open(Number(row.dataset.id));
    });
    this.list.addEventListener("keydown", (event) => this.#arrows(event));
  }

  show() {
    if (this.dialog.open) return;
    this.dialog.showModal();
    this.#begin();
  }

  #begin() {
    this.cursor = "";
    this.list.replaceChildren();
    this.#fetch();
  }

  async #fetch() {
    const first = this.cursor === "";
    this.asked += 1;
    const { asked } = this;
    byId("earlier-note").textContent = t("Looking…");
    const filter = [this.state.value, first ? "" : `cursor=${encodeURIComponent(this.cursor)}`].filter(Boolean).join("&");
    try {
      const { items, next } = await this.server.get(`projects/${this.project}/mine${filter ? `?${filter}` : ""}`);
      if (asked !== this.asked) return;
      this.cursor = next ?? "";
      this.more.hidden = !next;
      this.list.append(...items.map(row));
      const count = this.list.children.length;
      byId("earlier-note").textContent = count === 0 ? t("None.") : next ? "" : n("1 document", "%(count)s documents", count);
      if (first) this.list.querySelector("button")?.focus();
    } catch (error) {
      byId("earlier-note").textContent = error instanceof Error ? error.message : String(error);
    }
  }

  /** @param {KeyboardEvent} event */
  #arrows(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const rows = [...this.list.querySelectorAll("button")];
    const at = rows.findIndex((one) => one === document.activeElement);
    rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.focus();
    event.preventDefault();
  }
}

/**
 * How the text goes on after its title; a title that is an id has none of its words.
 * @param {{ title: string, external_id: string, excerpt: string }} item
 */
export function below({ title, external_id, excerpt }) {
  if (title === external_id) return excerpt;
  const escaped = title.split(" ").map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&"));
  const pattern = escaped.join("\\s+").replace(/…$/u, "(?:…|[.,;:]*)");
  const [said = ""] = excerpt.match(new RegExp(`^\\s*${pattern}\\s*`, "u")) ?? [];
  const rest = excerpt.slice(said.length);
  return said && rest ? `…${rest}` : rest;
}

/** @param {any} item */
function row(item) {
  const states = [stateOf(item), ...(item.flag === "help" ? [t("needs help")] : item.flag ? [t("flagged")] : [])];
  const { said, whole, utc } = told(item.updated_at);
  const head = el("span", { className: "row-head" }, el("b", { dir: "auto" }, item.title), el("small", {}, states.join(" · ")), el("time", { dateTime: utc, title: whole }, said));
  const rest = below(item);
  const parts = rest ? [head, el("span", { className: "excerpt", dir: "auto" }, clip(rest, 140))] : [head];
  if (item.comment) parts.push(el("span", { className: "said", dir: "auto" }, `“${clip(item.comment, 120)}”`));
  return el("li", {}, el("button", { type: "button", className: "quiet", data: { id: String(item.document) } }, ...parts));
}

/** @param {any} item */
function stateOf({ state, complete }) {
  if (state === "skipped") return t("skipped");
  if (state === "draft") return t("begun");
  return complete === false ? t("unfinished") : t("done");
}
