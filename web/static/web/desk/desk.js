/** The desk as one element of the page: it joins the text, the panel and the server, and hands every key and click on. */

import { t } from "../i18n.js";
import { Board } from "./board.js";
import { askPending, askRemark, askWhySkipped, fillKeys, show } from "./dialogs.js";
import { byId } from "./dom.js";
import { Earlier } from "./earlier.js";
import { Fields } from "./fields.js";
import { Jump } from "./jump.js";
import { actsOf, bound, COMMANDS, GROUPS, keyMap } from "./keys.js";
import { filters, Palette } from "./palette.js";
import { Panel } from "./panel.js";
import { Pop } from "./pop.js";
import { tips } from "./tips.js";
import { View } from "./view.js";
import { chosen } from "./work.js";
import { keepWriting } from "./writing.js";

/** @typedef {import("./types.js").Config} Config */
/** @typedef {import("./types.js").Label} Label */
/** @typedef {import("./sitting.js").Sitting} Sitting */
/** @typedef {Record<string, string | undefined>} Data */

const FREE = ["help", "guidelines", "history", "again", "retry", "signin"];
const OF_CONTROLS = ["Enter", " ", "Tab", "Shift+Tab"];
/** What ends the work on a document: a key that is held does it to one of them. */
const ENDING = ["submit", "acceptAllAndSubmit", "submitPart", "skip"];

export class Desk {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    /** @type {Config} */
    this.config = JSON.parse(byId("desk-config").textContent ?? "");
    const { labels, questions } = this.config;
    this.form = /** @type {HTMLFormElement} */ (byId("desk-form"));
    this.fields = new Fields(this.form);
    /** @type {Sitting | null} */
    this.sitting = null;
    /** The document where nothing talks to the server. @type {import("./current.js").Current | null} */
    this.alone = null;
    this.following = 0;
    /** Whether a dialog asks what becomes of suggestions. */
    this.asking = false;
    this.view = new View(element, { settle: (entry) => this.sitting?.sending.settle(entry) });
    this.keys = keyMap(labels);
    const multiple = new Map(questions.map((question) => [question.name, question.multiple]));
    const relations = labels.filter((label) => label.kind === "relation");
    this.board = new Board({
      text: byId("text"),
      labels,
      rules: {
        allowOverlap: this.config.allow_overlap,
        multiple: (name) => multiple.get(name) ?? false,
        relations: new Map(relations.map(({ name, pairs }) => [name, { pairs }])),
      },
      on: {
        changed: () => this.#changed(),
        drawn: () => this.#drawn(),
        said: (sentence) => this.view.say(sentence),
        refused: (sentence) => this.view.tell(sentence),
      },
    });
    this.panel = new Panel(element, this.board, this.config.pending_suggestions);
    this.pop = new Pop(this.board);
    this.jump = new Jump(this.board);
    this.palette = new Palette(labels, (label) => this.#use(label));
    this.acts = this.#acts();
    /** @type {Earlier | null} */
    this.earlier = null;
    this.#listen();
    filters(element);
    tips(element);
    this.#begin();
  }

  /** What talks to the server is fetched apart: without it the desk is still a form, whose button saves. */
  async #begin() {
    try {
      const { Sitting } = await import("./sitting.js");
      this.sitting = new Sitting(this.config, this.board, this.view);
    } catch (error) {
      reportError(error);
      await this.#alone();
      return;
    }
    const { server } = this.sitting;
    this.earlier = new Earlier(server, this.config.project, (id) => this.sitting?.openById(id));
    this.sitting.begin();
  }

  async #alone() {
    const { first } = this.config;
    if (!first) return;
    const { Current } = await import("./current.js");
    const current = new Current(first, null, 0);
    const { text, meta } = first.document;
    this.alone = current;
    this.view.open(current, this.form.action);
    this.board.open({ text, work: current.begin, suggestion: current.suggestion, terms: current.terms, meta });
    this.view.tell(t("Part of this page did not load. Done saves all the same."));
  }

  // --- the board's news ---------------------------------------------------------------------------------------------

  #changed() {
    this.view.tell("");
    this.sitting?.changed();
    this.following ||= requestIdleCallback(() => {
      this.following = 0;
      this.#follow();
    });
  }

  /** The form's fields are the work, at every act. @param {{ complete: boolean, pending?: "leave" | "reject" }} [how] */
  #follow(how) {
    const current = this.sitting?.current ?? this.alone;
    if (!current) return;
    this.fields.follow(this.board, current, this.sitting?.clock.milliseconds ?? 0, how);
  }

  #drawn() {
    this.panel?.update();
    this.pop?.update();
  }

  // --- acts ---------------------------------------------------------------------------------------------------------

  /** Every command by its name in keys.js; those of buttons get what the button carries. @returns {Record<string, (data: Data) => any>} */
  #acts() {
    const { board } = this;
    const named = (/** @type {string | undefined} */ id) => board.find(id ?? "");
    return {
      ...actsOf(board),
      label: ({ name }) => board.label(name ?? ""),
      relation: ({ name }) => board.startRelation(name ?? ""),
      pick: ({ id }) => board.pick(id ?? ""),
      pickRelation: ({ index }) => board.pickRelation(Number(index)),
      removeOne: ({ id }) => board.remove(named(id)),
      unrelate: ({ index }) => board.unrelate(Number(index)),
      acceptOne: ({ id }) => board.accept(named(id)),
      rejectOne: ({ id }) => board.remove(named(id)),
      acceptAll: () => board.acceptAll({ above: this.panel.above }),
      acceptSame: () => board.acceptSame(),
      labelSame: () => board.same(),
      submit: () => (board.relating ? board.takeEnd() : this.#send("done")),
      acceptAllAndSubmit: () => {
        board.acceptAll();
        this.#send("done");
      },
      submitPart: () => this.#send("part"),
      skip: () => this.#skip(),
      previous: () => this.sitting?.previous(),
      history: () => this.earlier?.show(),
      flag: () => this.#flag(),
      comment: () => this.#comment(),
      jump: () => this.jump.open(),
      seek: ({ letters }) => board.seek([...(letters ?? "")]),
      search: () => this.palette.open(),
      guidelines: () => show("guide"),
      help: () => this.#help(),
      unfold: () => this.#unfold(),
      again: () => this.sitting?.next(),
      retry: () => this.sitting?.retry(),
      signin: () => window.open(this.config.signin_url, "_blank"),
    };
  }

  /** @param {string} name @param {Data} [data] @returns {boolean} whether the key was used */
  act(name, data = {}) {
    const busy = this.sitting?.busy || (!this.sitting?.current && !this.alone);
    if (busy && !FREE.includes(name)) return true;
    return this.acts[name]?.(data) !== false;
  }

  /** A label by its key, or from the palette. @param {Label} label */
  #use({ kind, name, question }) {
    if (this.sitting?.busy) return;
    if (kind === "span") this.board.label(name);
    else if (kind === "relation") this.board.startRelation(name);
    else this.board.toggleChoice(question ?? "", name);
  }

  /** What the buttons of the form do, without the browser's own way through it, which lays the page out first.
   *  @param {string} act */
  #send(act) {
    if (this.sitting) this.#done(act);
    else this.form.requestSubmit(this.form.querySelector(`button[name="act"][value="${act}"]`));
  }

  /** @param {SubmitEvent} event */
  #submitted(event) {
    const act = event.submitter?.getAttribute("value") ?? "done";
    if (!this.sitting) return this.#posted(event, act);
    event.preventDefault();
    return this.#done(act);
  }

  /** @param {string} act */
  #done(act) {
    if (act === "skip") this.#skip();
    else if (act === "part") this.sitting?.done({ complete: false });
    else this.#finish((pending, asked) => this.sitting?.done({ pending, asked }));
  }

  /** By the project's rule: suggestions that nobody decided on are left alone, or rejected; or it is asked which.
   *  @param {(pending: "leave" | "reject", asked: boolean) => void} then */
  async #finish(then) {
    const { pending_suggestions: rule } = this.config;
    const count = this.sitting?.busy ? 0 : this.board.pending.length;
    if (rule !== "ask" || count === 0) return then(rule === "reject" ? rule : "leave", false);
    // The browser tells of a dialog's end a moment later: until then it is asked already.
    if (this.asking) return undefined;
    this.asking = true;
    const { text } = this.board;
    const pending = await askPending(count);
    this.asking = false;
    if (pending && this.board.text === text) then(pending, true);
    else if (!pending) this.board.step(1, "suggestion");
    return undefined;
  }

  /** Where nothing talks to the server, the form itself goes. @param {SubmitEvent} event @param {string} act */
  #posted(event, act) {
    const { pending_suggestions: rule } = this.config;
    if (rule !== "ask" || act !== "done" || this.board.pending.length === 0) {
      this.#follow({ complete: act === "done", pending: rule === "reject" ? rule : "leave" });
      return;
    }
    event.preventDefault();
    this.#finish((pending) => {
      this.#follow({ complete: true, pending });
      const field = Object.assign(document.createElement("input"), { type: "hidden", name: "act", value: act });
      this.form.append(field);
      this.form.submit();
    });
  }

  async #skip() {
    if (this.sitting && (this.sitting.busy || !this.sitting.current)) return;
    const { text } = this.board;
    const reason = await askWhySkipped();
    // While it was asked, another document may have come: the reason is not about that.
    if (reason === null || this.board.text !== text) return;
    const current = this.sitting?.current ?? this.alone;
    const said = (current?.comment ?? "").split("\n");
    if (reason && current && !said.includes(reason)) current.comment = current.comment ? `${current.comment}\n${reason}` : reason;
    if (this.sitting) this.sitting.done({ state: "skipped" });
    else {
      this.#follow();
      this.#send("skip");
    }
  }

  #flag() {
    const now = this.sitting?.current?.flag;
    if (now === "help") return this.view.tell(t("You asked for help with it: the comment says so, and can take it back."));
    const flag = now ? "" : "flagged";
    this.sitting?.remark({ flag });
    this.view.say(flag ? t("Flagged.") : t("No longer flagged."));
  }

  async #comment() {
    const current = this.sitting?.current;
    if (!current) return;
    const remark = await askRemark(current);
    if (remark && this.sitting?.current === current) this.sitting.remark(remark);
  }

  #help() {
    const does = COMMANDS.map((command) => ({ ...command, group: GROUPS[command.group] }));
    fillKeys(does, (letter) => {
      const found = this.keys.get(letter);
      return found && "command" in found ? found.command : undefined;
    });
    show("keys");
  }

  #unfold() {
    const open = byId("panel").toggleAttribute("data-open");
    this.element.querySelector('[data-act="unfold"]')?.setAttribute("aria-expanded", String(open));
  }

  // --- keys and clicks ----------------------------------------------------------------------------------------------

  #listen() {
    keepWriting(document);
    document.addEventListener("keydown", (event) => this.#key(event));
    this.form.addEventListener("submit", (event) => this.#submitted(event));
    // Buttons take neither the selection nor the focus away from the text.
    this.element.addEventListener("mousedown", (event) => {
      const { target } = event;
      if (target instanceof Element && target.closest("form.desk :is(button, label.option)")) event.preventDefault();
    });
    this.element.addEventListener("click", (event) => this.#click(event));
    this.element.addEventListener("change", (event) => {
      const input = event.target instanceof HTMLInputElement ? event.target : null;
      const question = input?.closest("fieldset")?.dataset.question;
      if (input && question && input.value && input.checked !== this.#chosen(question, input.value)) {
        this.board.toggleChoice(question, input.value);
      }
      // A click on a choice's words focuses it; the keys are for the text.
      if (question && input === document.activeElement && !input?.matches(":focus-visible")) byId("text").focus({ preventScroll: true });
    });
  }

  /** @param {string} question @param {string} name */
  #chosen(question, name) {
    return chosen(this.board.work, question).includes(name);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const target = event.target instanceof Element ? event.target : null;
    const button = target?.closest("[data-act]");
    if (button instanceof HTMLButtonElement && button.type === "button" && !button.disabled) {
      this.act(button.dataset.act ?? "", button.dataset);
      return;
    }
    // A choice that is taken is let go by a second click, which a radio button cannot say by itself.
    const input = target instanceof HTMLInputElement && target.type === "radio" ? target : null;
    const question = input?.closest("fieldset")?.dataset.question;
    if (input && question && input.value && this.#chosen(question, input.value)) this.board.toggleChoice(question, input.value);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const target = event.target instanceof Element ? event.target : document.body;
    // A dialog that has just closed keeps the focus until the next frame, where nothing had it before.
    const there = target.closest("dialog:not([open])") ? document.body : target;
    // Nor does it press buttons again and again, those of a question that it opened included.
    if (event.repeat && event.key === "Enter" && there.closest("button")) event.preventDefault();
    if (event.isComposing || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (there.closest("textarea, select, summary, input:not([type=radio], [type=checkbox])")) return;
    const found = bound(this.keys, event);
    if (!found) return;
    if ("label" in found) {
      event.preventDefault();
      this.#use(found.label);
      return;
    }
    if ("letters" in found) {
      event.preventDefault();
      this.act("seek", { letters: found.letters.join("") });
      return;
    }
    const { command } = found;
    const onText = there === document.body || there === byId("text");
    // Past the last suggestion Tab goes on to the buttons: nobody is caught in the text.
    const choice = there instanceof HTMLInputElement && there.closest("fieldset[data-question]") !== null;
    // Enter in a choice would press the form's first button, which skips.
    const controls = OF_CONTROLS.includes(event.key) && !(choice && event.key === "Enter");
    if (!onText && (controls || (choice && event.key.startsWith("Arrow")))) return;
    if (command === "nextStop" || command === "previousStop") {
      if (onText && this.sitting?.current && this.act(command)) event.preventDefault();
      return;
    }
    event.preventDefault();
    if (!event.repeat || !ENDING.includes(command)) this.act(command);
  }
}

customElements.define(
  "marginalia-desk",
  class extends HTMLElement {
    connectedCallback() {
      this.desk = new Desk(this);
      this.board = this.desk.board;
    }
  },
);
