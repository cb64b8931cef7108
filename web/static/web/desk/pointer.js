/**
 * Mouse, pen and finger on the text. The browser selects, we snap what it selected to whole words (Alt: exactly as it
 * is). Grips move the edges of what is picked; from one name to another leads a relation. Fingers keep the browser's own
 * handles, and label by button.
 */

import { MADE } from "./arcs.js";
import { Scrolling } from "./scrolling.js";

/** @typedef {import("./board.js").Board} Board */

/** Pixels after which a press on a name means to draw a relation. */
const FAR = 5;

/** @param {Board} board */
export function listen(board) {
  const { stack } = board.sheet;
  let pressed = false;
  stack.addEventListener("pointerdown", (event) => {
    if (board.locked || event.button > 0) return;
    const part = event.target instanceof Element ? event.target : null;
    if (part?.closest(".handle")) return drag(board, event, new EdgeDrag(board, /** @type {HTMLElement} */ (part)));
    const arc = part?.closest(".arc");
    if (arc instanceof SVGElement) return pickArc(board, event, arc.dataset.arc ?? "");
    const name = part?.closest(".name");
    if (name instanceof HTMLElement) return drag(board, event, new NameDrag(board, name, event));
    pressed = board.sheet.element.contains(part);
    // A selection runs over names as if they were not there.
    stack.classList.toggle("selecting", pressed);
    // Words that are selected would be dragged away as text: a press begins a new selection.
    if (pressed && event.pointerType === "mouse" && !event.shiftKey) document.getSelection()?.removeAllRanges();
  });
  stack.addEventListener("mousedown", (event) => {
    // The browser would take the whole paragraph the third time.
    if (event.detail > 2) event.preventDefault();
  });
  document.addEventListener("pointerup", (event) => {
    stack.classList.remove("selecting");
    if (!pressed || event.pointerType === "touch") return;
    pressed = false;
    // The browser settles its selection after this event.
    requestAnimationFrame(() => chooseSelected(board, event));
  });
  stack.addEventListener("click", (event) => {
    if (board.locked) return;
    if (event.detail === 3) chooseSentence(board, event);
    else if (/** @type {PointerEvent} */ (event).pointerType === "touch") tap(board, event);
  });
  stack.addEventListener("pointermove", (event) => {
    const head = board.relating?.head;
    if (event.pointerType !== "mouse") return;
    if (head) board.arcs.loose(head, { x: event.clientX, y: event.clientY });
    hover(board, event);
  });
  stack.addEventListener("pointerleave", () => board.marks.hover(null));
  listenToFingers(board);
}

/** Show the grips of the mark under the mouse, while nothing else goes on. @param {Board} board @param {PointerEvent} event */
function hover(board, { clientX, clientY, buttons, target }) {
  if (target instanceof Element && target.closest(".handle")) return;
  const quiet = buttons === 0 && !board.locked && !board.relating && board.hand === null;
  const point = quiet && target === board.sheet.element ? board.sheet.characterAt(clientX, clientY) : null;
  const here = point === null ? undefined : board.at({ start: point, end: point + 1 })[0];
  board.marks.hover(here?.id ?? null);
}

/** Handles are moved long after the finger came down first. @param {Board} board */
function listenToFingers(board) {
  const { stack } = board.sheet;
  const coarse = matchMedia("(pointer: coarse)");
  let touched = false;
  stack.addEventListener("pointerdown", ({ pointerType }) => (touched = pointerType === "touch"), { capture: true });
  document.addEventListener("selectionchange", () => {
    if (!(touched || coarse.matches) || board.locked || stack.classList.contains("dragging")) return;
    const range = board.sheet.selected;
    const snapped = range && range.end > range.start ? board.tokens.snap(range) : null;
    const now = board.selection;
    if (snapped && !(snapped.start === now?.start && snapped.end === now.end)) board.hold(snapped);
  });
}

/** @param {Board} board @param {PointerEvent} event */
function chooseSelected(board, event) {
  if (board.locked) return;
  const range = board.sheet.selected;
  if (range && range.end > range.start) {
    const snapped = event.altKey ? (board.text.trimmed(range) ?? range) : board.tokens.snap(range);
    if (snapped) board.grasp(snapped);
  } else choosePoint(board, event);
}

/** A click picks the innermost mark, the same click again the next one out; where there is none, it chooses a word.
 *  @param {Board} board @param {MouseEvent} event */
function choosePoint(board, event) {
  const { clientX, clientY } = event;
  const point = board.sheet.characterAt(clientX, clientY);
  if (point === null || board.tokens.empty) return;
  const here = board.at({ start: point, end: point + 1 });
  const now = here.findIndex((thing) => thing.id === board.picked);
  const next = here[(now + 1) % here.length];
  const byFinger = /** @type {PointerEvent} */ (event).pointerType === "touch";
  if (next) take(board, next.id);
  else if (byFinger) board.grasp(board.tokens.at(point));
  else board.choose(board.tokens.at(point), { reveal: false });
}

/** @param {Board} board @param {MouseEvent} event */
function chooseSentence(board, { clientX, clientY }) {
  const point = board.sheet.characterAt(clientX, clientY);
  if (point !== null && !board.tokens.empty) board.grasp(board.text.sentence(point), { instead: true });
}

/** @param {Board} board @param {MouseEvent} event */
function tap(board, event) {
  const selected = board.sheet.selected;
  if (!selected || selected.end === selected.start) choosePoint(board, event);
}

/** A line stands for a relation that was made, by its place, or for a suggested one. @param {Board} board @param {PointerEvent} event @param {string} key */
function pickArc(board, event, key) {
  event.preventDefault();
  if (key.startsWith(MADE)) board.pickRelation(Number(key.slice(MADE.length)));
  else board.pick(key, { byPointer: true });
}

/** @param {Board} board @param {string} id */
function take(board, id) {
  if (board.relating) board.takeEnd(id);
  else board.pick(id, { byPointer: true });
}

// --- drags -----------------------------------------------------------------------------------------------------------

/** @typedef {{ clientX: number, clientY: number, altKey: boolean }} Spot */
/** @typedef {{ move: (spot: Spot) => void, end: (event: PointerEvent) => void, cancel: () => void }} Drag */

/** Follow the pointer until it is let go, and scroll where it rests at an edge; Escape gives up.
 *  @param {Board} board @param {PointerEvent} down @param {Drag} work */
function drag(board, down, work) {
  down.preventDefault();
  down.stopPropagation();
  const stop = new AbortController();
  const options = { signal: stop.signal };
  const ours = (/** @type {(event: PointerEvent) => void} */ act) => (/** @type {PointerEvent} */ event) => {
    if (event.pointerId === down.pointerId) act(event);
  };
  const move = (/** @type {PointerEvent} */ { clientX, clientY, altKey }) =>
    work.move({ clientX, clientY: scrolling.within(clientY), altKey });
  const scrolling = new Scrolling(board.sheet.scroller, move);
  const finish = (/** @type {() => void} */ last) => {
    stop.abort();
    scrolling.stop();
    last();
  };
  const moved = (/** @type {PointerEvent} */ event) => {
    move(event);
    scrolling.follow(event);
  };
  addEventListener("pointermove", ours(moved), options);
  addEventListener("pointerup", ours((event) => finish(() => work.end(event))), options);
  addEventListener("pointercancel", ours(() => finish(() => work.cancel())), options);
  addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      finish(() => work.cancel());
    },
    { ...options, capture: true },
  );
}

/** An edge of what is picked, on its way to another word. @implements {Drag} */
class EdgeDrag {
  /** @param {Board} board @param {HTMLElement} handle */
  constructor(board, handle) {
    this.board = board;
    const { id } = handle.dataset;
    if (id && id !== board.picked) board.pick(id, { byPointer: true });
    this.edge = /** @type {"start" | "end"} */ (handle.classList.contains("start") ? "start" : "end");
    this.from = { .../** @type {import("./offsets.js").Range} */ (board.selection) };
    this.range = this.from;
    board.sheet.stack.classList.add("dragging");
  }

  /** @param {Spot} spot */
  move({ clientX, clientY, altKey }) {
    const { sheet, tokens } = this.board;
    const point = altKey ? sheet.pointAt(clientX, clientY) : sheet.characterAt(clientX, clientY);
    if (point === null) return;
    const { start, end } = this.from;
    const bare = this.edge === "start" ? { start: point, end } : { start, end: altKey ? point : point + 1 };
    const range = altKey ? bare : tokens.snap(bare);
    if (!range || bare.start >= bare.end) return;
    this.range = this.edge === "start" ? { start: range.start, end } : { start, end: range.end };
    sheet.select(this.range);
  }

  end() {
    this.cancel();
    if (this.range.start !== this.from.start || this.range.end !== this.from.end) this.board.reshape(this.range);
  }

  cancel() {
    this.board.sheet.stack.classList.remove("dragging");
    this.board.sheet.select(this.from);
  }
}

/** A press on a name: a click picks the mark, a drag to another one joins the two. @implements {Drag} */
class NameDrag {
  /** @param {Board} board @param {HTMLElement} name @param {PointerEvent} down */
  constructor(board, name, down) {
    this.board = board;
    this.id = name.dataset.id ?? "";
    this.from = { x: down.clientX, y: down.clientY };
    this.drawing = false;
  }

  /** @param {Spot} spot */
  move({ clientX, clientY }) {
    const thing = this.board.find(this.id);
    const joins = this.board.labels.some((label) => label.kind === "relation") && thing && !this.board.isItem(thing);
    this.drawing ||= Boolean(joins) && Math.hypot(clientX - this.from.x, clientY - this.from.y) > FAR;
    if (!this.drawing) return;
    this.board.pull(this.id);
    this.board.arcs.loose(this.id, { x: clientX, y: clientY });
  }

  /** @param {PointerEvent} event */
  end({ clientX, clientY }) {
    if (!this.drawing) return take(this.board, this.id);
    this.cancel();
    const target = markAt(this.board, clientX, clientY);
    if (target && target !== this.id) this.board.connect(this.id, target, this.board.relating?.label);
  }

  cancel() {
    this.board.pull(null);
    this.board.arcs.loose(null);
  }
}

/** The mark whose name or words are under a spot of the window. @param {Board} board @param {number} x @param {number} y */
function markAt(board, x, y) {
  const name = document.elementFromPoint(x, y)?.closest(".name");
  if (name instanceof HTMLElement) return name.dataset.id ?? null;
  const point = board.sheet.characterAt(x, y);
  if (point === null) return null;
  return board.at({ start: point, end: point + 1 }).find((thing) => !board.isItem(thing))?.id ?? null;
}
