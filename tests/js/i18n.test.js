import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { language, n, speak, t } from "../../web/static/web/i18n.js";

beforeEach(() => speak({ plural: "en", messages: {} }));

test("without a catalogue everything is English", () => {
  assert.equal(t("Saved"), "Saved");
  assert.equal(t("%(done)s of %(total)s done", { done: 3, total: "1,000" }), "3 of 1,000 done");
  assert.equal(n("1 waits", "%(count)s wait", 1), "1 waits");
  assert.equal(n("1 waits", "%(count)s wait", 1234), "1,234 wait");
});

test("what has no value stays as it is, and values are not looked into", () => {
  assert.equal(t("%(a)s and %(b)s", { a: "%(b)s" }), "%(b)s and %(b)s");
});

test("a catalogue is used, with the plural forms of its language in order", () => {
  const forms = ["صفر", "واحد", "اثنان", "%(count)s قليل", "%(count)s كثير", "%(count)s آخر"];
  speak({ plural: "ar", messages: { Saved: "حُفظ", "1 waits": forms } });

  assert.equal(t("Saved"), "حُفظ");
  assert.equal(n("1 waits", "%(count)s wait", 0), "صفر");
  assert.equal(n("1 waits", "%(count)s wait", 2), "اثنان");
  assert.match(n("1 waits", "%(count)s wait", 3), /قليل$/);
  assert.match(n("1 waits", "%(count)s wait", 11), /كثير$/);
  assert.match(n("1 waits", "%(count)s wait", 100), /آخر$/);
});

test("what is not translated, or translated to nothing, stays English", () => {
  speak({ plural: "ar", messages: { Saved: "", "1 waits": ["", "", "", "", "", ""] } });

  assert.equal(t("Saved"), "Saved");
  assert.equal(n("1 waits", "Some wait", 5), "Some wait");
});

test("numbers and dates are the page's, whatever the browser speaks", () => {
  const [number, day] = [1234.5, new Date(2026, 10, 21)];
  const date = () => day.toLocaleDateString(language(), { day: "numeric", month: "short" });

  assert.equal(date(), "21 Nov");
  speak({ plural: "ar-u-nu-latn", messages: {} });
  assert.equal(number.toLocaleString(language()), "1,234.5");
  assert.match(date(), /^21 /);
});
