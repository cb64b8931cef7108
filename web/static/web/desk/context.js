/** What belongs to a document beside its text: the conversation it was part of, and its metadata. */

import { byId, el } from "./dom.js";

const TALK = ["dialogue", "context"];

/** @typedef {{ speaker: string, text: string }} Turn */

/** The turns of a conversation, from `meta.dialogue` or `meta.context`. @param {any} meta @returns {Turn[]} */
export function turnsOf(meta) {
  const found = TALK.map((name) => meta?.[name]).find(Array.isArray) ?? [];
  return found.flatMap((turn) => {
    if (typeof turn === "string") return [{ speaker: "", text: turn }];
    return typeof turn?.text === "string" ? [{ speaker: String(turn.speaker ?? ""), text: turn.text }] : [];
  });
}

/** What is left of the metadata, as names and words. @param {any} meta @returns {[string, string][]} */
export function factsOf(meta) {
  const told = turnsOf(meta).length > 0 ? TALK : [];
  return Object.entries(meta ?? {})
    .filter(([name]) => !told.includes(name))
    .map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]);
}

/** @param {any} meta */
export function showContext(meta) {
  const turns = turnsOf(meta);
  const talk = byId("talk");
  talk.hidden = turns.length === 0;
  talk.replaceChildren(
    ...turns.map(({ speaker, text }) => {
      const said = el("span", { className: "said", dir: "auto" }, text);
      return el("li", {}, ...(speaker ? [el("b", { dir: "auto" }, speaker), " "] : []), said);
    }),
  );
  const facts = factsOf(meta);
  byId("meta-box").hidden = facts.length === 0;
  byId("meta").replaceChildren(
    ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", { dir: "auto" }, value)]),
  );
}
