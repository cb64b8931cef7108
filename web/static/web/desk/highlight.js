/** Shows what is chosen, below the words and no higher than they are. The browser's own selection is there as well, for
 *  copying and for screen readers, but as tall as a line with its gap it would cover what stands there. */

export class Highlight {
  /** @param {import("./sheet.js").Sheet} sheet */
  constructor(sheet) {
    this.sheet = sheet;
    this.layer = document.createElement("div");
    this.layer.className = "choice";
    sheet.under.append(this.layer);
    /** What is chosen on the desk. @type {import("./offsets.js").Range | null} */
    this.chosen = null;
    /** What is shown as chosen by its own looks. @type {import("./offsets.js").Range | null} */
    this.hidden = null;
    this.key = "";
    document.addEventListener("selectionchange", () => this.#follow());
  }

  /** While the mouse selects, that is shown. A selection elsewhere on the page changes nothing here. */
  #follow() {
    const range = this.sheet.selected;
    this.#show(range && range.end > range.start ? range : this.chosen);
  }

  /** @param {import("./offsets.js").Range | null} chosen @param {boolean} picked whether it has its own looks */
  draw(chosen, picked) {
    this.chosen = chosen;
    this.hidden = picked ? chosen : null;
    this.#show(chosen);
  }

  /** @param {import("./offsets.js").Range | null} range */
  #show(range) {
    const { hidden, sheet } = this;
    const same = range && hidden && range.start === hidden.start && range.end === hidden.end;
    const seen = range && !same ? sheet.seenBoxes(range) : [];
    const key = JSON.stringify(seen);
    if (key === this.key) return;
    this.key = key;
    this.layer.replaceChildren(
      ...seen.map(({ left, top, width, height }) => {
        const box = document.createElement("i");
        Object.assign(box.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
        return box;
      }),
    );
  }
}
