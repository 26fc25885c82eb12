// One step of the game, the same integers as package pong (see its comments,
// and docs/protocol.md): court in sub-units, time in ticks of 1/60 s. Every
// product stays below 2^31, so plain numbers are exact; division truncates.
//
// A state is {live, x, y, vx, vy, hits, p: [left, right], timer}.

export const W = 51200;
export const H = 28800;
const FINE = 12; // bits of an instant within the tick
const WHOLE = 1 << FINE;
const COS = [16384, 16244, 15826, 15137, 14189, 12998, 11585, 9974, 8192];
const SIN = [0, 2139, 4240, 6270, 8192, 9974, 11585, 12998, 14189];

// What happened in a step, bits of step's answer.
export const WALL = 1;
export const PADDLE = 2;
export const END = 4;
export const POINT = 8;

const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// parseRules reads the 22 bytes of the rules.
export function parseRules(bytes) {
  const v = view(bytes);
  const at = (i) => v.getUint16(i);
  const r = {
    points: v.getUint8(1),
    first: at(6),
    more: at(8),
    cap: at(10),
    speed: at(12),
    half: at(14),
    ball: at(20),
  };
  r.reach = r.half + r.ball;
  r.front = at(18) + at(16) + r.ball;
  r.rear = at(18) - at(16) - r.ball;
  r.lo = r.half + 2 * r.ball;
  r.hi = H - r.lo;
  r.x = at(18);
  r.thick = at(16);
  return r;
}

// parseFrame reads the 29 bytes of a state frame.
export function parseFrame(bytes) {
  const v = view(bytes);
  const at = (i) => v.getUint16(i);
  const flags = v.getUint8(1);
  const dirs = v.getUint8(18);
  return {
    phase: flags & 15,
    absent: [(flags >> 4) & 1, (flags >> 5) & 1],
    tick: v.getUint32(2),
    dir: [(dirs & 15) - 1, (dirs >> 4) - 1],
    score: [v.getUint8(19), v.getUint8(20)],
    ack: [at(22), at(24)],
    timer: at(26),
    state: {
      live: (flags >> 6) & 1,
      x: at(6),
      y: at(8),
      vx: v.getInt16(10),
      vy: v.getInt16(12),
      hits: v.getUint8(21),
      p: [at(14), at(16)],
      timer: (flags & 15) === 2 ? at(26) : 0, // to the serve
    },
  };
}

// stride is how far a paddle at y goes in a tick.
const stride = (r, y, dir) => (dir < 0 ? Math.max(-r.speed, r.lo - y) : dir > 0 ? Math.min(r.speed, r.hi - y) : 0);

// step plays one tick, changes s and answers what happened. Serves and what
// follows a point are the server's to decide: the ball waits.
export function step(r, s, left, right) {
  const go = [stride(r, s.p[0], left), stride(r, s.p[1], right)];
  let ev = 0;
  if (s.live) {
    const side = s.vx < 0 ? 0 : 1;
    let u = side ? W - s.x : s.x; // from the goal line the ball flies to
    const speed = Math.abs(s.vx);
    if (u - speed > r.front) {
      s.y += s.vy;
      ev = fold(r, s, 0);
      u -= speed;
    } else {
      [u, ev] = meet(r, s, side, go[side], u, speed);
    }
    if (u <= r.ball) {
      u = r.ball;
      s.live = s.timer = s.vx = s.vy = 0;
      ev |= POINT;
    }
    s.x = side ? W - u : u;
  } else if (s.timer > 0) {
    s.timer--;
  }
  s.p[0] += go[0];
  s.p[1] += go[1];
  return ev;
}

// meet moves a ball that reaches, or has passed, the line of a paddle's face.
function meet(r, s, side, go, u, speed) {
  const paddle = s.p[side] << FINE;
  const reach = r.reach << FINE;
  const end = u - speed;
  let now = 0;
  let ev = 0;
  s.y <<= FINE;
  if (u >= r.front) {
    now = (((u - r.front) << FINE) / speed) | 0;
    s.y += s.vy * now;
    ev |= fold(r, s, FINE);
    const off = s.y - paddle - go * now;
    if (Math.abs(off) <= reach) {
      if (s.hits < 255) s.hits++;
      const v = Math.min(r.first + (s.hits - 1) * r.more, r.cap);
      const k = Math.min(((Math.abs(off) * 17 + reach) / (2 * reach)) | 0, 8);
      const vx = (v * COS[k] + 8192) >> 14;
      s.vx = side ? -vx : vx;
      s.vy = (v * SIN[k] + 8192) >> 14;
      if (off < 0) s.vy = -s.vy;
      s.y += s.vy * (WHOLE - now);
      ev |= PADDLE | fold(r, s, FINE);
      settle(s);
      return [((r.front << FINE) + vx * (WHOLE - now) + WHOLE - 1) >> FINE, ev];
    }
  }
  if (u > r.rear) {
    const until = end < r.rear ? (((u - r.rear) << FINE) / speed) | 0 : WHOLE;
    ev |= beside(r, s, paddle + go * now, go, now, until);
    now = until;
  }
  s.y += s.vy * (WHOLE - now);
  ev |= fold(r, s, FINE);
  settle(s);
  return [end, ev];
}

// beside moves a ball between a wall and a paddle's end.
function beside(r, s, paddle, speed, now, until) {
  const below = s.y > paddle;
  const mirror = () => {
    if (below) {
      s.y = (H << FINE) - s.y;
      s.vy = -s.vy;
    }
  };
  mirror();
  if (below) {
    paddle = (H << FINE) - paddle;
    speed = -speed;
  }
  const reach = r.reach << FINE;
  let ev = 0;
  for (let touches = 0; now < until; touches++) {
    if (touches === 8) {
      s.y = Math.min(s.y, paddle + speed * (until - now) - reach);
      s.vy = 0;
      break;
    }
    let wait = until - now;
    let what = 0;
    if (s.vy < 0) {
      const t = ((s.y - (r.ball << FINE)) / -s.vy) | 0;
      if (t < wait) [wait, what] = [t, WALL];
    }
    if (s.vy > speed) {
      const t = (Math.max(paddle - reach - s.y, 0) / (s.vy - speed)) | 0;
      if (t < wait) [wait, what] = [t, END];
    }
    s.y += s.vy * wait;
    paddle += speed * wait;
    now += wait;
    if (what === WALL) s.vy = -s.vy;
    if (what === END) s.vy = -Math.max(Math.abs(s.vy), Math.abs(speed));
    ev |= what;
  }
  mirror();
  return ev;
}

// fold reflects a ball that went through a wall.
function fold(r, s, bits) {
  const top = r.ball << bits;
  const bottom = (H - r.ball) << bits;
  if (s.y < top) s.y = 2 * top - s.y;
  else if (s.y > bottom) s.y = 2 * bottom - s.y;
  else return 0;
  s.vy = -s.vy;
  return WALL;
}

// settle rounds the height to sub-units, towards the middle.
function settle(s) {
  s.y = (s.y + (s.y < (H / 2) << FINE ? WHOLE - 1 : 0)) >> FINE;
}
