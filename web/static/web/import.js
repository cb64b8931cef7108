/** A file is dropped or chosen, goes up with a bar of progress, and its preview opens. Without this it is a plain form. */

import { t } from "./i18n.js";

/** @template {HTMLElement} T @param {string} id @returns {T} */
const at = (id) => /** @type {T} */ (document.getElementById(id));

const form = /** @type {HTMLFormElement} */ (at("import-form"));
const drop = at("drop");
const file = /** @type {HTMLInputElement} */ (at("file"));
const bar = /** @type {HTMLProgressElement} */ (at("upload"));
const stop = /** @type {HTMLButtonElement} */ (at("stop"));
const told = at("upload-told");
const error = at("import-error");

/** @type {XMLHttpRequest | null} */
let sending = null;

/** @param {string} message */
function fail(message) {
  busy(false);
  error.textContent = message;
  error.hidden = false;
}

/** @param {boolean} on */
function busy(on) {
  bar.hidden = stop.hidden = !on;
  drop.toggleAttribute("data-busy", on);
  at("look").toggleAttribute("disabled", on);
  if (!on) told.textContent = "";
}

/**
 * What the server says about a file that it did not take: its own sentence where the page has one, never the page's source.
 * @param {XMLHttpRequest} request
 */
function refusal(request) {
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  const said = page.getElementById("import-error")?.textContent?.trim();
  if (said) return said;
  if (request.status === 413) return t("The file is larger than the server takes.");
  if (request.status === 401 || request.status === 403) return t("You may not import here, or not any more: sign in again.");
  if (request.status >= 500) return t("The server made a mistake with this file; that is not your fault. Nothing was kept.");
  return t("The server refused the file.");
}

function send() {
  const chosen = file.files?.[0];
  if (!chosen || sending) return;
  at("drop-name").textContent = chosen.name;
  error.hidden = true;
  busy(true);
  const request = new XMLHttpRequest();
  sending = request;
  request.open("POST", location.href);
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.value = event.loaded / event.total;
    const percent = Math.floor(bar.value * 100);
    told.textContent = percent < 100 ? t("%(percent)s % uploaded", { percent }) : t("Looking at the file…");
  });
  request.addEventListener("load", () => {
    sending = null;
    if (request.status === 200 && request.responseURL !== location.href) {
      location.assign(request.responseURL);
      return;
    }
    fail(refusal(request));
  });
  request.addEventListener("error", () => {
    sending = null;
    fail(t("The upload broke off: the server does not answer. Try again."));
  });
  request.addEventListener("abort", () => {
    sending = null;
    fail(t("The upload was stopped. Nothing was kept."));
  });
  request.send(new FormData(form));
}

for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  const files = event.dataTransfer?.files;
  if (!files?.length || sending) return;
  file.files = files;
  send();
});
file.addEventListener("change", send);
stop.addEventListener("click", () => sending?.abort());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
