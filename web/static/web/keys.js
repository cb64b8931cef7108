/** Which key does what. Commands use keys that no label can have; letters join them where no label took them.
 *  What each is for stands in the page, under ‘Keys’. */

export const COMMANDS = [
  { name: "accept", keys: [" "], letter: "a" },
  { name: "remove", keys: ["Delete", "Backspace"], letter: "x" },
  { name: "nextStop", keys: ["Tab"] },
  { name: "previousStop", keys: ["Shift+Tab"] },
  { name: "acceptAll", keys: ["Shift+Enter"] },
  { name: "submit", keys: ["Enter"] },
  { name: "acceptAllAndSubmit", keys: ["Mod+Enter"] },
  { name: "submitPart", keys: ["Alt+Enter"] },
  { name: "skip", keys: ["."], letter: "s" },
  { name: "undo", keys: ["Mod+z"], letter: "u" },
  { name: "redo", keys: ["Mod+Shift+z", "Mod+y"] },
  { name: "relate", keys: ["-"] },
  { name: "right", keys: ["ArrowRight"] },
  { name: "left", keys: ["ArrowLeft"] },
  { name: "down", keys: ["ArrowDown"] },
  { name: "up", keys: ["ArrowUp"] },
  { name: "home", keys: ["Home"] },
  { name: "end", keys: ["End"] },
  { name: "growRight", keys: ["Shift+ArrowRight"] },
  { name: "shrinkRight", keys: ["Shift+ArrowLeft"] },
  { name: "growLeft", keys: ["Mod+Shift+ArrowLeft"] },
  { name: "shrinkLeft", keys: ["Mod+Shift+ArrowRight"] },
  { name: "growChar", keys: ["Alt+Shift+ArrowRight"] },
  { name: "shrinkChar", keys: ["Alt+Shift+ArrowLeft"] },
  { name: "escape", keys: ["Escape"] },
  { name: "help", keys: ["?"] },
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
