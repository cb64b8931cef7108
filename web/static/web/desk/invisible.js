/** Shows what cannot be seen: spaces, tabs, line ends, joiners, controls. Drawn over the text, which stays as it is. */

/** The sign for each; what takes no room in the text gets its name in small letters. @type {Record<string, string>} */
const SIGNS = {
  " ": "·",
  "\t": "→",
  "\n": "↵",
  "\r": "␍",
  "\u00a0": "⍽",
  "\u202f": "⍽",
  "\u2007": "⍽",
  "\u3000": "□",
  "\u00ad": "SHY",
  "\u200b": "ZWSP",
  "\u200c": "ZWNJ",
  "\u200d": "ZWJ",
  "\u200e": "LRM",
  "\u200f": "RLM",
  "\u061c": "ALM",
  "\u202a": "LRE",
  "\u202b": "RLE",
  "\u202c": "PDF",
  "\u202d": "LRO",
  "\u202e": "RLO",
  "\u2060": "WJ",
  "\u2066": "LRI",
  "\u2067": "RLI",
  "\u2068": "FSI",
  "\u2069": "PDI",
  "\ufeff": "BOM",
};
const UNSEEN = /[\s\p{Cc}\p{Cf}\p{Zs}]/gu;

export class Blanks {
  /** @param {import("./sheet.js").Sheet} sheet */
  constructor(sheet) {
    this.sheet = sheet;
    this.on = false;
    this.layer = document.createElement("div");
    this.layer.className = "blanks";
    sheet.over.append(this.layer);
    /** What is drawn already. @type {object | null} */
    this.drawn = null;
  }

  draw() {
    const window = this.on ? this.sheet.window : null;
    if (window === this.drawn) return;
    this.drawn = window;
    this.layer.replaceChildren(...(window ? this.#signs(window) : []));
  }

  /** @param {import("./offsets.js").Range} range */
  *#signs({ start, end }) {
    const { text } = this.sheet;
    let point = start;
    let from = 0;
    const part = text.slice(start, end);
    for (const { 0: character, index } of part.matchAll(UNSEEN)) {
      point += [...part.slice(from, index)].length;
      from = index;
      const sign = this.#sign(character, point);
      if (sign) yield sign;
    }
  }

  /** @param {string} character @param {number} point */
  #sign(character, point) {
    const box = this.sheet.spot(point);
    if (!box) return null;
    const sign = document.createElement("i");
    const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0");
    sign.textContent = SIGNS[character] ?? (/\s/.test(character) ? "·" : `U+${code}`);
    sign.className = sign.textContent.length > 1 ? "blank named" : "blank";
    Object.assign(sign.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px`, height: `${box.height}px` });
    return sign;
  }
}
