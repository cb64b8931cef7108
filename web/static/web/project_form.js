/** Adds and removes rows of the label set without asking the server, which could do it too. */

const COLORS = ["#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#0891b2", "#b91c1c", "#65a30d"];
const form = document.getElementById("project-form");

function ready(root) {
  for (const button of root.querySelectorAll("[data-remove]")) button.hidden = false;
}

function add(kind) {
  const rows = form.querySelector(`[data-rows="${kind}"]`);
  const row = document.getElementById(`row-${kind}`).content.cloneNode(true);
  const color = row.querySelector('input[type="color"]');
  if (color) color.value = COLORS[rows.children.length % COLORS.length];
  ready(row);
  rows.append(row);
  rows.lastElementChild.querySelector("input:not([type=color])").focus();
}

form.addEventListener("click", (event) => {
  const adder = event.target.closest("[data-add]");
  if (adder) {
    event.preventDefault();
    add(adder.dataset.add);
  }
  event.target.closest("[data-remove]")?.closest("[data-row]").remove();
});

// Enter in a label's name goes on to the next row, as in any list.
form.addEventListener("keydown", (event) => {
  const field = event.target;
  const rows = field.closest("[data-rows]");
  if (event.key !== "Enter" || !rows || field.tagName !== "INPUT" || event.isComposing) return;
  event.preventDefault();
  if (field.value.trim() !== "") add(rows.dataset.rows);
});

ready(form);
