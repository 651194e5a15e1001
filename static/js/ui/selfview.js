/** One's own picture in a corner of the stage: drag it or move it with the arrow keys; it remembers where. */

const KEY = "earshot.corner";
/** @typedef {"top left"|"top right"|"bottom left"|"bottom right"} Corner */

export class SelfView {
  /** @param {HTMLElement} element */
  constructor(element) {
    this._element = element;
    const kept = localStorage.getItem(KEY);
    if (kept) element.dataset.corner = kept;
    element.addEventListener("keydown", (event) => this._key(event));
    element.addEventListener("pointerdown", (event) => this._grab(event));
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const [vertical, horizontal] = this._corner().split(" ");
    /** @type {Record<string, string>} */
    const to = {
      ArrowUp: `top ${horizontal}`,
      ArrowDown: `bottom ${horizontal}`,
      ArrowLeft: `${vertical} left`,
      ArrowRight: `${vertical} right`,
    };
    if (!to[event.key]) return;
    event.preventDefault();
    this._moveTo(to[event.key]);
  }

  /** Where it is; the style sheet's own corner differs between phones and desktops. */
  _corner() {
    const box = this._element.getBoundingClientRect();
    const vertical = box.top + box.height / 2 < innerHeight / 2 ? "top" : "bottom";
    const horizontal = box.left + box.width / 2 < innerWidth / 2 ? "left" : "right";
    return `${vertical} ${horizontal}`;
  }

  /** @param {string} corner */
  _moveTo(corner) {
    this._element.dataset.corner = corner;
    localStorage.setItem(KEY, corner);
  }

  /** @param {PointerEvent} down */
  _grab(down) {
    if (down.button !== 0) return;
    const element = this._element;
    element.setPointerCapture(down.pointerId);
    element.classList.add("selfview--dragged");
    const move = (/** @type {PointerEvent} */ event) =>
      element.style.setProperty("translate", `${event.clientX - down.clientX}px ${event.clientY - down.clientY}px`);
    const drop = () => {
      element.removeEventListener("pointermove", move);
      element.classList.remove("selfview--dragged");
      const corner = this._corner();
      element.style.removeProperty("translate");
      this._moveTo(corner);
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", drop, { once: true });
    element.addEventListener("pointercancel", drop, { once: true });
  }
}
