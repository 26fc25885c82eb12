// Where the player wants to go: keys, buttons and the finger on the court.

import { H } from "./physics.js";

// By place on the keyboard, so that W and S work on every layout.
const KEYS = { KeyW: -1, ArrowUp: -1, KeyS: 1, ArrowDown: 1 };

export class Controls {
  #held = []; // {by, dir} of keys and buttons that are down, newest last
  #target = null; // where the finger is, in sub-units
  #changed;

  // changed is called when the answer of want may have become another.
  constructor(court, canvas, changed) {
    this.#changed = changed;
    court.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const dir = KEYS[event.code] ?? (/^( |Enter)$/.test(event.key) && +event.target.dataset.dir);
      if (!dir) return;
      event.preventDefault();
      if (!event.repeat) this.#hold(event.code, dir);
    });
    court.addEventListener("keyup", (event) => this.#release(event.code));
    court.addEventListener("focusout", (event) => {
      if (!court.contains(event.relatedTarget)) this.stop();
    });
    addEventListener("blur", () => this.stop());
    document.addEventListener("visibilitychange", () => this.stop());

    for (const button of court.querySelectorAll("[data-dir]")) {
      button.style.touchAction = "none";
      button.addEventListener("contextmenu", (event) => event.preventDefault());
      button.addEventListener("pointerdown", (event) => {
        button.setPointerCapture(event.pointerId);
        this.#hold(button, +button.dataset.dir);
      });
      button.addEventListener("lostpointercapture", () => this.#release(button));
    }

    const drag = (event) => {
      const box = canvas.getBoundingClientRect();
      this.#target = ((event.clientY - box.top) / box.height) * H;
      this.#changed();
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      drag(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.#target !== null) drag(event);
    });
    canvas.addEventListener("lostpointercapture", () => {
      this.#target = null;
      this.#changed();
    });
  }

  // want gives the direction for a paddle at y that moves by speed a tick. The
  // key or button pressed last counts, then the finger.
  want(y, speed) {
    if (this.#held.length) return this.#held.at(-1).dir;
    if (this.#target === null) return 0;
    const way = this.#target - y;
    return Math.abs(way) > speed ? Math.sign(way) : 0;
  }

  // stop lets go of everything: the court has lost the player's attention.
  stop() {
    this.#held = [];
    this.#target = null;
    this.#changed();
  }

  #hold(by, dir) {
    this.#held = [...this.#held.filter((held) => held.by !== by), { by, dir }];
    this.#changed();
  }

  #release(by) {
    this.#held = this.#held.filter((held) => held.by !== by);
    this.#changed();
  }
}
