/** Which marks a relation may join, by the project's rules. Pure. */

import { t } from "../i18n.js";

/** @typedef {import("./work.js").Rules} Rules @typedef {import("./work.js").Work} Work */

/** Pairs of head and tail labels; null where any two will do. @param {Rules} rules @param {string} relation */
function pairsOf(rules, relation) {
  const pairs = rules.relations?.get(relation)?.pairs ?? [];
  return pairs.length > 0 ? pairs : null;
}

/** @param {Rules} rules @param {string} relation @param {string} head @param {string} tail */
export function allows(rules, relation, head, tail) {
  return pairsOf(rules, relation)?.some((pair) => pair[0] === head && pair[1] === tail) ?? true;
}

/** Whether a mark of this label can be the next end. @param {Rules} rules @param {string} relation @param {string | null} head label of the head, if there is one @param {string} label */
export function canEnd(rules, relation, head, label) {
  if (head !== null) return allows(rules, relation, head, label);
  return pairsOf(rules, relation)?.some((pair) => pair[0] === label) ?? true;
}

/** Why a mark of this label cannot be the next end. @param {Rules} rules @param {string} relation @param {string | null} head @param {string} label */
export function refusal(rules, relation, head, label) {
  const pairs = pairsOf(rules, relation) ?? [];
  const named = (/** @type {string[]} */ names) => [...new Set(names)].join(", ");
  if (head === null) {
    return t("%(relation)s does not start at %(label)s, but at: %(allowed)s.", {
      relation,
      label,
      allowed: named(pairs.map((pair) => pair[0])),
    });
  }
  return t("%(relation)s does not lead from %(head)s to %(label)s, but to: %(allowed)s.", {
    relation,
    head,
    label,
    allowed: named(pairs.filter((pair) => pair[0] === head).map((pair) => pair[1])),
  });
}

/** Relations that may join two labels, in the order given. @param {Rules} rules @param {string[]} names @param {string} head @param {string} tail */
export function between(rules, names, head, tail) {
  return names.filter((name) => allows(rules, name, head, tail));
}

/** The work without relations that its marks' labels no longer allow. @param {Work} work @param {Rules} rules @returns {Work} */
export function pruned(work, rules) {
  if (work.relations.length === 0) return work;
  const labels = new Map(work.marks.map((mark) => [mark.id, mark.label]));
  const kept = work.relations.filter(({ head, tail, label }) =>
    allows(rules, label, labels.get(head) ?? "", labels.get(tail) ?? ""),
  );
  return kept.length === work.relations.length ? work : { ...work, relations: kept };
}

/** Whether something at the words has no part in the relation that is being drawn.
 *  @param {import("./showing.js").Showing} board @param {string} id */
export function outside(board, id) {
  const { relating, pulling } = board;
  if ((!relating && !pulling) || id === pulling || id === relating?.head) return false;
  const thing = board.find(id);
  if (!thing || board.isItem(thing)) return true;
  if (relating) return !board.canEnd(thing);
  return between(board.rules, board.relationNames, board.find(pulling)?.label ?? "", thing.label).length === 0;
}
