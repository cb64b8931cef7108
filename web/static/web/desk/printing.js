/** On paper the text flows anew, and boxes would lie beside their words: there the marks are the browser's highlights,
 *  which go with the words, and a list below names them. */

/** @typedef {import("./showing.js").Showing} Showing */

/** @param {Showing} board */
export function printable(board) {
  const sheet = new CSSStyleSheet();
  const list = document.createElement("ol");
  list.className = "printed";
  addEventListener("beforeprint", () => {
    document.adoptedStyleSheets = [...document.adoptedStyleSheets.filter((one) => one !== sheet), sheet];
    sheet.replaceSync(highlighted(board).join("\n"));
    list.replaceChildren(...board.state.marks.map((mark) => row(board, mark)));
    board.sheet.stack.append(list);
  });
  addEventListener("afterprint", () => {
    for (const name of names(board)) CSS.highlights?.delete(name);
    list.remove();
  });
}

/** @param {Showing} board */
const names = (board) => board.labels.flatMap(({ kind }, i) => (kind === "span" ? [`mark-${i}`] : []));

/** Highlights of every kind of mark, and the rules for how they look. @param {Showing} board */
function highlighted(board) {
  return board.labels.flatMap(({ kind, name, color }, i) => {
    const marks = board.state.marks.filter((mark) => mark.label === name);
    if (kind !== "span" || marks.length === 0 || !CSS.highlights) return [];
    CSS.highlights.set(`mark-${i}`, new Highlight(...marks.map((mark) => board.sheet.rangeOf(mark))));
    return [`::highlight(mark-${i}) { text-decoration: underline 2px ${color}; background-color: ${color}33; }`];
  });
}

/** @param {Showing} board @param {import("./work.js").Mark} mark */
function row(board, mark) {
  const item = document.createElement("li");
  item.textContent = `${board.words(mark)} (${mark.label})`;
  return item;
}
