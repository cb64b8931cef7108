/**
 * Follows a training run. `#active` is fetched again from its own small address while somebody looks; when a run begins or
 * ends, or another version goes live (`data-state`), `#story` is fetched again as a whole; the sentence on the model's state
 * (`data-sentence`) is written wherever it stands. Quiet projects are looked after for some minutes, and again when somebody
 * comes back to the page; a server that does not answer is told of.
 */

const QUIET_LOOKS = 60;
const ANSWER_MS = 10_000;

/** @param {string} address @param {string} id @returns {Promise<HTMLElement | null>} */
async function fetched(address, id) {
  try {
    const answer = await fetch(address, { credentials: "same-origin", signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok || answer.redirected) return null;
    const json = answer.headers.get("Content-Type")?.includes("json");
    const html = json ? (await answer.json()).html : await answer.text();
    return new DOMParser().parseFromString(html, "text/html").getElementById(id);
  } catch {
    return null;
  }
}

/** Put the fresh one in its place; what was open stays open. @param {HTMLElement} old @param {HTMLElement} fresh */
function replace(old, fresh) {
  for (const open of old.querySelectorAll("details[open][id]")) {
    fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  // A button that somebody is about to press must not vanish from under the finger.
  if (focused?.matches("button, a, input, select")) return old;
  old.replaceWith(fresh);
  const details = focused?.closest("details[id]");
  if (details) /** @type {HTMLElement | null} */ (document.querySelector(`#${CSS.escape(details.id)} > summary`))?.focus();
  return fresh;
}

/** @returns {Promise<void>} */
function seen() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((done) => document.addEventListener("visibilitychange", () => done(), { once: true }));
}

/** Somebody comes back to the page. @returns {Promise<void>} */
function returned() {
  return new Promise((done) => {
    const end = new AbortController();
    const heard = () => {
      if (document.hidden) return;
      end.abort();
      done();
    };
    document.addEventListener("visibilitychange", heard, { signal: end.signal });
    window.addEventListener("focus", heard, { signal: end.signal });
  });
}

/** The state of the model is one sentence, wherever the page says it. @param {HTMLElement} active */
function tell({ dataset: { sentence = "" } }) {
  for (const place of document.querySelectorAll("[data-told]")) {
    if (place.textContent !== sentence) place.textContent = sentence;
  }
}

async function follow() {
  let active = document.getElementById("active");
  for (let quiet = 0; active; quiet += 1) {
    const wait = Number(active.dataset.live);
    if (quiet < QUIET_LOOKS) await new Promise((done) => setTimeout(done, wait));
    else await returned().then(() => (quiet = 0));
    await seen();
    const fresh = await fetched(active.dataset.from ?? "", "active");
    if (!fresh) {
      const lost = active.querySelector("[data-lost]");
      if (lost instanceof HTMLElement) lost.hidden = false;
      continue;
    }
    if (fresh.querySelector("section")) quiet = 0;
    if (fresh.dataset.state === active.dataset.state) {
      active = replace(active, fresh);
      tell(fresh);
      continue;
    }
    const old = document.getElementById("story");
    const story = old && (await fetched(location.href, "story"));
    if (old && story) replace(old, story);
    active = document.getElementById("active");
  }
}

follow();
