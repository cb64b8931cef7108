/** What rewrites many answers takes its time: the page says for how long it has, and cannot send it twice. */

import { t } from "./i18n.js";

const AT_ONCE_MS = 700;
const form = /** @type {HTMLFormElement} */ (document.getElementById("sure-form"));
const state = /** @type {HTMLElement} */ (document.getElementById("sure-state"));

form.addEventListener("submit", (event) => {
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  const begun = Date.now();
  setTimeout(() => {
    state.hidden = false;
    const time = /** @type {HTMLElement} */ (state.querySelector("[data-time]"));
    const tell = () => (time.textContent = t("%(seconds)s s", { seconds: Math.round((Date.now() - begun) / 1000) }));
    tell();
    setInterval(tell, 1000);
  }, AT_ONCE_MS);
});
// Back to this page: it can be sent again.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
