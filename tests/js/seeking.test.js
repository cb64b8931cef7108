import assert from "node:assert/strict";
import test from "node:test";

import { Text } from "../../web/static/web/desk/offsets.js";
import { level, Seeker } from "../../web/static/web/desk/seeking.js";
import { Tokens } from "../../web/static/web/desk/tokens.js";
import { random, strange } from "./random.js";

/** @param {string} string */
function of(string) {
  const text = new Text(string);
  const tokens = new Tokens(text);
  return { text, tokens, seeker: new Seeker(text, tokens) };
}

/** The words found one after the other. @param {string} string @param {string} letters @param {1 | -1} way */
function words(string, letters, way = 1, most = 4) {
  const { text, tokens, seeker } = of(string);
  let here = tokens.first();
  return Array.from({ length: most }, () => {
    const found = seeker.find(letters, here, way);
    here = found?.range ?? here;
    return found && `${found.round ? "^" : ""}${text.slice(here.start, here.end)}`;
  });
}

test("words are found by how they begin, one after the other and round", () => {
  assert.deepEqual(words("Ada met Paul in Paris, past Pau.", "pa"), ["Paul", "Paris", "past", "Pau"]);
  assert.deepEqual(words("pa Ada Paul", "pa", 1, 3), ["Paul", "^pa", "Paul"]);
  assert.deepEqual(words("pa Ada Paul", "pa", -1, 3), ["^Paul", "pa", "^Paul"]);
  assert.deepEqual(words("Ada", "pa", 1, 1), [null]);
  assert.deepEqual(words("Ada", " ", 1, 1), [null]);
});

test("case, accents and what cannot be seen make no difference", () => {
  assert.deepEqual(words("a Élan e\u0301lan ＥＬ", "el", 1, 3), ["Élan", "e\u0301lan", "ＥＬ"]);
  assert.deepEqual(words("a \u200eParis", "pa", 1, 1).map((one) => one?.replace("\u200e", "")), ["Paris"]);
  assert.deepEqual(words("a مُحَمَّد", "محم", 1, 1), ["مُحَمَّد"]);
  assert.deepEqual(words("a أوسلو", "او", 1, 1), ["أوسلو"]);
  assert.equal(level("Straße"), "straße");
});

test("figures, signs and scripts without spaces are found, too", () => {
  assert.deepEqual(words("in 1990 and 199 (x)", "19", 1, 2), ["1990", "199"]);
  assert.deepEqual(words("in 1990 (x)", "(", 1, 1), ["("]);
  assert.deepEqual(words("我住在北京", "北", 1, 1), ["北京"]);
  assert.deepEqual(words("a 한국어", "한", 1, 1), ["한국어"]);
});

test("a piece that goes on after its first word is found as a whole, however wide its white space is", () => {
  assert.deepEqual(words("24 or $24.95 ($5)", "$24.95", 1, 1), ["$24.95"]);
  assert.deepEqual(words("in C or C++ here", "++", 1, 1), ["++"]);
  assert.deepEqual(words("a Anne\n  Berg", "anne be", 1, 1), ["Anne\n  Berg"]);
  assert.deepEqual(words("a ΟΔΟΣ οδός", "οδος", 1, 2), ["ΟΔΟΣ", "οδός"]);
  const { text, seeker, tokens } = of("Order 24.95 today");
  assert.equal(seeker.find("95", tokens.first()), null);
  const found = seeker.find("95", tokens.first(), 1, { within: true });
  assert.equal(found && text.slice(found.range.start, found.range.end), "24.95");
});

test("whatever is found is a token that begins so, and nothing that does is passed over", () => {
  const next = random(41);
  for (let round = 0; round < 150; round += 1) {
    const { text, tokens, seeker } = of(strange(next, 40));
    const all = [];
    for (let at = tokens.first(); at.end > (all.at(-1)?.end ?? 0); at = tokens.at(at.end)) all.push(at);
    for (const here of all) {
      const letters = level(text.slice(here.start, here.end)).slice(0, 1);
      const found = seeker.find(letters, { start: here.start - 1, end: here.start });
      if (letters && !/\s/.test(letters)) assert.deepEqual(found, { range: here, round: false }, JSON.stringify(text.string));
    }
  }
});

test("a long text is levelled quickly", () => {
  const { seeker, tokens } = of("the patient was given aspirin ".repeat(3500));
  const begin = performance.now();
  assert.equal(seeker.find("zz", tokens.first()), null);
  assert.equal(seeker.find("e", tokens.first()), null, "within every other word, at the beginning of none");
  assert.ok(performance.now() - begin < 500);
});
