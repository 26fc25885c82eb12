// Paints the court on its canvas, in the units of a 1600 by 900 drawing.

import { H, W } from "./physics.js";

const SCALE = 1600 / W;
const TRAIL_MS = 110;
const FLASH_MS = 120;

const COLOURS = ["ground", "line", "ball", "paddle", "ink"];

export class Painter {
  #canvas;
  #pen;
  #colours = {};
  #face = "";
  #trail = []; // {x, y, at} of the ball, oldest first
  #struck = [0, 0]; // when each paddle was
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  // changed is called when the picture must be painted anew.
  constructor(court, canvas, changed) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d", { alpha: false });
    new ResizeObserver(() => {
      const sharp = Math.min(devicePixelRatio, 3);
      canvas.width = Math.round(canvas.clientWidth * sharp);
      canvas.height = Math.round((canvas.width * H) / W);
      changed();
    }).observe(canvas);
    const dress = () => {
      const style = getComputedStyle(court);
      for (const name of COLOURS) this.#colours[name] = style.getPropertyValue("--court-" + name);
      this.#face = style.getPropertyValue("--font-display") || "sans-serif";
      changed();
    };
    dress();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
    new MutationObserver(dress).observe(document.documentElement, { attributes: true });
  }

  // struck makes a paddle light up.
  struck(side, now) {
    this.#struck[side] = now;
  }

  // paint draws {x, y, p, live, fade, score, side, rules, big, text}: the court
  // as seen, how much of a waiting ball shows, and what is written across.
  paint(scene, now) {
    const pen = this.#pen;
    const { ground, line, ball, paddle, ink } = this.#colours;
    const zoom = this.#canvas.width / 1600;
    pen.setTransform(zoom, 0, 0, zoom, 0, 0);
    pen.globalAlpha = 1;
    this.#box(ground, 800, 450, 1600, 900);
    this.#crisp(line, 800, 3, 1600, 6);
    this.#crisp(line, 800, 897, 1600, 6);
    for (let y = 15; y < 900; y += 30) this.#crisp(line, 800, y, 4, 15);
    const { rules, side } = scene;
    if (!rules) return;

    if (side >= 0) this.#crisp(ball, side ? 1597 : 3, 450, 6, 900); // what to defend
    scene.score.forEach((points, s) => this.#write(ink, points, s ? 1000 : 600, 130, 190));

    scene.p.forEach((y, s) => {
      const x = s ? W - rules.x : rules.x;
      const lit = !this.#calm.matches && now - this.#struck[s] < FLASH_MS;
      this.#crisp(lit ? ball : paddle, x * SCALE, y * SCALE, 2 * rules.thick * SCALE, 2 * rules.half * SCALE);
    });

    const size = 2 * rules.ball * SCALE;
    const at = { x: scene.x * SCALE, y: scene.y * SCALE, at: now };
    this.#trail = scene.live && !this.#calm.matches ? this.#trail.filter((old) => now - old.at < TRAIL_MS) : [];
    pen.globalAlpha = 0.3;
    pen.fillStyle = ball;
    pen.beginPath(); // all in one, for where they overlap they must not add up
    for (const old of this.#trail) {
      const part = size * (1 - (now - old.at) / TRAIL_MS);
      pen.rect(old.x - part / 2, old.y - part / 2, part, part);
    }
    pen.fill();
    this.#trail.push(at);
    pen.globalAlpha = scene.live ? 1 : scene.fade;
    this.#box(ball, at.x, at.y, size, size);
    pen.globalAlpha = 1;

    if (scene.big) {
      this.#box(ground, 800, 450, 20, 330); // no net behind it
      this.#write(line, scene.big, 800, 450, 360);
    }
    if (scene.text) {
      // Never smaller than 16 px on the screen.
      const height = Math.max(52, (16 * 1600) / this.#canvas.clientWidth);
      this.#write(ground, scene.text, 800, 450, height); // to know its width
      pen.globalAlpha = 0.85;
      this.#box(ground, 800, 450, Math.min(pen.measureText(scene.text).width, 1560) + height, height * 1.6);
      pen.globalAlpha = 1;
      this.#write(line, scene.text, 800, 450, height);
    }
  }

  #box(colour, x, y, width, height) {
    this.#pen.fillStyle = colour;
    this.#pen.fillRect(x - width / 2, y - height / 2, width, height);
  }

  // #crisp is a box with its edges on whole pixels of the screen.
  #crisp(colour, x, y, width, height) {
    const zoom = this.#canvas.width / 1600;
    const whole = (length) => Math.max(1, Math.round(length * zoom)) / zoom;
    const edge = (middle, length) => Math.round((middle - length / 2) * zoom) / zoom;
    const [w, h] = [whole(width), whole(height)];
    this.#pen.fillStyle = colour;
    this.#pen.fillRect(edge(x, w), edge(y, h), w, h);
  }

  #write(colour, text, x, y, size) {
    const pen = this.#pen;
    pen.fillStyle = colour;
    pen.font = `600 ${size}px ${this.#face}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(text, x, y, 1560);
  }
}
