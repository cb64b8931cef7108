/** Which key does what. Commands use keys that no label can have; letters join them where no label took them. The
 *  page's list of keys is made from this one. */

import { t } from "../i18n.js";

/**
 * @typedef {{ name: string, keys: string[], letter?: string, group: "move" | "mark" | "suggest" | "relate" | "go" | "see", says: string }} Command
 * @typedef {{ command: string } | { label: import("./showing.js").Label } | { letters: string[] }} Bound
 *   `letters`: go to a word that begins with the first of these that any does
 */

export const GROUPS = {
  move: t("Move and choose"),
  mark: t("Marks"),
  suggest: t("Suggestions"),
  relate: t("Relations"),
  go: t("The document"),
  see: t("Look"),
};

/** @type {Command[]} */
export const COMMANDS = [
  { name: "right", keys: ["ArrowRight"], group: "move", says: t("The word to the right") },
  { name: "left", keys: ["ArrowLeft"], group: "move", says: t("The word to the left") },
  { name: "down", keys: ["ArrowDown"], group: "move", says: t("A line down") },
  { name: "up", keys: ["ArrowUp"], group: "move", says: t("A line up") },
  { name: "home", keys: ["Home"], group: "move", says: t("The beginning of the sentence") },
  { name: "end", keys: ["End"], group: "move", says: t("The end of the sentence") },
  { name: "top", keys: ["Mod+Home"], group: "move", says: t("The beginning of the text") },
  { name: "bottom", keys: ["Mod+End"], group: "move", says: t("The end of the text") },
  { name: "seek", keys: ["Shift+A … Z"], group: "move", says: t("The next word that begins with this letter") },
  { name: "jump", keys: ["="], letter: "f", group: "move", says: t("A word by its first letters, or any piece of the text") },
  { name: "growRight", keys: ["Shift+ArrowRight"], group: "move", says: t("Move the end to the right") },
  { name: "shrinkRight", keys: ["Shift+ArrowLeft"], group: "move", says: t("Move the end to the left") },
  { name: "growLeft", keys: ["Mod+Shift+ArrowLeft"], group: "move", says: t("Move the beginning to the left") },
  { name: "shrinkLeft", keys: ["Mod+Shift+ArrowRight"], group: "move", says: t("Move the beginning to the right") },
  { name: "growChar", keys: ["Alt+Shift+ArrowRight"], group: "move", says: t("Move the end by a character, right") },
  { name: "shrinkChar", keys: ["Alt+Shift+ArrowLeft"], group: "move", says: t("Move the end by a character, left") },
  { name: "growCharLeft", keys: ["Mod+Alt+Shift+ArrowLeft"], group: "move", says: t("Move the beginning by a character, left") },
  { name: "shrinkCharLeft", keys: ["Mod+Alt+Shift+ArrowRight"], group: "move", says: t("Move the beginning by a character, right") },
  { name: "extendDown", keys: ["Shift+ArrowDown"], group: "move", says: t("Move the end a line down") },
  { name: "extendUp", keys: ["Shift+ArrowUp"], group: "move", says: t("Move the end a line up") },
  { name: "extendEnd", keys: ["Shift+End"], group: "move", says: t("Choose up to the end of the sentence") },

  { name: "nextMark", keys: ["]"], group: "mark", says: t("The next mark") },
  { name: "previousMark", keys: ["["], group: "mark", says: t("The previous mark") },
  { name: "outer", keys: [">"], group: "mark", says: t("The mark around this one") },
  { name: "inner", keys: ["<"], group: "mark", says: t("The mark inside this one") },
  { name: "remove", keys: ["Delete", "Backspace"], letter: "x", group: "mark", says: t("Remove, or reject") },
  { name: "same", keys: ["Shift+ "], letter: "e", group: "mark", says: t("The same words everywhere here") },
  { name: "keep", keys: ["+"], letter: "k", group: "mark", says: t("Keep a label in hand for the mouse; again: none") },
  { name: "undo", keys: ["Mod+z"], letter: "u", group: "mark", says: t("Undo") },
  { name: "redo", keys: ["Mod+Shift+z", "Mod+y"], group: "mark", says: t("Do again") },
  { name: "escape", keys: ["Escape"], group: "mark", says: t("Let go") },

  { name: "nextStop", keys: ["Tab"], group: "suggest", says: t("The next suggestion, or mark") },
  { name: "previousStop", keys: ["Shift+Tab"], group: "suggest", says: t("The previous suggestion, or mark") },
  { name: "accept", keys: [" "], letter: "a", group: "suggest", says: t("Accept; with a label in hand: use it, and go on to the next word") },
  { name: "acceptAll", keys: ["Shift+Enter"], group: "suggest", says: t("Accept all") },
  { name: "rejectSame", keys: ["Shift+Delete", "Shift+Backspace"], group: "suggest", says: t("Reject the same words everywhere") },

  { name: "relate", keys: ["-"], group: "relate", says: t("Draw a relation; again: another kind") },

  { name: "submit", keys: ["Enter"], group: "go", says: t("Done: go on with the next document") },
  { name: "acceptAllAndSubmit", keys: ["Mod+Enter"], group: "go", says: t("Accept all suggestions, and done") },
  { name: "submitPart", keys: ["Alt+Enter"], group: "go", says: t("Done, but not finished: only what is marked counts") },
  { name: "skip", keys: ["."], letter: "s", group: "go", says: t("Skip this document") },
  { name: "previous", keys: [","], group: "go", says: t("The document before") },
  { name: "history", keys: ["Mod+h"], letter: "h", group: "go", says: t("Your earlier documents") },
  { name: "flag", keys: ["!"], group: "go", says: t("Flag this document, or ask for help") },
  { name: "comment", keys: [";"], group: "go", says: t("Write a comment") },

  { name: "search", keys: ["/"], group: "see", says: t("Find a label by name") },
  { name: "scores", keys: ["%"], group: "see", says: t("Show or hide scores") },
  { name: "invisible", keys: ["_"], group: "see", says: t("Show or hide spaces and other invisible characters") },
  { name: "guidelines", keys: ["Mod+g"], letter: "g", group: "see", says: t("Guidelines") },
  { name: "help", keys: ["?"], group: "see", says: t("Keys") },
];

/** What a key event is called here. Shift only counts where the key itself does not tell, and what AltGr types is a
 *  character like any other.
 *  @param {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey"> & { getModifierState?: (name: string) => boolean }} event */
export function nameOf(event) {
  const named = event.key.length > 1 || event.key === " ";
  const typed = !named && event.getModifierState?.("AltGraph");
  const parts = [];
  if ((event.ctrlKey || event.metaKey) && !typed) parts.push("Mod");
  if (event.altKey && !typed) parts.push("Alt");
  if (event.shiftKey && (named || parts.length > 0)) parts.push("Shift");
  parts.push(named ? event.key : event.key.toLowerCase());
  return parts.join("+");
}

/** Map from key to command or label. Labels come first: their keys are the manager's choice.
 *  @param {import("./showing.js").Label[]} labels @returns {Map<string, Bound>} */
export function keyMap(labels) {
  /** @type {Map<string, Bound>} */
  const map = new Map();
  for (const label of labels) {
    const key = label.key?.toLowerCase();
    if (key && !label.retired && !map.has(key)) map.set(key, { label });
  }
  for (const command of COMMANDS) {
    for (const key of command.keys) map.set(key, { command: command.name });
    if (command.letter && !map.has(command.letter)) map.set(command.letter, { command: command.name });
  }
  return map;
}

/** What a key does. Shift with a letter goes to a word. Where keys have no Latin letters (Cyrillic, Arabic, …), or an
 *  input method keeps what was typed, the place of the key on the keyboard tells.
 *  @param {Map<string, Bound>} map @param {KeyboardEvent} event @returns {Bound | undefined} */
export function bound(map, event) {
  const latin = /^Key([A-Z])$/.exec(event.code ?? "")?.[1].toLowerCase();
  const digit = /^Digit([0-9])$/.exec(event.code ?? "")?.[1];
  const bare = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (bare && event.shiftKey && /^\p{L}$/u.test(event.key)) return { letters: foreign(event) && latin ? [event.key, latin] : [event.key] };
  // The upper row of French or Czech keyboards types signs: a label's figure is on it all the same.
  const figure = digit && bare && !event.shiftKey && event.key !== SHIFTED[Number(digit)] ? map.get(digit) : undefined;
  if (figure && "label" in figure) return figure;
  const found = map.get(nameOf(event)) ?? map.get(typedWithAlt(event));
  const place = latin ?? digit;
  if (found || !place || !foreign(event)) return found;
  return map.get(nameOf({ ...held(event), key: place }));
}

/** What Shift types on the figures of an English keyboard; some that are no keyboards say nothing of Shift. */
const SHIFTED = ")!@#$%^&*(";
/** Neither a Latin letter nor a key with a name. @param {KeyboardEvent} event */
const foreign = ({ key }) => HIDDEN.includes(key) || ([...key].length === 1 && key.charCodeAt(0) >= 0x250);
/** What keys are called whose character an input method takes. */
const HIDDEN = ["Process", "Unidentified"];

/** On a Mac the Alt key types signs, and nothing says so. @param {KeyboardEvent} event */
const typedWithAlt = ({ key, altKey, ctrlKey, metaKey }) => (altKey && !ctrlKey && !metaKey && /^[^\p{L}\p{N}\s]$/u.test(key) ? key : "");

/** @param {KeyboardEvent} event */
const held = ({ ctrlKey, metaKey, altKey, shiftKey }) => ({ ctrlKey, metaKey, altKey, shiftKey });

/** What the board does for each command that is its own. Where one says false, the key is left to the browser.
 *  @param {import("./board.js").Board} board @returns {Record<string, () => boolean | void>} */
export function actsOf(board) {
  const relations = board.labels.filter((label) => label.kind === "relation" && !label.retired);
  const nextRelation = () => {
    const now = relations.findIndex((label) => label.name === board.relating?.label);
    const next = relations[(now + 1) % relations.length];
    if (next) board.startRelation(next.name);
  };
  return {
    right: () => board.move("right"),
    left: () => board.move("left"),
    down: () => board.move("down"),
    up: () => board.move("up"),
    home: () => board.move("home"),
    end: () => board.move("end"),
    top: () => board.move("top"),
    bottom: () => board.move("bottom"),
    growRight: () => board.drag("end", "right"),
    shrinkRight: () => board.drag("end", "left"),
    growLeft: () => board.drag("start", "left"),
    shrinkLeft: () => board.drag("start", "right"),
    growChar: () => board.drag("end", "right", "character"),
    shrinkChar: () => board.drag("end", "left", "character"),
    growCharLeft: () => board.drag("start", "left", "character"),
    shrinkCharLeft: () => board.drag("start", "right", "character"),
    extendDown: () => board.extend("down"),
    extendUp: () => board.extend("up"),
    extendEnd: () => board.extend("end"),
    nextMark: () => void board.step(1, "mark"),
    previousMark: () => void board.step(-1, "mark"),
    outer: () => board.cycle(1),
    inner: () => board.cycle(-1),
    remove: () => board.remove(),
    same: () => board.same(),
    undo: () => board.undo(),
    redo: () => board.redo(),
    escape: () => board.letGo(),
    nextStop: () => board.step(1),
    previousStop: () => board.step(-1),
    accept: () => (board.relating ? board.takeEnd() : board.use()),
    keep: () => board.keep(),
    acceptAll: () => board.acceptAll(),
    rejectSame: () => board.rejectSame(),
    relate: nextRelation,
    scores: () => board.showScores(),
    invisible: () => board.showInvisible(),
  };
}
