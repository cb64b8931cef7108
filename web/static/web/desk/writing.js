/** The one rule for fields for text: while one has the focus, a key that writes a character does that and nothing else.
 *  No field's own keys, and none of the desk's, are ever such a key; Enter, Escape, arrows, Tab and what is held with
 *  Ctrl are theirs. */

const FIELDS = "textarea, input:not([type]), input[type=text], input[type=search], [contenteditable]";

/** Whether a key writes a character: with Shift, with AltGr, with Alt on a Mac; Ctrl and Cmd make it a command.
 *  @param {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey"> & { getModifierState?: (name: string) => boolean }} event */
export function writes(event) {
  if ([...event.key].length !== 1) return false;
  const third = event.getModifierState?.("AltGraph") || (event.ctrlKey && event.altKey);
  return Boolean(third) || !(event.ctrlKey || event.metaKey);
}

/** Hold the rule for a whole page: nobody else hears of such a key. @param {Document} page */
export function keepWriting(page) {
  const hold = (/** @type {KeyboardEvent} */ event) => {
    if (writes(event) && event.target instanceof Element && event.target.closest(FIELDS)) event.stopPropagation();
  };
  page.addEventListener("keydown", hold, { capture: true });
}
