/** Questions that the desk asks, each in a dialog of the browser's own: focus comes back to where it was. */

import { n, t } from "../i18n.js";
import { byId, clip, composing, el } from "./dom.js";
import { Text } from "./offsets.js";

/** @param {string} id */
const dialogOf = (id) => /** @type {HTMLDialogElement} */ (byId(id));
/** @param {string} id */
const inputOf = (id) => /** @type {HTMLInputElement} */ (byId(id));

/** Open one; resolves to the value of the button that closed it, empty after Escape. @param {HTMLDialogElement} dialog @returns {Promise<string>} */
function asked(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

/** Why a document is skipped, perhaps nothing said; null: it is not. Up and down put the usual reasons into the field,
 *  which can be written on. @returns {Promise<string | null>} */
export async function askWhySkipped() {
  const dialog = dialogOf("skip");
  const words = inputOf("skip-words");
  const reasons = [...dialog.querySelectorAll("[data-reason]")].filter((one) => one instanceof HTMLElement);
  const say = (/** @type {string} */ reason) => {
    words.value = reason;
    shown();
  };
  const shown = () => {
    for (const one of reasons) one.setAttribute("aria-pressed", String(one.dataset.reason === words.value));
  };
  say("");
  const byKey = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || composing(event)) return;
    event.preventDefault();
    const at = reasons.findIndex((one) => one.dataset.reason === words.value);
    const next = at < 0 && step < 0 ? reasons.length - 1 : (at + step + reasons.length) % reasons.length;
    say(reasons[next].dataset.reason ?? "");
    words.focus();
  };
  const byClick = (/** @type {Event} */ event) => {
    const reason = event.target instanceof Element && event.target.closest("[data-reason]");
    if (!(reason instanceof HTMLElement)) return;
    say(reason.dataset.reason ?? "");
    dialog.close("skip");
  };
  // Enter in the field would press the first button, which cancels; one that is still held from before does nothing.
  const enter = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || composing(event)) return;
    event.preventDefault();
    if (!event.repeat) dialog.close("skip");
  };
  dialog.addEventListener("keydown", byKey);
  dialog.addEventListener("click", byClick);
  words.addEventListener("keydown", enter);
  words.addEventListener("input", shown);
  const closing = asked(dialog);
  words.focus();
  const answer = await closing;
  dialog.removeEventListener("keydown", byKey);
  dialog.removeEventListener("click", byClick);
  words.removeEventListener("keydown", enter);
  words.removeEventListener("input", shown);
  return answer === "skip" ? words.value.trim() : null;
}

/** What becomes of so many suggestions that nobody decided on; null: first back to them.
 *  @param {number} count @returns {Promise<"leave" | "reject" | null>} */
export async function askPending(count) {
  const dialog = dialogOf("pending");
  byId("pending-title").textContent = n("1 suggestion is undecided", "%(count)s suggestions are undecided", count);
  const choices = [...dialog.querySelectorAll("button[data-choice]")];
  const byKey = (/** @type {KeyboardEvent} */ event) => {
    const figure = /^Digit([1-9])$/.exec(event.code)?.[1] ?? event.key;
    const choice = choices[Number(figure) - 1];
    if (!(choice instanceof HTMLButtonElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    dialog.close(choice.value);
  };
  dialog.addEventListener("keydown", byKey);
  const answer = await asked(dialog);
  dialog.removeEventListener("keydown", byKey);
  return answer === "leave" || answer === "reject" ? answer : null;
}

/** @param {{ comment: string, flag: string }} now @returns {Promise<{ comment: string, flag: string } | null>} */
export async function askRemark({ comment, flag }) {
  const dialog = dialogOf("remark");
  const words = /** @type {HTMLTextAreaElement} */ (byId("remark-words"));
  const help = inputOf("remark-help");
  words.value = comment;
  help.checked = flag === "help";
  const keep = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    // Whoever hears of the key next finds no dialog open any more.
    event.preventDefault();
    dialog.close("keep");
  };
  dialog.addEventListener("keydown", keep);
  const closing = asked(dialog);
  words.focus();
  const answer = await closing;
  dialog.removeEventListener("keydown", keep);
  if (answer !== "keep") return null;
  return { comment: words.value.trim(), flag: help.checked ? "help" : flag === "help" ? "" : flag };
}

/**
 * The two states of a document that was changed elsewhere meanwhile.
 * @param {import("./types.js").Answer} mine @param {import("./types.js").Answer | null} theirs @param {string} text
 * @returns {Promise<"mine" | "theirs">}
 */
export async function conflict(mine, theirs, text) {
  const points = new Text(text);
  byId("conflict-mine").replaceChildren(...summary(mine, points));
  byId("conflict-theirs").replaceChildren(...summary(theirs ?? { spans: [], classes: {}, relations: [] }, points));
  return (await asked(dialogOf("conflict"))) === "theirs" ? "theirs" : "mine";
}

/** @param {import("./types.js").Answer} answer @param {Text} text */
function summary(answer, text) {
  const words = (/** @type {number} */ place) => clip(text.slice(answer.spans[place].start, answer.spans[place].end));
  const spans = answer.spans.map((span, place) => row(words(place), span.label));
  const choices = Object.entries(answer.classes ?? {}).filter(([, names]) => names.length > 0);
  const relations = answer.relations ?? [];
  const rows = [
    ...spans,
    ...choices.map(([question, names]) => row(question, names.join(", "))),
    ...relations.map(({ head, tail, label }) => row(`${words(head)} → ${words(tail)}`, label)),
  ];
  return rows.length ? rows : [el("li", {}, t("nothing marked"))];
}

/** @param {string} words @param {string} label */
const row = (words, label) => el("li", {}, el("b", { dir: "auto" }, words), " ", el("i", {}, label));

/** @param {string} id */
export function show(id) {
  const dialog = dialogOf(id);
  if (!dialog.open) dialog.showModal();
}

/**
 * Which key does what, from the one table of keys.
 * @param {{ name: string, keys: string[], letter?: string, group: string, says: string }[]} commands
 * @param {(letter: string) => string | undefined} commandOf what a letter does here; labels may have taken it
 */
export function fillKeys(commands, commandOf) {
  /** @type {Map<string, HTMLElement>} */
  const groups = new Map();
  for (const { name, keys, letter, group, says } of commands) {
    const list = groups.get(group) ?? el("dl", { className: "key-list" });
    groups.set(group, list);
    const free = letter && commandOf(letter) === name ? [letter] : [];
    const shown = [...keys, ...free].flatMap((key, place) => [...(place ? [" ", t("or"), " "] : []), ...keyed(key)]);
    list.append(el("dt", {}, ...shown), el("dd", {}, says));
  }
  byId("key-groups").replaceChildren(
    ...[...groups].map(([group, list]) => el("section", {}, el("h3", {}, group), list)),
  );
}

/** @type {Record<string, string>} */
const SIGNS = { ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓", Shift: "⇧", " ": "Space", Escape: "Esc", Delete: "Del" };

/** A key's name as caps to look at. @param {string} key */
function keyed(key) {
  const mod = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";
  const parts = key === "+" ? ["+"] : key.split("+");
  return parts.flatMap((part, place) => [...(place ? [" "] : []), el("kbd", {}, part === "Mod" ? mod : (SIGNS[part] ?? part))]);
}
