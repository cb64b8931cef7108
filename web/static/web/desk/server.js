/** Talks to the API: an answer, a refusal with its reason, or nothing at all. */

import { t } from "../i18n.js";

/** An answer that says no: the API's code and message, and the state that stands (409). */
export class Refused extends Error {
  /** @param {number} status @param {any} body */
  constructor(status, body) {
    super(body?.error?.message ?? t("The server answered %(status)s.", { status }));
    this.status = status;
    /** @type {string} */
    this.code = body?.error?.code ?? "";
    /** @type {{ field: string, reason: string }[]} */
    this.details = body?.error?.details ?? [];
    /** @type {import("./types.js").Annotation | null} */
    this.current = body?.current ?? null;
  }

  /** Signed out, or signed in anew, which makes this page's token an old one. */
  get signedOut() {
    return this.status === 401 || (this.status === 403 && this.code === "csrf_failed");
  }

  /** All reasons, in one line. */
  get reason() {
    return this.details.map(({ field, reason }) => (field ? `${field}: ${reason}` : reason)).join("; ") || this.message;
  }
}

/** No answer at all, or one that a later try may better: `status` is 0, or what came instead. */
export class Unreachable extends Error {
  /** @param {string} message @param {number} [status] @param {string} [code] */
  constructor(message, status = 0, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const LATER = [429, 500, 502, 503, 504, 507];
/** What browsers still send for a page that is gone, in bytes: 64 KiB in all, so that two of these fit. */
const MOST_AFTERWARDS = 30_000;
/** Refusals that also hold where a proxy said them in its own words. */
const FINAL = [401, 413];

export class Server {
  /** @param {{ api: string, csrf: string }} config */
  constructor({ api, csrf }) {
    this.base = api;
    this.csrf = csrf;
  }

  /** @param {string} path within the API or, from the root, of a page that answers in JSON @returns {Promise<any>} */
  get(path) {
    return this.#call("GET", path);
  }

  /** @param {string} path @param {object} body @param {{ keepalive?: boolean }} [options] @returns {Promise<any>} */
  post(path, body = {}, options) {
    return this.#call("POST", path, body, options);
  }

  /** @param {string} path @param {object} body @param {{ keepalive?: boolean }} [options] @returns {Promise<any>} */
  put(path, body, options) {
    return this.#call("PUT", path, body, options);
  }

  /** @param {string} method @param {string} path @param {object} [body] @param {{ keepalive?: boolean }} [options] */
  async #call(method, path, body, { keepalive = false } = {}) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (method !== "GET") headers["X-CSRFToken"] = this.csrf;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const content = body === undefined ? undefined : JSON.stringify(body);
    const small = new Blob([content ?? ""]).size < MOST_AFTERWARDS;
    let response;
    let text;
    try {
      response = await fetch(path.startsWith("/") ? path : this.base + path, { method, headers, body: content, credentials: "same-origin", keepalive: keepalive && small });
      text = await response.text();
    } catch {
      throw new Unreachable(t("The server cannot be reached."));
    }
    const { status, ok } = response;
    const answer = parsed(text);
    // Somebody else's page in between (a captive portal, a proxy's error) is no answer of ours.
    const ours = ok ? answer !== null || status === 204 : Boolean(answer?.error) || FINAL.includes(status);
    if (LATER.includes(status) || (!ours && !ok)) {
      throw new Unreachable(t("The server answered %(status)s.", { status }), status, answer?.error?.code);
    }
    if (!ours) throw new Unreachable(t("The server cannot be reached."));
    if (!ok) throw new Refused(status, answer);
    return answer;
  }
}

/** An object, or null. @param {string} text */
function parsed(text) {
  try {
    const found = JSON.parse(text);
    return found && typeof found === "object" ? found : null;
  } catch {
    return null;
  }
}
