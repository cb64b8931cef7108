/** Marks and relations as lists beside the text: to pick them, to take them away, and for screen readers. */

import { t } from "../i18n.js";
import { clip, el, named, percent } from "./dom.js";

/** @typedef {import("./board.js").Board} Board */

const MOST = 300;

/** @param {Board} board @param {string} id */
const words = (board, id) => {
  const mark = board.work.marks.find((one) => one.id === id);
  return mark ? clip(board.text.slice(mark.start, mark.end)) : "";
};

/** @param {string} act @param {string} text @param {string} label @param {Record<string, string>} data */
function button(act, text, label, data) {
  return named(el("button", { type: "button", className: "quiet small", data: { act, ...data } }, text), label);
}

/** @param {Board} board @returns {Node[]} */
export function marksList(board) {
  const marks = [...board.work.marks].sort((a, b) => a.start - b.start || b.end - a.end);
  const rows = marks.slice(0, MOST).map((mark) => {
    const text = clip(board.text.slice(mark.start, mark.end));
    const pick = el("button", { type: "button", className: "quiet small row-words", data: { act: "pick", id: mark.id } }, el("b", { dir: "auto" }, text), " ", el("i", {}, mark.label));
    return el("li", {}, pick, button("removeOne", "×", t("Remove %(label)s: %(words)s", { label: mark.label, words: text }), { id: mark.id }));
  });
  if (marks.length > MOST) rows.push(el("li", { className: "soft" }, t("The first %(count)s are listed.", { count: MOST })));
  if (marks.length === 0) rows.push(el("li", { className: "soft" }, t("Nothing is marked yet.")));
  return rows;
}

/** @param {Board} board @param {number} index */
export function relationRow(board, index) {
  const { head, tail, label } = board.work.relations[index];
  const values = { head: words(board, head), tail: words(board, tail), label };
  const pick = el("button", { type: "button", className: "quiet small row-words", data: { act: "pickRelation", index: String(index) } }, el("b", { dir: "auto" }, values.head), " ", el("i", {}, label), " ", el("b", { dir: "auto" }, values.tail));
  const row = el("li", { className: board.pickedRelation === index ? "picked" : "" }, pick);
  row.append(button("unrelate", "×", t("Remove: %(head)s, %(label)s, %(tail)s", values), { index: String(index) }));
  return row;
}

/** @param {Board} board @param {any} item */
export function suggestedRow(board, item) {
  const [head, tail] = board.endsOf(item).map((/** @type {string} */ end) => clip(end, 24));
  const missing = board.missing(item).map((/** @type {any} */ span) => `“${clip(board.text.slice(span.start, span.end), 24)}”`);
  const values = { head, tail, label: item.label };
  const row = el("li", { className: board.picked === item.id ? "suggested picked" : "suggested" });
  row.append(el("span", { className: "row-words" }, el("b", { dir: "auto" }, head), " ", el("i", {}, item.label), " ", el("b", { dir: "auto" }, tail), " ", el("small", {}, percent(item.score))));
  const accept = button("acceptOne", t("Accept"), t("Accept: %(head)s, %(label)s, %(tail)s", values), { id: item.id });
  accept.disabled = missing.length > 0;
  row.append(accept, button("rejectOne", t("Reject"), t("Reject: %(head)s, %(label)s, %(tail)s", values), { id: item.id }));
  if (missing.length > 0) row.append(el("small", {}, t("first accept %(words)s", { words: missing.join(", ") })));
  return row;
}
