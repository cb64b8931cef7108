/**
 * Follows a training run. `#active` is fetched again from its own small address while somebody looks; when a run begins or
 * ends, or another version goes live (`data-state`), `#story` is fetched again as a whole. Quiet projects are looked after
 * less and less, and after some minutes no more; a server that does not answer is told of.
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

async function follow() {
  let active = document.getElementById("active");
  for (let quiet = 0; active && quiet < QUIET_LOOKS; quiet += 1) {
    const wait = Number(active.dataset.live);
    await new Promise((done) => setTimeout(done, wait));
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
      continue;
    }
    const old = document.getElementById("story");
    const story = old && (await fetched(location.href, "story"));
    if (old && story) replace(old, story);
    active = document.getElementById("active");
  }
}

follow();
