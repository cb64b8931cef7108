/** The desk: one document after the other. Wires the board, the panel and the server together. */

import { Board } from "./board.js";
import { keyMap, nameOf } from "./keys.js";
import { Painter } from "./paint.js";
import { Panel } from "./panel.js";
import { Sitting } from "./sitting.js";

const config = JSON.parse(document.getElementById("desk-config").textContent);
const questions = new Map(config.questions.map((question) => [question.name, question]));
const choices = config.questions.flatMap((q) => q.choices.map((c) => ({ ...c, kind: "choice", question: q.name })));
const labels = [
  ...config.spans.map((label) => ({ ...label, kind: "span" })),
  ...choices,
  ...config.relations.map((label) => ({ ...label, kind: "relation" })),
];
const keys = keyMap(labels);
const text = document.getElementById("text");

const board = new Board(
  new Painter(text),
  { allowOverlap: config.allow_overlap, multiple: (name) => questions.get(name)?.multiple ?? false },
  new Map(config.spans.map((label) => [label.name, label.color])),
  {
    changed: () => sitting.changed(),
    drawn: () => panel.update(board),
    said: (sentence) => panel.say(sentence),
  },
);
const panel = new Panel(act);
const sitting = new Sitting(config, board, panel);

/** Every command by its name in keys.js; those of buttons that carry data get it as their argument. */
const acts = {
  label: ({ name }) => board.label(name),
  span: ({ name }) => board.label(name),
  choice: ({ question, name }) => board.toggleChoice(questions.get(question), name),
  relation: ({ name }) => board.startRelation(name),
  unrelate: ({ index }) => board.unrelate(Number(index)),
  accept: () => (board.relating ? board.takeEnd() : board.accept()),
  remove: () => board.remove(),
  acceptOne: ({ item }) => board.accept(board.find(item)),
  rejectOne: ({ item }) => board.remove(board.find(item)),
  acceptAll: () => board.acceptAll(),
  submit: () => (board.relating ? board.takeEnd() : sitting.submit()),
  acceptAllAndSubmit: () => {
    board.acceptAll();
    sitting.submit();
  },
  submitPart: () => sitting.submit("submitted", { complete: false }),
  skip: () => sitting.submit("skipped"),
  undo: () => board.undo(),
  redo: () => board.redo(),
  relate: nextRelation,
  right: () => board.move("right"),
  left: () => board.move("left"),
  down: () => board.move("down"),
  up: () => board.move("up"),
  home: () => board.move("home"),
  end: () => board.move("end"),
  growRight: () => board.stretch("end"),
  shrinkRight: () => board.stretch("end", { out: false }),
  growLeft: () => board.stretch("start"),
  shrinkLeft: () => board.stretch("start", { out: false }),
  growChar: () => board.stretch("end", { by: "character" }),
  shrinkChar: () => board.stretch("end", { by: "character", out: false }),
  escape: () => board.letGo(),
  help: () => panel.help(),
  retry: () => sitting.retry(),
  again: () => sitting.next(),
};

function act(name, argument = {}) {
  if (sitting.busy && name !== "retry" && name !== "help") return;
  acts[name](argument);
}

function nextRelation() {
  if (config.relations.length === 0) return;
  const now = config.relations.findIndex((label) => label.name === board.relating?.label);
  board.startRelation(config.relations[(now + 1) % config.relations.length].name);
}

document.addEventListener("keydown", (event) => {
  const there = event.target;
  if (event.isComposing || document.querySelector("dialog[open]")) return;
  if (there.closest("input, textarea, select, summary")) return;
  const name = nameOf(event);
  const onControl = there.closest("button, a") !== null;
  if (onControl && ["Enter", " ", "Tab", "Shift+Tab"].includes(name)) return;
  const found = keys.get(name);
  if (!found || sitting.finished) return;
  if (found.command === "nextStop" || found.command === "previousStop") {
    // Past the last suggestion Tab goes on to the buttons: nobody is caught in the text.
    if (there === document.body || there === text) {
      if (!sitting.busy && board.step(found.command === "nextStop" ? 1 : -1)) event.preventDefault();
    }
    return;
  }
  event.preventDefault();
  if (found.command) act(found.command);
  else act(found.label.kind, found.label);
});

let downAt = null;
text.addEventListener("pointerdown", (event) => {
  downAt = event.pointerType;
  // Words that are selected would be dragged away as text; a drag must begin a new selection.
  if (downAt === "mouse" && !event.shiftKey) getSelection().removeAllRanges();
});
document.addEventListener("pointerup", (event) => {
  if (downAt === null || sitting.busy) return;
  const exact = event.altKey;
  const { target } = event;
  downAt = null;
  // The browser settles its selection after this event.
  requestAnimationFrame(() => choosePointed(target, exact));
});

function choosePointed(target, exact) {
  const range = board.painter.selection();
  if (range && range.end > range.start) {
    const snapped = exact ? range : board.tokens.snap(range);
    if (snapped) board.choose(snapped);
    return;
  }
  const id = text.contains(target) ? target.closest("[data-id]")?.dataset.id : null;
  if (id) {
    board.pick(id, { byPointer: true });
    if (board.relating) board.takeEnd(id);
  } else if (range && !board.tokens.empty) board.choose(board.tokens.at(range.start));
}

// Touch screens select with handles of their own, long after the finger went down.
document.addEventListener("selectionchange", () => {
  if (!matchMedia("(pointer: coarse)").matches || sitting.busy) return;
  const range = board.painter.selection();
  const snapped = range && range.end > range.start ? board.tokens.snap(range) : null;
  if (snapped) Object.assign(board, { selection: snapped, picked: null });
});

// The page names a letter beside a key; it holds only where no label took that letter.
for (const hint of document.querySelectorAll("[data-letter]")) {
  hint.hidden = keys.get(hint.dataset.letter)?.command !== hint.dataset.command;
}
sitting.begin();
