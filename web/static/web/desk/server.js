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

/** No answer at all, or one that a later try may better. */
export class Unreachable extends Error {}

const LATER = [429, 500, 502, 503, 504];

export class Server {
  /** @param {{ api: string, csrf: string }} config */
  constructor({ api, csrf }) {
    this.base = api;
    this.csrf = csrf;
  }

  /** @param {string} path @returns {Promise<any>} */
  get(path) {
    return this.#call("GET", path);
  }

  /** @param {string} path @param {object} body @returns {Promise<any>} */
  post(path, body = {}) {
    return this.#call("POST", path, body);
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
    let response;
    let text;
    try {
      response = await fetch(this.base + path, { method, headers, body: content, credentials: "same-origin", keepalive });
      text = await response.text();
    } catch {
      throw new Unreachable(t("The server cannot be reached."));
    }
    if (LATER.includes(response.status)) throw new Unreachable(t("The server answered %(status)s.", { status: response.status }));
    const answer = parsed(text);
    if (!response.ok) throw new Refused(response.status, answer);
    // Somebody else's page in between (a captive portal, a proxy's error) is no answer of ours.
    if (answer === undefined) throw new Unreachable(t("The server cannot be reached."));
    return answer;
  }
}

/** @param {string} text */
function parsed(text) {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
