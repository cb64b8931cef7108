/** The preview follows what is typed; without this, a button shows it. */

import { t } from "./i18n.js";

const REST_MS = 350;
const form = /** @type {HTMLFormElement} */ (document.getElementById("guidelines-form"));
const text = /** @type {HTMLTextAreaElement} */ (form.querySelector("textarea"));
const state = /** @type {HTMLElement} */ (document.getElementById("preview-state"));
let saved = text.value;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {AbortController | null} */
let under_way = null;

async function show() {
  under_way?.abort();
  under_way = new AbortController();
  const body = new FormData(form);
  body.set("act", "preview");
  try {
    const answer = await fetch(location.href, { method: "POST", body, signal: under_way.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("preview");
    if (!fresh) throw new Error("no preview");
    document.getElementById("preview")?.replaceChildren(...fresh.childNodes);
    state.textContent = "";
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return;
    state.textContent = t("The preview cannot be made just now. What you type is not lost.");
  }
}

text.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(show, REST_MS);
});
/** @type {HTMLElement} */ (form.querySelector("[data-preview]")).hidden = true;
form.addEventListener("submit", () => (saved = text.value));
window.addEventListener("beforeunload", (event) => text.value !== saved && event.preventDefault());
