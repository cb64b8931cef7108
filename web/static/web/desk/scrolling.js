/** Scrolls on while something that is dragged rests near the edge of what is in view, the faster the nearer. */

/** Pixels from the edge where it begins, and the most at once. */
const NEAR = 40;
const FASTEST = 20;

export class Scrolling {
  /** @param {Element} scroller @param {(event: PointerEvent) => void} moved the words under the pointer are others now */
  constructor(scroller, moved) {
    this.scroller = scroller;
    this.moved = moved;
    this.frame = 0;
    /** @type {PointerEvent | null} */
    this.last = null;
  }

  /** @param {PointerEvent} event where the pointer is now */
  follow(event) {
    this.last = event;
    this.frame ||= requestAnimationFrame(() => this.#step());
  }

  stop() {
    cancelAnimationFrame(this.frame);
    this.last = null;
  }

  #step() {
    this.frame = 0;
    if (!this.last) return;
    const { scroller } = this;
    const before = scroller.scrollTop;
    scroller.scrollTop += speed(this.last.clientY, this.#edges());
    if (scroller.scrollTop === before) return;
    this.moved(this.last);
    this.frame = requestAnimationFrame(() => this.#step());
  }

  #edges() {
    if (this.scroller === document.scrollingElement) return { top: 0, bottom: innerHeight };
    const { top, bottom } = this.scroller.getBoundingClientRect();
    return { top: Math.max(0, top), bottom: Math.min(innerHeight, bottom) };
  }

  /** The height of a spot, kept within what is in view: beyond it there are no words. @param {number} y */
  within(y) {
    const { top, bottom } = this.#edges();
    return Math.max(top + 2, Math.min(y, bottom - 2));
  }
}

/** @param {number} y @param {{ top: number, bottom: number }} edges */
export function speed(y, { top, bottom }) {
  const part = (/** @type {number} */ into) => Math.ceil(FASTEST * Math.min(1, into / NEAR));
  if (y < top + NEAR) return -part(top + NEAR - y);
  return y > bottom - NEAR ? part(y - bottom + NEAR) : 0;
}
