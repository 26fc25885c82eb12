// What the court sounds like. Left and right are heard where they are; the
// higher on the court, the higher the tone. Silent until the button is pressed;
// the browser remembers.

import { H, W } from "./physics.js";

const KEY = "rally.sound";

// remembered reads or writes the wish; storage may be forbidden.
function remembered(value) {
  try {
    if (value !== undefined) localStorage.setItem(KEY, value);
    return localStorage.getItem(KEY) === "1";
  } catch {
    return false;
  }
}

export class Sound {
  #audio = null;
  #on = false;
  #button;

  constructor(button) {
    this.#button = button;
    this.#set(remembered());
    button.addEventListener("click", () => {
      this.#set(!this.#on);
      remembered(this.#on ? "1" : "0");
      this.paddle(W / 2, H / 2);
    });
    // Browsers let a page sound only after a gesture.
    for (const gesture of ["pointerdown", "keydown"]) {
      addEventListener(gesture, () => this.#on && this.#audio?.resume(), { passive: true });
    }
  }

  wall(x, y) {
    this.#tone(pitch(y), 0.05, x, "triangle", 0.15);
  }

  paddle(x, y) {
    this.#tone(pitch(y), 0.09, x, "square", 0.1);
  }

  // point sounds from the side that scored.
  point(side) {
    const x = side ? W : 0;
    this.#tone(330, 0.12, x, "triangle", 0.25);
    this.#tone(440, 0.2, x, "triangle", 0.25, 0.12);
  }

  // over: three tones up for the winner and who watches, down for the loser.
  over(won) {
    [392, 523, 659].forEach((tone, i, all) =>
      this.#tone(won ? tone : all[2 - i] / 2, 0.28, W / 2, "triangle", 0.25, 0.3 + i * 0.16),
    );
  }

  pause() {
    this.#tone(196, 0.35, W / 2, "sine", 0.3);
  }

  // count is one number of the countdown; last, that play starts.
  count(last) {
    this.#tone(last ? 784 : 392, last ? 0.25 : 0.1, W / 2, "sine", 0.25);
  }

  #set(on) {
    this.#on = on;
    this.#button.setAttribute("aria-pressed", on);
    if (on) {
      this.#audio ??= new AudioContext();
      this.#audio.resume();
    } else {
      this.#audio?.suspend();
    }
  }

  #tone(frequency, seconds, x, type, volume, delay = 0) {
    if (!this.#on || this.#audio.state !== "running") return;
    const audio = this.#audio;
    const start = audio.currentTime + delay;
    const tone = new OscillatorNode(audio, { type, frequency });
    const gain = new GainNode(audio, { gain: 0 });
    gain.gain.setValueAtTime(volume, start);
    gain.gain.exponentialRampToValueAtTime(0.001, start + seconds);
    const pan = new StereoPannerNode(audio, { pan: (x / W) * 1.8 - 0.9 });
    tone.connect(gain).connect(pan).connect(audio.destination);
    tone.start(start);
    tone.stop(start + seconds);
  }
}

// pitch gives 880 Hz at the top of the court and 220 Hz at the bottom.
const pitch = (y) => 880 * 4 ** (-y / H);
