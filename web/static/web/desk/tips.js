/** What a label means, beside it: when the pointer rests on it, when it has the focus, and after a long press. */

import { byId } from "./dom.js";

const REST_MS = 350;

/** @param {HTMLElement} desk */
export function tips(desk) {
  const tip = byId("tip");
  let timer = 0;

  /** @param {Element} described */
  const show = (described) => {
    const source = document.getElementById(described.getAttribute("aria-describedby") ?? "");
    if (!source?.textContent) return;
    // The drawer has it already, made from Markdown by the server.
    tip.replaceChildren(...source.cloneNode(true).childNodes);
    tip.hidden = false;
    const around = (described.closest("label") ?? described).getBoundingClientRect();
    const { width, height } = tip.getBoundingClientRect();
    const besides = around.left - width - 8;
    const left = besides >= 8 ? besides : Math.min(Math.max(8, around.left), innerWidth - width - 8);
    const top = besides >= 8 ? around.top : around.top - height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
  };
  const hide = () => {
    clearTimeout(timer);
    tip.hidden = true;
  };
  /** @param {Event} event */
  const soon = (event) => {
    const found = describedBy(event.target);
    clearTimeout(timer);
    if (found) timer = window.setTimeout(() => show(found), event.type === "focusin" ? 0 : REST_MS);
    else if (event.target !== tip) hide();
  };

  desk.addEventListener("pointerover", soon);
  desk.addEventListener("focusin", soon);
  desk.addEventListener("focusout", hide);
  desk.addEventListener("contextmenu", (event) => {
    const found = describedBy(event.target);
    if (!found || !matchMedia("(pointer: coarse)").matches) return;
    event.preventDefault();
    show(found);
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  addEventListener("scroll", hide, { capture: true, passive: true });
}

/** @param {EventTarget | null} target */
function describedBy(target) {
  if (!(target instanceof Element)) return null;
  const control = target.closest("[data-act][aria-describedby]");
  return control ?? target.closest("label.option")?.querySelector("[aria-describedby]") ?? null;
}
