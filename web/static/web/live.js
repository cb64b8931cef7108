/** Keeps parts of a page fresh: `data-live` holds milliseconds; the part is fetched again from its own address. */

/** @param {HTMLElement} part @returns {Promise<HTMLElement>} what stands in its place now */
async function refresh(part) {
  const page = await fetch(location.href, { credentials: "same-origin" }).then(
    (answer) => (answer.ok && !answer.redirected ? answer.text() : ""),
    () => "",
  );
  const fresh = new DOMParser().parseFromString(page, "text/html").getElementById(part.id);
  if (!fresh) return part;
  for (const open of part.querySelectorAll("details[open][id]")) {
    fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  // A button that somebody is about to press must not vanish from under the finger.
  if (focused?.matches("button, a")) return part;
  part.replaceWith(fresh);
  if (focused?.closest("details[id]")) refocus(focused.closest("details[id]")?.id ?? "");
  return fresh;
}

/** @param {string} details the id of the one whose summary had the focus */
function refocus(details) {
  /** @type {HTMLElement | null} */ (document.getElementById(details)?.querySelector("summary") ?? null)?.focus();
}

/** @param {HTMLElement} part */
async function keepFresh(part) {
  while (part.dataset.live) {
    await new Promise((resolve) => setTimeout(resolve, Number(part.dataset.live)));
    if (!document.hidden) part = await refresh(part);
  }
}

for (const part of document.querySelectorAll("[data-live]")) keepFresh(/** @type {HTMLElement} */ (part));
