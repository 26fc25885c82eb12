// The match over the page's socket: binary frames, as docs/protocol.md has
// them. htmx owns the socket and opens it anew when it is lost; each time this
// joins again.

const JOIN = 0x01;
const INPUT = 0x02;
const PING = 0x03;
const STATE = 0x81;
const PONG = 0x82;
const WELCOME = 0x83;
const REFUSED = 0x84;

export const UNKNOWN = 0xffff; // RTT, of a player who has not said
const PING_MS = 1000;
const FIRST_PINGS = 4; // … come faster, to know the time soon
const FIRST_PING_MS = 200;

export class Link {
  #match;
  #on;
  #socket = null;
  #joined = false;
  #pinged = 0; // since the join
  #ping = {};
  #timer = 0;

  // on has the functions welcome(side, rules), state(bytes), pong(sentAt, tick,
  // rtts), refused(reason), lost(code), and alive(), asked before each ping,
  // which gives the RTT to report (null when unknown) or false to stop.
  constructor(match, on) {
    this.#match = match;
    this.#on = on;
    document.addEventListener("htmx:ws:after:connection", ({ detail }) => this.#take(detail.connection.socket));
    const open = document.body._htmx?.ws?.connection?.socket;
    if (open?.readyState === WebSocket.OPEN) this.#take(open);
  }

  // join asks for the seat, or for a place to watch from.
  join() {
    this.#joined = this.#send([JOIN, ...new TextEncoder().encode(this.#match)]);
    this.#pinged = 0;
    clearTimeout(this.#timer);
    this.#beat();
  }

  // input says whether it could be sent.
  input(seq, dir, tick) {
    return this.#joined && this.#send([INPUT, ...two(seq), dir, ...four(tick)]);
  }

  #take(socket) {
    if (socket === this.#socket) return;
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      if (socket === this.#socket && data instanceof ArrayBuffer) this.#receive(new Uint8Array(data));
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket !== this.#socket) return;
      this.#joined = false;
      clearTimeout(this.#timer);
      this.#on.lost(code);
    });
    this.join();
  }

  #beat() {
    const rtt = this.#on.alive();
    if (!this.#joined || rtt === false) return;
    const at = performance.now();
    this.#ping = { id: at >>> 0, at };
    this.#send([PING, ...four(this.#ping.id), ...two(rtt === null ? UNKNOWN : Math.min(rtt + 0.5, 60000))]);
    this.#timer = setTimeout(() => this.#beat(), this.#pinged++ < FIRST_PINGS ? FIRST_PING_MS : PING_MS);
  }

  #receive(frame) {
    const view = new DataView(frame.buffer);
    switch (frame[0]) {
      case STATE:
        return this.#on.state(frame);
      case PONG:
        if (view.getUint32(1) === this.#ping.id) {
          const rtts = [view.getUint16(10), view.getUint16(12)];
          this.#on.pong(this.#ping.at, view.getUint32(5) + frame[9] / 256, rtts);
        }
        return;
      case WELCOME:
        return this.#on.welcome(view.getInt8(1), frame.subarray(2));
      case REFUSED:
        this.#joined = false;
        return this.#on.refused(frame[1]);
    }
  }

  // #send keeps the low byte of each number.
  #send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(Uint8Array.from(frame));
    return true;
  }
}

const two = (n) => [n >> 8, n];
const four = (n) => [...two(n >> 16), ...two(n)];
