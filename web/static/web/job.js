/**
 * Follows a job: `#job` is fetched again while it runs. Looks less and less often, waits while nobody looks, and says so when
 * the server does not answer.
 */

const ANSWER_MS = 10_000;
const SLOWEST_MS = 5_000;

/** @returns {Promise<HTMLElement | null>} */
async function fetched() {
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("job");
  } catch {
    return null;
  }
}

/** @returns {Promise<void>} */
function seen() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((done) => document.addEventListener("visibilitychange", () => done(), { once: true }));
}

async function follow() {
  let part = document.getElementById("job");
  for (let wait = Number(part?.dataset.live); part?.dataset.live; wait = Math.min(wait * 1.1, SLOWEST_MS)) {
    await new Promise((done) => setTimeout(done, wait));
    await seen();
    const fresh = await fetched();
    const lost = part.querySelector("[data-lost]");
    if (lost instanceof HTMLElement) lost.hidden = fresh !== null;
    // A button that somebody is about to press must not vanish from under the finger, unless all is over.
    const held = document.activeElement?.matches("#job button") && fresh?.dataset.live;
    if (!fresh || held) continue;
    part.replaceWith(fresh);
    part = fresh;
  }
}

follow();
