// The court between two frames: runs the newest frame forward with the integer
// step, with the own inputs that the server has not confirmed yet, and hides
// corrections by easing them out.

import { step } from "./physics.js";

export const COUNTDOWN = 1;
export const PLAYING = 2;
const EASE_MS = 65;

const copy = (s) => ({ ...s, p: [...s.p] });
const mix = (a, b, part) => a + (b - a) * part;

export class Predictor {
  pending = []; // {seq, dir, tick, at}: own inputs without an answer, oldest first
  heard = []; // {event, x, y} of steps run for the first time; whoever plays them empties it
  #rules;
  #side;
  #base = null; // the newest frame
  #run = null; // {tick, phase, timer, before, state}: before is the state a tick earlier
  #heardTick = 0;
  #error = { x: 0, y: 0, p: [0, 0], at: -EASE_MS };

  constructor(rules, side) {
    this.#rules = rules;
    this.#side = side;
  }

  // frame takes a state frame, with the tick shown now.
  frame(frame, tick, now) {
    const old = this.#base && this.look(tick, now);
    this.#base = frame;
    this.#run = null;
    if (this.#side >= 0) {
      const ack = frame.ack[this.#side];
      this.pending = this.pending.filter(({ seq }) => ((seq - ack) << 16) >> 16 > 0);
    }
    if (!old) return;
    const fresh = this.#raw(tick);
    const ball = old.live && fresh.live; // else it did not fly from here to there
    this.#error = {
      x: ball ? old.x - fresh.x : 0,
      y: ball ? old.y - fresh.y : 0,
      p: [old.p[0] - fresh.p[0], old.p[1] - fresh.p[1]],
      at: now,
    };
  }

  // press notes an input as sent. It is in force from its tick on, here at once.
  press(input) {
    this.pending.push(input);
    this.#run = null;
  }

  // look gives what to draw at a tick (with its fraction): the state, in
  // between two steps, corrections eased.
  look(tick, now) {
    const seen = this.#raw(tick);
    const rest = Math.max(0, 1 - (now - this.#error.at) / EASE_MS) ** 2;
    seen.x += this.#error.x * rest;
    seen.y += this.#error.y * rest;
    seen.p = seen.p.map((y, side) => y + this.#error.p[side] * rest);
    return seen;
  }

  #raw(tick) {
    const whole = Math.floor(tick);
    if (!this.#run || this.#run.tick > whole + 1) this.#restart();
    const run = this.#run;
    while (run.tick <= whole) this.#step(run);
    // run.state is at whole+1 now, unless the frame is from later than that.
    const { before, state } = run;
    const part = run.tick === whole + 1 ? tick - whole : 1;
    const flying = before.live && state.live;
    return {
      ...state,
      x: flying ? mix(before.x, state.x, part) : state.x,
      y: flying ? mix(before.y, state.y, part) : state.y,
      p: state.p.map((y, side) => mix(before.p[side], y, part)),
      phase: run.phase,
    };
  }

  #restart() {
    const { tick, phase, timer, state } = this.#base;
    this.#run = { tick, phase, timer, before: state, state };
  }

  #step(run) {
    const dirs = [...this.#base.dir];
    for (const input of this.pending) if (input.tick <= run.tick) dirs[this.#side] = input.dir;
    run.tick++;
    run.before = run.state;
    if (run.phase === PLAYING) {
      run.state = copy(run.state);
      const event = step(this.#rules, run.state, ...dirs);
      if (event && run.tick > this.#heardTick) this.heard.push({ event, x: run.state.x, y: run.state.y });
    } else if (run.phase === COUNTDOWN && --run.timer <= 0) {
      run.phase = PLAYING;
    }
    this.#heardTick = Math.max(this.#heardTick, run.tick);
  }
}
