/** The page around the text: which document this is, how far one is, where the work is, and what there is to say. */

import { language, n, t } from "../i18n.js";
import { showContext } from "./context.js";
import { byId, write } from "./dom.js";
import { conflict } from "./dialogs.js";
import { DELETED } from "./refusals.js";

/** @typedef {import("./types.js").Annotation} Annotation */
/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./store.js").Entry} Entry */

/** @type {Record<string, () => string>} */
const FINISHED = {
  done: () => t("Every document that is yours to label is labelled. Thank you."),
  taken: () => t("What is left is with somebody else just now. Look in again later."),
  skipped: () => t("You labelled all the others. Those that you skipped go to somebody else."),
  held: () => t("You have as many documents open as anybody may. Finish some of them first."),
  empty: () => t("There are no documents here yet. A manager can import some."),
  archived: () => t("This project is archived: nothing more is labelled in it."),
};
const URGENT = ["offline", "signedout", "warn"];

export class View {
  /** @param {HTMLElement} desk @param {{ settle: (entry: Entry) => void }} on */
  constructor(desk, on) {
    this.desk = desk;
    this.on = on;
    this.told = "";
    this.kind = "";
    const button = byId("trouble").querySelector("button");
    button?.addEventListener("click", () => this.refused && this.on.settle(this.refused));
    /** @type {Entry | null} */
    this.refused = null;
  }

  /** @param {import("./current.js").Current} current @param {string} address */
  open(current, address) {
    const { title, meta } = current.sheet.document;
    byId("document-name").textContent = title;
    delete this.desk.dataset.finished;
    delete this.desk.dataset.waiting;
    showContext(meta);
    this.offers(current.looked.state !== "no_model" || Boolean(current.terms?.length));
    this.remarks(current);
    this.tell("");
    const form = byId("desk-form");
    if (form instanceof HTMLFormElement) form.action = address;
    this.desk.setAttribute("aria-busy", "false");
  }

  /** @param {{ flag: string, comment: string }} current */
  remarks({ flag, comment }) {
    pressed("flag", flag !== "");
    pressed("comment", comment !== "");
    const help = flag === "help";
    const words = document.querySelector('[data-act="flag"] span');
    byId("flagged").hidden = flag === "";
    byId("flagged").querySelector("span")?.replaceChildren(help ? t("Needs help") : t("Flagged"));
    if (words) words.textContent = help ? t("Needs help") : flag ? t("Flagged") : t("Flag");
  }

  /** A project without a model has nothing to accept. @param {boolean} yes */
  offers(yes) {
    byId("suggestions").dataset.model = yes ? "yes" : "no";
  }

  /** @param {import("./types.js").Model} model */
  model({ sentence, stage, percent }) {
    const line = byId("model");
    if (line.dataset.stage !== stage) this.say(sentence);
    line.dataset.stage = stage;
    write(line, sentence);
    const bar = byId("model-progress");
    bar.hidden = stage !== "training";
    if (!(bar instanceof HTMLProgressElement)) return;
    if (percent === null) bar.removeAttribute("value");
    else bar.value = percent;
  }

  /** One line above the text: why there are suggestions, or none. */
  note(/** @type {string} */ sentence, kind = "") {
    const note = byId("note");
    note.textContent = sentence;
    note.dataset.kind = kind;
  }

  /** @param {import("./status.js").Status} status */
  status({ kind, words, action, label }) {
    if (URGENT.includes(kind) && kind !== this.kind) this.say(words);
    this.kind = kind;
    const state = byId("state");
    const icon = state.querySelector("use");
    const shown = this.told || words;
    state.dataset.kind = this.told ? "told" : kind;
    const picture = this.told || !kind ? "" : `${icon?.dataset.icons}#${kind}`;
    if (icon && icon.getAttribute("href") !== picture) icon.setAttribute("href", picture);
    write(byId("state-text"), shown);
    const button = byId("state-action");
    button.hidden = !action || this.told !== "";
    write(button, label);
    button.dataset.act = action;
  }

  /** Something that matters just now; it stays until the next act. @param {string} sentence */
  tell(sentence) {
    if (sentence === this.told) return;
    this.told = sentence;
    if (!sentence) return;
    this.say(sentence);
    byId("state").dataset.kind = "told";
    byId("state-text").textContent = sentence;
    byId("state").querySelector("use")?.setAttribute("href", "");
    byId("state-action").hidden = true;
  }

  /** For whoever hears the page. @param {string} sentence */
  say(sentence) {
    byId("live").textContent = sentence;
  }

  /** Submits that the server would not take. @param {Entry[]} refused */
  trouble(refused) {
    [this.refused = null] = refused;
    const box = byId("trouble");
    if (box.hidden === !this.refused && box.dataset.of === this.refused?.body.submit_id) return;
    box.hidden = !this.refused;
    box.dataset.of = this.refused?.body.submit_id;
    const [words, button] = box.children;
    if (!this.refused || !words || !button) return;
    const { name, refused: why } = this.refused;
    const elsewhere = why?.status === 409;
    if (why?.status === DELETED) {
      words.textContent = t("“%(name)s” was deleted before your answer arrived. There is nowhere to keep it.", { name });
      button.textContent = t("Understood");
      return;
    }
    words.textContent = elsewhere
      ? t("“%(name)s” was changed elsewhere before yours arrived. Both are kept.", { name })
      : t("“%(name)s” was not accepted: %(reason)s", { name, reason: why?.reason ?? "" });
    button.textContent = elsewhere ? t("Compare") : t("Open it");
  }

  /** @param {import("./types.js").Progress} progress */
  progress({ done, total, today, mine }) {
    const own = { today: today.toLocaleString(language()), mine: mine.toLocaleString(language()) };
    write(byId("own-text"), t("You: %(today)s today, %(mine)s in all", own));
    const said = { done: done.toLocaleString(language()), total: total.toLocaleString(language()) };
    write(byId("progress-text"), t("%(done)s of %(total)s", said));
    const bar = byId("progress");
    if (bar instanceof HTMLProgressElement) {
      bar.max = Math.max(1, total);
      bar.value = done;
    }
  }

  /** Something is fetched; empty when that is over, with what went wrong. @param {string} sentence */
  busy(sentence, trouble = "") {
    this.desk.setAttribute("aria-busy", String(sentence !== ""));
    this.desk.dataset.waiting = sentence;
    if (sentence) this.note(sentence);
    if (trouble) {
      this.note(trouble, "warn");
      this.say(trouble);
    }
  }

  /** @param {string} reason */
  finished(reason) {
    this.desk.dataset.finished = "yes";
    byId("document-name").textContent = "";
    const why = FINISHED[reason] ?? FINISHED.done;
    byId("finished-text").textContent = why();
    this.note("");
    this.say(why());
    this.desk.setAttribute("aria-busy", "false");
  }

  /** @param {Answer} mine @param {Annotation | null} standing @param {string} text @returns {Promise<"mine" | "theirs">} */
  conflict(mine, standing, text) {
    return conflict(mine, standing, text);
  }
}

/** @param {string} act @param {boolean} yes */
export function pressed(act, yes) {
  for (const button of document.querySelectorAll(`[data-act="${act}"]`)) button.setAttribute("aria-pressed", String(yes));
}

/** How many wait, in words. @param {number} count */
export const waiting = (count) => (count === 0 ? "" : n("1 left", "%(count)s left", count));
