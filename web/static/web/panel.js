/** What stands beside and below the text: labels, choices, relations, suggestions, state. The page is the server's;
 *  this file only fills it in and hands clicks on. */

import { percent } from "./paint.js";

const byId = (id) => document.getElementById(id);

export class Panel {
  /** @param {(act: string, argument?: any) => void} act what a click asks for */
  constructor(act) {
    this.act = act;
    this.text = byId("text");
    this.pop = byId("pop");
    this.#listen();
  }

  #listen() {
    // Buttons must not take the selection or the focus away from the text.
    byId("desk").addEventListener("mousedown", (event) => {
      if (event.target.closest("button")) event.preventDefault();
    });
    byId("desk").addEventListener("click", (event) => {
      const button = event.target.closest("[data-act]");
      if (button && !button.disabled) this.act(button.dataset.act, button.dataset);
    });
  }

  /** Everything that follows from the board. */
  update(board) {
    const pending = board.pending;
    const target = board.target();
    this.#labels(board, target);
    this.#choices(board, pending);
    this.#relations(board);
    this.#suggestedRelations(board, pending);
    this.#suggestions(board, pending, target);
    this.#popUp(board, target);
    for (const button of document.querySelectorAll('[data-act="undo"]')) button.disabled = board.history.past.length === 0;
  }

  #labels(board, target) {
    for (const button of document.querySelectorAll('[data-act="label"]')) {
      const chosen = Boolean(target) && "start" in target && target.label === button.dataset.name;
      button.setAttribute("aria-pressed", String(chosen && !board.isItem(target)));
    }
  }

  #choices(board, pending) {
    for (const button of document.querySelectorAll('[data-act="choice"]')) {
      const { question, name } = button.dataset;
      const chosen = (board.work.classes[question] ?? []).includes(name);
      const item = pending.find((i) => i.kind === "choice" && i.question === question && i.label === name);
      button.setAttribute("aria-pressed", String(chosen));
      button.classList.toggle("suggested", Boolean(item));
      button.classList.toggle("picked", Boolean(item) && board.picked === item.id);
      button.querySelector(".score").textContent = item ? percent(item.score) : "";
    }
  }

  #relations(board) {
    const list = byId("relation-list");
    if (!list) return;
    const words = (id) => {
      const mark = board.work.marks.find((m) => m.id === id);
      return clip(board.text.slice(mark.start, mark.end));
    };
    list.replaceChildren(
      ...board.work.relations.map(({ head, tail, label }, index) => {
        const row = document.createElement("li");
        const remove = element("button", "×", { type: "button", className: "quiet" });
        remove.dataset.act = "unrelate";
        remove.dataset.index = String(index);
        remove.setAttribute("aria-label", `Remove: ${words(head)} ${label} ${words(tail)}`);
        row.append(element("b", words(head)), element("i", label), element("b", words(tail)), remove);
        return row;
      }),
    );
    const { relating } = board;
    for (const button of document.querySelectorAll('[data-act="relation"]')) {
      button.setAttribute("aria-pressed", String(relating?.label === button.dataset.name));
    }
    byId("relation-hint").textContent = relating
      ? `${relating.label}: ${relating.head ? "now where it leads" : "first where it starts"}. Click a label, or Tab and Space. Esc ends.`
      : "";
  }

  /** Under the text, because a line drawn between words would hide others: from, what, to, and a word on it. */
  #suggestedRelations(board, pending) {
    const items = pending.filter((item) => item.kind === "relation");
    const box = byId("suggested-relations");
    box.hidden = items.length === 0;
    box.querySelector("ol").replaceChildren(...items.map((item) => this.#suggestedRelation(board, item)));
  }

  #suggestedRelation(board, item) {
    const [head, tail] = board.endsOf(item).map(clip);
    const missing = board.missing(item).map((span) => `“${clip(board.text.slice(span.start, span.end))}”`);
    const row = document.createElement("li");
    row.classList.toggle("picked", board.picked === item.id);
    const score = element("span", percent(item.score), { className: "score" });
    const verdicts = [["acceptOne", "Accept"], ["rejectOne", "Reject"]].map(([act, name]) => {
      const button = element("button", name, { type: "button", className: "small" });
      Object.assign(button.dataset, { act, item: item.id });
      button.setAttribute("aria-label", `${name}: ${head} ${item.label} ${tail}`);
      return button;
    });
    verdicts[0].disabled = missing.length > 0;
    row.append(element("b", head), element("i", item.label), element("b", tail), score);
    if (missing.length) row.append(element("small", `first accept ${missing.join(" and ")}`));
    row.append(...verdicts);
    return row;
  }

  #suggestions(board, pending, target) {
    const box = byId("suggestions");
    const waiting = pending.length;
    box.classList.toggle("idle", waiting === 0);
    byId("waiting").textContent = waiting === 0 ? "" : waiting === 1 ? "1 waits for you" : `${waiting} wait for you`;
    const item = board.isItem(target ?? null) ? target : null;
    const mark = target && !item;
    for (const button of box.querySelectorAll('[data-act="accept"]')) button.disabled = !item;
    for (const button of box.querySelectorAll('[data-act="remove"]')) button.disabled = !item;
    for (const button of document.querySelectorAll('.bar [data-act="remove"]')) button.disabled = !mark;
    for (const button of document.querySelectorAll('[data-act="acceptAll"]')) button.disabled = waiting === 0;
  }

  /** Small buttons at the words, for whoever came with the pointer. */
  #popUp(board, target) {
    const show = board.byPointer && board.picked && target && "start" in target && !board.relating;
    this.pop.hidden = !show;
    if (!show) return;
    const item = board.isItem(target);
    this.pop.querySelector('[data-act="accept"]').hidden = !item;
    this.pop.querySelector('[data-act="remove"] span').textContent = item ? "Reject" : "Remove";
    const rects = board.painter.range(target.start, target.end).getClientRects();
    const box = rects[rects.length - 1];
    const sheet = this.pop.offsetParent;
    const frame = sheet.getBoundingClientRect();
    const left = Math.min(box.left - frame.left, frame.width - this.pop.offsetWidth - 8);
    this.pop.style.left = `${Math.max(8, left)}px`;
    this.pop.style.top = `${box.bottom - frame.top + sheet.scrollTop + 6}px`;
  }

  document({ external_id, meta }) {
    byId("document-name").textContent = external_id;
    const entries = Object.entries(meta ?? {});
    byId("meta-box").hidden = entries.length === 0;
    byId("meta").replaceChildren(
      ...entries.flatMap(([key, value]) => [
        element("dt", key),
        element("dd", typeof value === "string" ? value : JSON.stringify(value)),
      ]),
    );
  }

  /** Work of an earlier visit that the server would not take as it is. */
  leftover(address) {
    byId("leftover").hidden = false;
    byId("leftover").querySelector("a").href = address;
  }

  toTop() {
    this.text.parentElement.scrollTop = 0;
  }

  /** A project without a model needs no buttons for suggestions. */
  offersSuggestions(yes) {
    byId("suggestions").hidden = !yes;
  }

  /** One line above the text: why there are suggestions, or none. */
  note(sentence, kind = "") {
    const note = byId("note");
    note.textContent = sentence;
    note.dataset.kind = kind;
  }

  /** The state of what was done: "saved", "saving", "kept" (here only), "warn". */
  state(kind, sentence, { action = "", label = "" } = {}) {
    const state = byId("state");
    state.dataset.kind = kind;
    byId("state-text").textContent = sentence;
    const button = byId("state-action");
    button.hidden = !action;
    button.textContent = label;
    button.dataset.act = action;
  }

  say(sentence) {
    byId("live").textContent = sentence;
  }

  progress({ done, total }) {
    byId("progress-text").textContent = `${done.toLocaleString()} of ${total.toLocaleString()} done`;
    byId("progress").value = total ? done / total : 0;
  }

  busy(yes) {
    byId("desk").setAttribute("aria-busy", String(yes));
    byId("submit").disabled = yes;
  }

  finished(sentence) {
    byId("desk").dataset.finished = "yes";
    byId("finished-text").textContent = sentence;
  }

  /** The two states of a document that was submitted from elsewhere meanwhile; resolves to "mine" or "theirs". */
  conflict(mine, theirs, text) {
    const dialog = byId("conflict");
    byId("conflict-mine").replaceChildren(...summary(mine, text));
    byId("conflict-theirs").replaceChildren(...summary(theirs, text));
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue || "mine"), { once: true });
    });
  }

  help() {
    byId("keys").showModal();
  }
}

function summary(answer, text) {
  const spans = answer.spans.map((span) => row(clip(text.slice(span.start, span.end)), span.label));
  const choices = Object.entries(answer.classes ?? {}).map(([question, names]) => row(question, names.join(", ")));
  const count = answer.relations?.length ?? 0;
  const relations = count ? [row("relations", String(count))] : [];
  const rows = [...spans, ...choices, ...relations];
  return rows.length ? rows : [element("li", "nothing marked")];
}

function row(words, label) {
  const item = document.createElement("li");
  item.append(element("b", words), element("i", label));
  return item;
}

function element(name, content, properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  made.textContent = content;
  return made;
}

function clip(words) {
  return words.length > 40 ? `${words.slice(0, 38)}…` : words;
}
