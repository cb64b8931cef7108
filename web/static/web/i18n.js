/**
 * What people read, in their language. The English sentence is the key; a page that speaks another language carries
 * its catalogue as JSON in `<script type="application/json" id="i18n">`, and without one everything is English:
 *
 *     {"plural": "ar", "messages": {"Saved": "حُفظ", "%(count)s spans": ["…", "…"]}}
 *
 * `plural` names the language whose plural rules choose among the forms of a list; the forms stand in CLDR's order
 * (zero, one, two, few, many, other), as gettext's do for every language that we have.
 */

/** @typedef {{ plural: string, messages: Record<string, string | string[]> }} Catalogue */
/** @typedef {Record<string, string | number>} Values */

const ORDER = ["zero", "one", "two", "few", "many", "other"];

/** @type {Catalogue} */
let catalogue = { plural: "en", messages: {} };
/** @type {Intl.PluralRules} */
let rules;
/** @type {string[]} */
let forms;

/** Speak another language from now on; for tests, and for the page at its start. @param {Catalogue} next */
export function speak(next) {
  catalogue = next;
  rules = new Intl.PluralRules(next.plural || "en");
  const used = rules.resolvedOptions().pluralCategories;
  forms = ORDER.filter((form) => used.includes(/** @type {Intl.LDMLPluralRule} */ (form)));
}

/** What numbers and dates are written in: the page's language, not the browser's. Days stand before months, as on the server. */
export const language = () => (catalogue.plural && catalogue.plural !== "en" ? catalogue.plural : "en-GB");

/** A sentence; `%(name)s` in it becomes the value of that name. @param {string} text @param {Values} [values] */
export function t(text, values) {
  const found = catalogue.messages[text];
  return filled(typeof found === "string" && found ? found : text, values);
}

/**
 * A sentence that counts. `count` is filled in as `%(count)s`, too.
 * @param {string} one @param {string} many @param {number} count @param {Values} [values]
 */
export function n(one, many, count, values) {
  const found = catalogue.messages[one];
  const english = count === 1 ? one : many;
  const place = forms.indexOf(rules.select(count));
  const text = (Array.isArray(found) && (found[place] || found.at(-1))) || english;
  return filled(text, { count: count.toLocaleString(language()), ...values });
}

/** @param {string} text @param {Values} [values] */
function filled(text, values) {
  if (!values) return text;
  return text.replace(/%\((\w+)\)s/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

const there = typeof document === "undefined" ? null : document.getElementById("i18n");
speak(there ? JSON.parse(there.textContent || "{}") : catalogue);
