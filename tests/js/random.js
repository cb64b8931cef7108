/** Numbers that look random and are the same in every run. @param {number} seed */
export function random(seed) {
  let state = seed >>> 0;
  /** @param {number} below */
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const SIGNS = ["a", "B", "é", "ש", "ع", "中", "あ", "😀", "👨‍👩‍👧", "e\u0301", " ", "\n", "\r\n", "\t", "\u200b", ".", ",", "9", "𝒳", "🇳🇴"];

/** A text of signs from everywhere. @param {(below: number) => number} next @param {number} most */
export function strange(next, most) {
  return Array.from({ length: next(most) + 1 }, () => SIGNS[next(SIGNS.length)]).join("");
}
