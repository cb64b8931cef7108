/** Adds and removes rows of the label set without asking the server, which could do it too. */

const COLORS = ["#2563eb", "#c77700", "#9b357f", "#33a6a0", "#5c6b21", "#b073da", "#c74a51", "#4d5f9c"];
const form = /** @type {HTMLFormElement} */ (document.getElementById("project-form"));

/** @param {ParentNode} root */
function ready(root) {
  for (const button of root.querySelectorAll("button[data-remove]")) /** @type {HTMLButtonElement} */ (button).hidden = false;
}

/** @param {string | undefined} kind span, question or relation */
function add(kind) {
  const rows = form.querySelector(`[data-rows="${kind}"]`);
  const template = /** @type {HTMLTemplateElement | null} */ (document.getElementById(`row-${kind}`));
  if (!rows || !template) return;
  const row = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const color = /** @type {HTMLInputElement | null} */ (row.querySelector('input[type="color"]'));
  if (color) color.value = COLORS[rows.children.length % COLORS.length];
  ready(row);
  const name = /** @type {HTMLInputElement | null} */ (row.querySelector("input:not([type=color])"));
  rows.append(row);
  name?.focus();
}

form.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  const adder = /** @type {HTMLElement | null} */ (target.closest("[data-add]"));
  if (adder) {
    event.preventDefault();
    add(adder.dataset.add);
  }
  target.closest("[data-remove]")?.closest("[data-row]")?.remove();
});

// Enter in a label's name goes on to the next row, as in any list.
form.addEventListener("keydown", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLInputElement)) return;
  const rows = /** @type {HTMLElement | null} */ (field.closest("[data-rows]"));
  if (event.key !== "Enter" || !rows || event.isComposing) return;
  event.preventDefault();
  if (field.value.trim() !== "") add(rows.dataset.rows);
});

ready(form);
