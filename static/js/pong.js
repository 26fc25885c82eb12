// The court: draws a match, predicts it, and sends what the player does.
//
// Markup (views/match.templ); no swap replaces the section:
//
//   <section id="court" data-match="<id>" data-side="-1|0|1"
//            data-left="<name>" data-right="<name>" data-text-…>
//     <canvas tabindex="0" …>          drawn on; takes keyboard focus
//     <p id="court-score" aria-live="polite">   what is spoken
//     <p id="court-lost" hidden>       shown while the connection is lost
//     <button id="court-taken" hidden> shown while another tab has the seat;
//                                      this or the canvas takes it back
//     <button data-dir="-1"> <button data-dir="1">  held to move
//     <button id="sound" aria-pressed="false">
//   </section>
//   <span id="ping-left"> <span id="ping-right">    anywhere, or missing
//
// Texts, in the reader's language; {…} is filled in here:
//
//   data-text-waiting        drawn and spoken while players are awaited
//   data-text-countdown      spoken before the ball: "Play starts in {seconds}"
//   data-text-playing        spoken when play starts: "Play"
//   data-text-paused         "{name} is away: {seconds} s left" ({name}: who)
//   data-text-paused-both    the same for both: "{seconds}"
//   data-text-score          after a point: "{left} {leftScore}, {right} {rightScore}"
//   data-text-won            "{name} wins, {leftScore} to {rightScore}": the
//                            winner's points first, whichever side that is
//   data-text-ended          over without a winner by points
//   data-text-reconnecting   the connection is lost
//   data-text-taken          another tab has the seat
//   data-text-ping           "{ms} ms"
//   data-text-ping-none      not measured: "–"
//
// Colours: --court-ground, --court-line, --court-ball, --court-paddle and
// --court-ink, read from #court; the scores' face is --font-display.

import { Clock } from "./clock.js";
import { Controls } from "./controls.js";
import { Link, UNKNOWN } from "./link.js";
import { Painter } from "./painter.js";
import { END, W, WALL, parseFrame, parseRules } from "./physics.js";
import { COUNTDOWN, PLAYING, Predictor } from "./predict.js";
import { Sound } from "./sound.js";

const [WAITING, PAUSED, OVER] = [0, 3, 4]; // the other phases
const PANELS = { [WAITING]: ".panel-waiting", [PAUSED]: ".panel-paused", [OVER]: ".panel-over" };
const TICKS = 60; // a second

// A frame comes at least every 250 ms. Without one the picture stands still; a
// little later than that, so that a keyframe on its way stops nothing.
const STALE = 18; // ticks
const RESEND_MS = 300; // beyond the round trip
const PAUSE_MS = 30; // between two inputs, for the server counts messages

const [GONE, TAKEN] = [1, 2]; // reasons of a refusal
const RELOADED = "rally.reloaded"; // in the tab's storage: when
const RELOAD_MS = 30000;

const court = document.getElementById("court");
if (court) start(court);

function start(court) {
  const canvas = court.querySelector("canvas");
  const spoken = document.getElementById("court-score");
  const notices = { Reconnecting: "court-lost", Taken: "court-taken" }; // by trouble
  const side = +court.dataset.side;
  // Where a name is on the page it may change during the match.
  const name = (s) =>
    document.querySelector(`.seat.${s ? "right" : "left"} [data-name]`)?.textContent ?? court.dataset[s ? "right" : "left"];

  let rules = null;
  let predictor = null;
  let frame = null; // the newest
  let early = null; // a frame from before the rules
  let frameAt = 0;
  let frameTick = 0; // shown when it came
  let trouble = ""; // the name of the text that says what is wrong with the link
  let seq = 0;
  let sent = 0; // the direction the server knows or will know
  let sentAt = 0;
  let hits = 0; // of the rally, as heard
  let counted = 0; // of the countdown, as heard
  let said = "";
  let waking = 0;

  const clock = new Clock(side < 0 ? -1 : 1);
  const painter = new Painter(court, canvas, () => wake());
  const sound = new Sound(document.getElementById("sound"));
  const controls = side < 0 ? null : new Controls(court, canvas, () => steer());

  const link = new Link(court.dataset.match, {
    welcome(_, encoded) {
      rules = parseRules(encoded);
      predictor = new Predictor(rules, side);
      frame = null;
      seq = sent = 0;
      notice("");
      if (early) take(early);
      early = null;
    },
    state(encoded) {
      if (rules) take(parseFrame(encoded));
      else early = parseFrame(encoded);
    },
    pong(sentAt, tick, rtts) {
      clock.learn(sentAt, performance.now(), tick);
      ["ping-left", "ping-right"].forEach((id, s) => {
        const place = document.getElementById(id);
        if (place) place.textContent = text(rtts[s] === UNKNOWN ? "PingNone" : "Ping", { ms: rtts[s] });
      });
    },
    refused(reason) {
      fail(reason === TAKEN ? "Taken" : "Ended");
      if (reason === GONE) reload();
    },
    lost(code) {
      fail("Reconnecting");
      // The server wants no more of this page. What else closes a socket for
      // good, app.js answers.
      if (code >= 1007 && code <= 1009) reload();
    },
    alive() {
      return court.isConnected && frame?.phase !== OVER && clock.rtt;
    },
  });

  canvas.addEventListener("pointerdown", retake);
  canvas.addEventListener("keydown", (event) => /^( |Enter)$/.test(event.key) && retake());
  document.getElementById(notices.Taken)?.addEventListener("click", () => {
    canvas.focus({ preventScroll: true });
    retake();
  });

  // fail says what is wrong with the link; after the end nothing is.
  function fail(name) {
    if (frame?.phase === OVER) return;
    notice(name);
    say(text(name));
    wake();
  }

  // notice shows what is wrong with the link, or that nothing is.
  function notice(name) {
    trouble = name;
    for (const [which, id] of Object.entries(notices)) {
      const place = document.getElementById(id);
      if (place) place.hidden = which !== name;
    }
  }

  // retake takes the seat back from another tab.
  function retake() {
    if (trouble === "Taken") link.join();
  }

  // due gives the tick to show now, however old the newest frame is.
  function due(now) {
    return clock.tick(now) ?? frame.tick + ((now - frameAt) * TICKS) / 1000;
  }

  function take(next) {
    const now = performance.now();
    const last = frame;
    const tick = last ? due(now) : next.tick;
    predictor.frame(next, Math.min(tick, frameTick + STALE), now);
    frame = next;
    frameAt = now;
    frameTick = due(now);
    // What the server has done with the paddle unasked: a pause, say.
    if (side >= 0 && !predictor.pending.length) sent = next.dir[side];
    if (last?.phase !== next.phase) enter(next.phase, last);
    else if (last.score.join() !== next.score.join()) score(last);
    steer();
    wake();
  }

  // enter is called when the match comes into a phase.
  function enter(phase, last) {
    const { absent, timer } = frame;
    const seconds = Math.ceil(timer / TICKS);
    counted = 0;
    switch (phase) {
      case WAITING:
        return say(text("Waiting"));
      case COUNTDOWN:
        if (side >= 0 && document.activeElement === document.body) canvas.focus({ preventScroll: true });
        return say(text("Countdown", { seconds }));
      case PLAYING:
        hits = frame.state.hits;
        return last && say(text("Playing"));
      case PAUSED:
        sound.pause();
        return say(pausedText(absent, seconds));
      case OVER:
        notice("");
        if (last) sound.over(side < 0 || frame.score[side] > frame.score[1 - side]);
        return say(overText());
    }
  }

  function score(last) {
    sound.point(frame.score[0] > last.score[0] ? 0 : 1);
    const [leftScore, rightScore] = frame.score;
    say(text("Score", { left: name(0), right: name(1), leftScore, rightScore }));
  }

  // steer sends the direction the player wants, if it is news to the server.
  function steer() {
    if (!frame || side < 0 || trouble || (frame.phase !== COUNTDOWN && frame.phase !== PLAYING)) return;
    const now = performance.now();
    const tick = due(now);
    const y = predictor.look(Math.min(tick, frameTick + STALE), now).p[side];
    const dir = controls.want(y, rules.speed);
    const oldest = predictor.pending[0];
    const lost = oldest && now - oldest.at > (clock.rtt ?? 0) + RESEND_MS;
    if (dir === sent && !lost) return;
    if (now - sentAt < PAUSE_MS && !document.hidden) return wake(); // soon, with the next picture
    seq = (seq + 1) & 0xffff;
    const input = { seq, dir, tick: Math.max(0, Math.floor(tick)), at: now };
    if (!link.input(seq, dir, input.tick)) return;
    sent = dir;
    sentAt = now;
    if (lost) predictor.pending = [];
    predictor.press(input);
  }

  // wake has the court painted with the next picture of the display.
  function wake() {
    waking ||= requestAnimationFrame(paint);
  }

  function paint() {
    waking = 0;
    const now = performance.now();
    if (!frame) return painter.paint({}, now);
    steer();
    const tick = due(now);
    const seen = predictor.look(Math.min(tick, frameTick + STALE), now);
    listen(seen, now);
    const left = frame.timer - (tick - frame.tick); // ticks of the phase's timer
    const seconds = Math.max(0, Math.ceil(left / TICKS));
    const counting = !trouble && seen.phase === COUNTDOWN;
    if (counting && seconds && counted !== seconds) {
      counted = seconds;
      sound.count(false);
    } else if (counted && seen.phase === PLAYING) {
      counted = 0;
      sound.count(true);
    }
    const written = label(seconds);
    painter.paint(
      {
        ...seen,
        rules,
        side,
        score: frame.score,
        fade: frame.phase === OVER ? 0 : frame.phase === PLAYING ? Math.max(0.25, 1 - seen.timer / TICKS) : 0.25,
        big: counting ? seconds : "",
        text: written,
      },
      now,
    );
    if (court.isConnected && (frame.phase !== OVER || written || now - frameAt < 1000)) wake();
  }

  // label gives what is written across the court in this phase, until the page's
  // panel, which comes a little later than the frames, says it.
  function label(seconds) {
    if (trouble === "Ended") return text(trouble);
    const panel = PANELS[frame.phase];
    if (panel && document.querySelector(panel)) return "";
    switch (frame.phase) {
      case WAITING:
        return text("Waiting");
      case PAUSED:
        return pausedText(frame.absent, seconds);
      case OVER:
        return overText();
    }
  }

  // listen lets sound and paddles answer what the ball has met.
  function listen(seen, now) {
    for (const { event, x, y } of predictor.heard) {
      if (event & (WALL | END)) sound.wall(x, y);
    }
    predictor.heard = [];
    if (seen.hits > hits) {
      const hit = seen.vx < 0 ? 1 : 0;
      sound.paddle(hit ? W : 0, seen.y);
      painter.struck(hit, now);
    }
    hits = seen.hits;
  }

  function pausedText([left, right], seconds) {
    return left && right ? text("PausedBoth", { seconds }) : text("Paused", { name: name(left ? 0 : 1), seconds });
  }

  function overText() {
    const { score } = frame;
    const winner = score.findIndex((points) => points >= rules.points);
    if (winner < 0) return text("Ended");
    return text("Won", { name: name(winner), leftScore: score[winner], rightScore: score[1 - winner] });
  }

  // text fills in one of the templates of the markup.
  function text(name, values = {}) {
    return court.dataset["text" + name].replace(/{(\w+)}/g, (_, key) => values[key] ?? "");
  }

  function say(words) {
    if (words !== said) spoken.textContent = said = words;
  }

  // reload asks the server for the page as it is now, but not again at once:
  // what is wrong may still be.
  function reload() {
    try {
      if (Date.now() - sessionStorage.getItem(RELOADED) < RELOAD_MS) return;
      sessionStorage.setItem(RELOADED, Date.now());
    } catch {
      return; // without storage a reload could go round for ever
    }
    location.reload();
  }
}
