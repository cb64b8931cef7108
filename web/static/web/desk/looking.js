/** What the model says of the document on the desk, or why it says nothing; looked up again while it is on its way. */

import { t } from "../i18n.js";
import { itemOf } from "./terms.js";

const PAUSES_MS = [400, 600, 1000, 1500, 2000, 3000, 4000, 8000, 15_000];

/** @typedef {import("./current.js").Current} Current */

export class Looking {
  /** @param {import("./sitting.js").Sitting} sitting */
  constructor(sitting) {
    this.sitting = sitting;
  }

  /** @param {Current} current */
  begin(current) {
    this.#explain(current);
    if (!current.settled && this.#wanting(current.looked)) this.#poll(current);
  }

  /** A new version suggests: what is on the desk and what comes next is asked about anew. @param {number} version */
  arrived(version) {
    const { current, shelf } = this.sitting;
    shelf.hear({ state: "", version, suggestion: null });
    if (current) this.begin(current);
    for (const sheet of shelf.sheets) if (shelf.outdated(sheet.suggestion)) this.#ahead(sheet);
  }

  /** An answer of ours taught the dictionary: what it says by now of texts at hand that no model has looked at.
   *  @param {import("./types.js").Terms} terms */
  learnt(terms) {
    const { current, shelf } = this.sitting;
    for (const sheet of [...(current ? [current.sheet] : []), ...shelf.sheets]) {
      const known = terms[sheet.document.id];
      if (!known || sheet.suggestion.suggestion) continue;
      sheet.suggestion = { ...sheet.suggestion, terms: known };
      if (sheet === current?.sheet && current.terms && !current.suggestion) this.#know(current, known);
    }
  }

  /** What the dictionary says by now of the document on the desk, which came before an answer of ours had taught it.
   *  @param {Current} current */
  async late(current) {
    if (!current.terms || current.suggestion) return;
    const looked = await this.sitting.server.get(`documents/${current.id}/suggestions`).catch(() => null);
    if (this.sitting.current === current && looked?.terms) this.learnt({ [current.id]: looked.terms });
  }

  /** @param {Current} current @param {import("./terms.js").Term[]} terms */
  #know(current, terms) {
    this.sitting.board.learn(terms.map(itemOf));
    current.terms = this.sitting.board.terms;
    if (current.acts > 0) this.sitting.sending.keep(current);
    this.#explain(current);
  }

  /** The suggestions of a document that comes later; where they are not there in time, it is asked again on the desk.
   *  @param {import("./types.js").Sheet} sheet */
  async #ahead(sheet) {
    for (const pause of PAUSES_MS) {
      const looked = await this.sitting.server.get(`documents/${sheet.document.id}/suggestions`).catch(() => null);
      if (looked?.suggestion) sheet.suggestion = looked;
      if (looked?.suggestion || !this.sitting.shelf.sheets.includes(sheet)) return;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** Ask until they are there, or until the person has gone on. @param {Current} current */
  async #poll(current) {
    for (const pause of PAUSES_MS) {
      const looked = await this.sitting.server.get(`documents/${current.id}/suggestions`).catch(() => null);
      if (this.sitting.current !== current) return;
      if (looked?.suggestion) {
        this.#offer(current, looked);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (this.sitting.current !== current) return;
    }
    this.sitting.view.note(t("No suggestions just now. Go on; they catch up."));
  }

  /** @param {Current} current @param {import("./types.js").Looked} looked */
  #offer(current, looked) {
    // Of two versions the first stays once something was done with it: the verdicts are about it.
    if (current.suggestion && (current.acts > 0 || this.sitting.board.used)) return;
    current.looked = current.sheet.suggestion = looked;
    current.suggestion = looked.suggestion;
    this.sitting.view.offers(true);
    if (looked.suggestion) this.sitting.board.offer(looked.suggestion);
    if (current.acts > 0) this.sitting.sending.keep(current);
    this.#explain(current);
  }

  /** Whether there are suggestions to come that are not here. @param {import("./types.js").Looked} looked */
  #wanting(looked) {
    return looked.state === "pending" || this.sitting.shelf.outdated(looked);
  }

  /** @param {Current} current */
  #explain({ suggestion, sheet, settled, looked, terms }) {
    const { view } = this.sitting;
    if (looked.state === "blind") {
      view.note(t("Held out: labelled without suggestions, to measure the model honestly."), "check");
    } else if (settled && sheet.annotation) view.note(standing(sheet.annotation), "earlier");
    else if (suggestion) {
      const { version } = suggestion;
      if (suggestion.items.length === 0) view.note(t("Nothing is suggested for this text."));
      else view.note(t("Suggestions from version %(version)s", { version: version ?? "" }));
    } else if (terms?.length) view.note(t("From the dictionary, until the model has looked: what was marked before, and the term list."));
    else if (this.#wanting(looked)) view.note(t("The model is looking at this text…"), "pending");
    else view.note(t("No suggestions yet: your labels teach the first model."));
  }
}

/** @param {import("./types.js").Annotation} annotation */
function standing({ stands, complete }) {
  if (stands === "skipped") return t("You skipped this before. Change what you like; Done saves it.");
  if (!complete) return t("You submitted this before, unfinished. Change what you like; Done saves it.");
  return t("You submitted this before. Change what you like; Done saves it.");
}
