/** Moments as the rest of the pages tells them: in the person's time zone, which need not be the browser's. */

import { language } from "../i18n.js";

/** @type {Intl.DateTimeFormatOptions} */
const SHORT = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
/** @type {Intl.DateTimeFormatOptions} */
const WHOLE = { ...SHORT, month: "long", year: "numeric" };

/**
 * The moment in short, the whole of it with its zone, and in UTC for programs.
 * @param {string} iso @param {string} [zone] its IANA name; without one, that of the page
 */
export function told(iso, zone = document.body.dataset.zone ?? "UTC") {
  const moment = new Date(iso);
  const timeZone = known(zone);
  const whole = `${moment.toLocaleString(language(), { ...WHOLE, timeZone })} (${timeZone})`;
  return { said: moment.toLocaleString(language(), { ...SHORT, timeZone }), whole, utc: moment.toISOString() };
}

/** A zone that this browser is too old to know is told as UTC. @param {string} zone */
function known(zone) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone && zone;
  } catch {
    return "UTC";
  }
}
