/** Small help with elements. */

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}.`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name @param {Partial<HTMLElementTagNameMap[K]> & { data?: Record<string, string> }} [properties]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(name, { data, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  Object.assign(made.dataset, data ?? {});
  made.append(...children);
  return made;
}

/** Have an element say these words. Where it does already nothing is touched: a text that is set is laid out anew.
 *  @param {Element} element @param {string} words */
export function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** Give a name that is only heard. @template {HTMLElement} E @param {E} element @param {string} words @returns {E} */
export function named(element, words) {
  element.setAttribute("aria-label", words);
  return element;
}

/** Whether a key belongs to a character that is still being put together. @param {KeyboardEvent} event */
export const composing = (event) => event.isComposing || event.keyCode === 229;

/** Words that fit a line. @param {string} words */
export function clip(words, most = 40) {
  const line = words.replace(/\s+/g, " ").trim();
  const points = [...line.slice(0, 4 * most)];
  return points.length > most ? `${points.slice(0, most - 1).join("")}…` : line;
}

/** A score as people read it; certainty is never shown as a round hundred. @param {number} score */
export function percent(score) {
  return `${Math.max(1, Math.min(99, Math.round(score * 100)))} %`;
}
