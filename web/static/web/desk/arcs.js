/** Relations as lines between names. */
export class Arcs {
  /** @param {import("./sheet.js").Sheet} sheet @param {import("./marks.js").Marks} marks */
  constructor(sheet, marks) {
    this.sheet = sheet;
    this.marks = marks;
  }

  /** @param {import("./choosing.js").Choosing} _board */
  draw(_board) {}

  /** @param {string | null} _id @param {{ x: number, y: number }} [_to] */
  loose(_id, _to) {}

  /** @param {string} _id */
  boxOf(_id) {
    return new DOMRect();
  }
}
