/** Where a person's work is just now, from the facts, in words. */

import { n, t } from "../i18n.js";

/**
 * @typedef {{ changed: boolean, sending: boolean, waiting: number, offline: boolean, full: boolean, signedOut: boolean, keeps: boolean,
 *             touched: boolean, other: boolean, refused: number }} Facts
 * full: the server's disk is. changed: since the server last had this document. waiting: submits that are not acknowledged. touched: anything was
 * done or sent at all. other: somebody else has signed in. refused: submits that the server would not take.
 * @typedef {{ kind: "" | "saved" | "saving" | "kept" | "offline" | "signedout" | "warn", words: string,
 *             action: "" | "retry" | "signin", label: string }} Status
 */

/** @param {Facts} facts @returns {Status} */
export function statusOf({ changed, sending, waiting, offline, full, signedOut, keeps, touched, other, refused }) {
  const unsent = changed || waiting > 0;
  if (other) return status("signedout", t("Somebody else is signed in now. Your work is kept here for you."));
  if (signedOut) return status("signedout", t("Signed out: your work is kept here."), "signin", t("Sign in"));
  if (!keeps && unsent) return status("warn", t("This browser keeps nothing: stay until it is saved."), offline ? "retry" : "", t("Try now"));
  if (full) return status("offline", t("The server's disk is full: kept here."), "retry", t("Try now"));
  if (offline && waiting > 0) {
    return status("offline", n("Offline: 1 document is kept here.", "Offline: %(count)s documents are kept here.", waiting), "retry", t("Try now"));
  }
  if (offline) return status("offline", changed ? t("Offline: kept here.") : t("Offline."), "retry", t("Try now"));
  if (sending || waiting > 0) return status("saving", t("Saving…"));
  if (changed) return status("kept", t("Kept here"));
  if (refused > 0) return status("warn", n("1 document needs you.", "%(count)s documents need you.", refused));
  return touched ? status("saved", t("Saved")) : status("", "");
}

/** @param {Status["kind"]} kind @param {string} words @param {Status["action"]} [action] @param {string} [label] @returns {Status} */
function status(kind, words, action = "", label = "") {
  return { kind, words, action, label: action ? label : "" };
}
