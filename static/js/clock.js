// What tick it is on the court. The server's schedule is absolute, so one good
// sample is enough: of the last few pings the fastest knows best.

const PER_MS = 60 / 1000; // ticks
const SAMPLES = 8;
const JUMP = 6; // ticks: beyond this the time is set, not steered
const STEER_MS = 250;

export class Clock {
  rtt = null; // ms, of the fastest recent ping
  #samples = [];
  #offset = null; // in force; steered towards the target
  #target = 0;
  #steeredAt = 0;
  #lead;

  // A player's lead is 1: their court shows the tick at which a key pressed now
  // arrives (server's now plus half a round trip), so what they see is what is
  // judged. A spectator's is -1: the tick that just arrives, nothing guessed.
  constructor(lead) {
    this.#lead = lead;
  }

  // learn takes a ping's answer: times in ms, tick with its fraction.
  learn(sentAt, now, tick) {
    const rtt = now - sentAt;
    const sample = { rtt, offset: tick - (now - rtt / 2) * PER_MS };
    // No sample is wrong by more than half its round trip. One that differs by
    // more means that the server's schedule has moved: forget the old ones.
    const apart = (s) => Math.abs(s.offset - sample.offset) > ((s.rtt + rtt) / 2) * PER_MS + 0.5;
    if (this.#samples.some(apart)) this.#samples = [];
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    const best = this.#samples.reduce((a, b) => (b.rtt < a.rtt ? b : a));
    this.rtt = best.rtt;
    this.#target = best.offset + this.#lead * (best.rtt / 2) * PER_MS;
    if (this.#offset === null || Math.abs(this.#target - this.#offset) > JUMP) this.#offset = this.#target;
  }

  // tick gives the tick to show now, with its fraction, or null before the
  // first answer.
  tick(now) {
    if (this.#offset === null) return null;
    const part = Math.min((now - this.#steeredAt) / STEER_MS, 1);
    this.#steeredAt = now;
    this.#offset += (this.#target - this.#offset) * part;
    return now * PER_MS + this.#offset;
  }
}
