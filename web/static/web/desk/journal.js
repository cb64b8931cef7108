/**
 * A second copy of what the store keeps. The browser writes localStorage to the disk now and then, and one that is
 * killed loses the last minute of it; what is committed to IndexedDB has left the browser.
 */

const NAME = "marginalia";
const TABLE = "kept";

export class Journal {
  /** @param {IDBDatabase} base */
  constructor(base) {
    this.base = base;
    /** What the next transaction writes; null: removed. @type {Map<string, string | null>} */
    this.pending = new Map();
    this.writing = false;
  }

  /** Null where the browser has none to give. @returns {Promise<Journal | null>} */
  static async open() {
    try {
      const asked = indexedDB.open(NAME, 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore(TABLE);
      return new Journal(await answer(asked));
    } catch {
      return null;
    }
  }

  /** Everything that is kept under keys that begin like this. @param {string} prefix @returns {Promise<[string, string][]>} */
  async read(prefix) {
    const table = this.base.transaction(TABLE).objectStore(TABLE);
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
    const [keys, texts] = await Promise.all([answer(table.getAllKeys(range)), answer(table.getAll(range))]);
    return keys.map((key, place) => [String(key), String(texts[place])]);
  }

  /** @param {string} key @param {string | null} text null: it is not needed any more */
  write(key, text) {
    this.pending.set(key, text);
    if (!this.writing) this.#flush();
  }

  /** One transaction at a time: of what changes quickly only the latest is written. */
  #flush() {
    const batch = this.pending;
    this.pending = new Map();
    this.writing = batch.size > 0;
    if (!this.writing) return;
    try {
      const writing = this.base.transaction(TABLE, "readwrite");
      const table = writing.objectStore(TABLE);
      for (const [key, text] of batch) {
        if (text === null) table.delete(key);
        else table.put(text, key);
      }
      writing.oncomplete = writing.onabort = () => this.#flush();
      writing.commit();
    } catch {
      // The browser took the base away (its data was cleared): the first copy goes on alone.
      this.writing = false;
    }
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
