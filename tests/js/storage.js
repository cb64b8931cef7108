/** A store as a browser has it, for tests; `full` makes it refuse. */

/** @returns {Storage & { full: boolean }} */
export function storage() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return /** @type {any} */ ({
    full: false,
    get length() {
      return kept.size;
    },
    key: (/** @type {number} */ place) => [...kept.keys()][place] ?? null,
    getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
    /** @this {{ full: boolean }} @param {string} key @param {string} value */
    setItem(key, value) {
      if (this.full) throw new Error("QuotaExceededError");
      kept.set(key, value);
    },
    removeItem: (/** @type {string} */ key) => kept.delete(key),
  });
}

/** @param {number} document @param {string} submit_id @param {object} [more] @returns {any} */
export function entry(document, submit_id, more = {}) {
  const body = { submit_id, revision: 0, state: "submitted", spans: [], classes: {}, relations: [] };
  return { document, name: `d${document}`, at: document, body, kept: { asks: [submit_id] }, ...more };
}
