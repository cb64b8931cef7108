/** Shows at the text that a label is in hand: what is being chosen takes its colour, and the pointer wears it. */

export class InHand {
  /** @param {HTMLElement} stack */
  constructor(stack) {
    this.stack = stack;
    /** @type {string | null} */
    this.color = null;
  }

  /** @param {string | null} color of the label; null: none is in hand */
  draw(color) {
    if (color === this.color) return;
    this.color = color;
    const { stack } = this;
    stack.classList.toggle("holding", color !== null);
    stack.style.setProperty("--hand", color);
    stack.style.setProperty("--pointer", color && `url("data:image/svg+xml,${encodeURIComponent(pointer(color))}") 7 12, text`);
  }
}

/** The usual bar for text with a drop of the label's colour. @param {string} color */
const pointer = (color) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="24" height="26"><g fill="none" stroke-linecap="round"><path d="M4 3q3 0 3 3v12q0 3-3 3m6-18q-3 0-3 3m0 12q0 3 3 3" stroke="#fff" stroke-width="3.6"/><path d="M4 3q3 0 3 3v12q0 3-3 3m6-18q-3 0-3 3m0 12q0 3 3 3" stroke="#111" stroke-width="1.6"/></g><circle cx="17" cy="19" r="5" fill="${color}" stroke="#fff" stroke-width="1.5"/></svg>`;
