/** Labels are put in order by dragging, too; the buttons that do the same stay. */

/** @param {HTMLFormElement} form */
function draggable(form) {
  const list = /** @type {HTMLElement} */ (form.querySelector("ol"));
  /** @type {HTMLElement | null} */
  let dragged = null;
  /** @type {{ row: HTMLElement, after: boolean } | null} */
  let aim = null;

  /** @param {HTMLElement | undefined} row @param {boolean} after */
  function point(row, after) {
    for (const one of list.children) one.classList.remove("before", "after");
    aim = row && row !== dragged ? { row, after } : null;
    aim?.row.classList.add(after ? "after" : "before");
  }

  /** @param {PointerEvent} event */
  function follow(event) {
    const rows = /** @type {HTMLElement[]} */ ([...list.children]);
    const at = rows.find((row) => event.clientY < row.getBoundingClientRect().bottom) ?? rows[rows.length - 1];
    const box = at?.getBoundingClientRect();
    point(at, box !== undefined && event.clientY > box.top + box.height / 2);
  }

  /** @param {boolean} drop */
  function end(drop) {
    const { row, after } = aim ?? {};
    point(undefined, false);
    dragged?.classList.remove("dragged");
    if (drop && dragged && row) {
      if (after) row.after(dragged);
      else row.before(dragged);
      send(/** @type {HTMLElement[]} */ ([...list.children]).map((one) => one.dataset.label ?? ""));
    }
    dragged = null;
  }

  /** @param {string[]} order */
  function send(order) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "order";
    field.value = order.join(",");
    form.append(field);
    form.submit();
  }

  for (const grip of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-grip]"))) {
    grip.hidden = list.children.length < 2;
    grip.addEventListener("pointerdown", (event) => {
      dragged = /** @type {HTMLElement} */ (grip.closest("li"));
      dragged.classList.add("dragged");
      grip.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    grip.addEventListener("pointermove", (event) => dragged && follow(event));
    grip.addEventListener("pointerup", () => end(true));
    grip.addEventListener("pointercancel", () => end(false));
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && dragged && end(false));
}

for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-order]"))) draggable(form);
