/** Talks to the API, and keeps what is not yet acknowledged. A kept act is sent again under its own id. */

const PREFIX = "marginalia";
const RETRY_SECONDS = [1, 2, 4, 8, 15, 30];

/** An answer that says no: the API's code and message, and the state that stands (409). */
export class Refused extends Error {
  constructor(status, body) {
    super(body?.error?.message ?? `The server answered ${status}.`);
    this.status = status;
    this.code = body?.error?.code ?? "";
    this.details = body?.error?.details ?? [];
    this.current = body?.current ?? null;
  }
}

/** No answer at all, or one that a later try may better. */
export class Unreachable extends Error {}

export class Server {
  constructor({ base, csrf }) {
    this.base = base;
    this.csrf = csrf;
  }

  get(path) {
    return this.#call("GET", path);
  }

  post(path, body = {}) {
    return this.#call("POST", path, body);
  }

  put(path, body) {
    return this.#call("PUT", path, body);
  }

  delete(path) {
    return this.#call("DELETE", path);
  }

  async #call(method, path, body) {
    const headers = { Accept: "application/json" };
    if (method !== "GET") headers["X-CSRFToken"] = this.csrf;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(this.base + path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "same-origin",
      });
    } catch {
      throw new Unreachable("The server cannot be reached.");
    }
    if (response.status >= 502) throw new Unreachable(`The server is away (${response.status}).`);
    const text = await response.text();
    const answer = parsed(text);
    if (response.status === 500 || response.status === 429) throw new Unreachable(`The server answered ${response.status}.`);
    if (!response.ok) throw new Refused(response.status, answer);
    return answer;
  }
}

function parsed(text) {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What this person did with each document, in the browser's own store until the server has it. */
export class Drafts {
  constructor(owner) {
    this.prefix = `${PREFIX}:${owner}:`;
  }

  read(documentId) {
    try {
      return JSON.parse(localStorage.getItem(this.prefix + documentId));
    } catch {
      return null;
    }
  }

  /** Returns false where the browser keeps nothing (private mode, full): then we must say so. */
  write(documentId, draft) {
    try {
      localStorage.setItem(this.prefix + documentId, JSON.stringify(draft));
      return true;
    } catch {
      return false;
    }
  }

  forget(documentId) {
    localStorage.removeItem(this.prefix + documentId);
  }

  /** Documents whose submit was never acknowledged. */
  unsent() {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(this.prefix))
      .map((key) => Number(key.slice(this.prefix.length)))
      .filter((documentId) => this.read(documentId)?.sending);
  }
}

/**
 * Call `send` until the server answers. `waiting(seconds, error)` hears of each pause; a pause ends early when
 * the browser comes back online or when the function given to `waiting` is called.
 */
export async function untilAnswered(send, waiting) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      const seconds = RETRY_SECONDS[Math.min(tries, RETRY_SECONDS.length - 1)];
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, seconds * 1000);
        const now = () => {
          clearTimeout(timer);
          resolve();
        };
        addEventListener("online", now, { once: true });
        waiting(seconds, error, now);
      });
    }
  }
}

/** A random id; also where the page came over plain HTTP from another machine, which has no `randomUUID`. */
export function newSubmitId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [8, 12, 16, 20].reduceRight((id, at) => `${id.slice(0, at)}-${id.slice(at)}`, hex);
}
