/** Which key does what. Commands use keys that no label can have; letters join them where no label took them. */

export const COMMANDS = [
  { name: "accept", keys: [" "], letter: "a", show: "Space", does: "Accept the suggestion" },
  { name: "remove", keys: ["Delete", "Backspace"], letter: "x", show: "Del", does: "Reject the suggestion, or remove the label" },
  { name: "nextStop", keys: ["Tab"], show: "Tab", does: "Next suggestion (when none waits: next label)" },
  { name: "previousStop", keys: ["Shift+Tab"], show: "⇧ Tab", does: "The one before" },
  { name: "acceptAll", keys: ["Shift+Enter"], show: "⇧ Enter", does: "Accept all suggestions" },
  { name: "submit", keys: ["Enter"], show: "Enter", does: "Submit, and on to the next" },
  { name: "acceptAllAndSubmit", keys: ["Mod+Enter"], show: "Ctrl Enter", does: "Accept all suggestions and submit" },
  { name: "skip", keys: ["."], letter: "s", show: ".", does: "Skip this document" },
  { name: "undo", keys: ["Mod+z"], letter: "u", show: "Ctrl Z", does: "Undo" },
  { name: "redo", keys: ["Mod+Shift+z", "Mod+y"], show: "Ctrl Y", does: "Redo" },
  { name: "relate", keys: ["-"], show: "-", does: "Draw a relation; again for the next kind" },
  { name: "right", keys: ["ArrowRight"], show: "→", does: "Next word" },
  { name: "left", keys: ["ArrowLeft"], show: "←", does: "Word before" },
  { name: "down", keys: ["ArrowDown"], show: "↓", does: "Word in the line below" },
  { name: "up", keys: ["ArrowUp"], show: "↑", does: "Word in the line above" },
  { name: "home", keys: ["Home"], show: "Home", does: "First word" },
  { name: "end", keys: ["End"], show: "End", does: "Last word" },
  { name: "growRight", keys: ["Shift+ArrowRight"], show: "⇧ →", does: "Extend by a word (moves the end of a chosen label)" },
  { name: "shrinkRight", keys: ["Shift+ArrowLeft"], show: "⇧ ←", does: "Draw back by a word" },
  { name: "growLeft", keys: ["Mod+Shift+ArrowLeft"], show: "Ctrl ⇧ ←", does: "Extend at the start" },
  { name: "shrinkLeft", keys: ["Mod+Shift+ArrowRight"], show: "Ctrl ⇧ →", does: "Draw back at the start" },
  { name: "growChar", keys: ["Alt+Shift+ArrowRight"], show: "Alt ⇧ →", does: "Extend by one character" },
  { name: "shrinkChar", keys: ["Alt+Shift+ArrowLeft"], show: "Alt ⇧ ←", does: "Draw back by one character" },
  { name: "escape", keys: ["Escape"], show: "Esc", does: "Let go of what is chosen" },
  { name: "help", keys: ["?"], show: "?", does: "Show these keys" },
];

/** What a key event is called here. Shift only counts where the key itself does not tell. */
export function nameOf(event) {
  const named = event.key.length > 1 || event.key === " ";
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Mod");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && (named || parts.length > 0)) parts.push("Shift");
  parts.push(named ? event.key : event.key.toLowerCase());
  return parts.join("+");
}

/** Map from key to { command } or { label }. Labels come first: their keys are the manager's choice. */
export function keyMap(labels) {
  const map = new Map();
  for (const label of labels) {
    if (label.key && !map.has(label.key.toLowerCase())) map.set(label.key.toLowerCase(), { label });
  }
  for (const command of COMMANDS) {
    for (const key of command.keys) map.set(key, { command: command.name });
    if (command.letter && !map.has(command.letter)) map.set(command.letter, { command: command.name });
  }
  return map;
}
