/** What moves, drawn over the playing video: outlines, and an arrow of the way it goes. */

import { address, ask, isLeft } from "./api.js";
import { h } from "./dom.js";

const WINDOW_SECONDS = 4;
const PER_SECOND = 10;
const HOLD_SECONDS = 0.25; // how far from its frame an outline is still right
const ARROW_SECONDS = 0.8; // the arrow is the way of so long
const AMBER = "255, 190, 0";

export class Overlay {
  /** film: the player, over whose stage it is drawn. on: called with a sentence on its state, or null. */
  constructor(film, { of, on, signal }) {
    Object.assign(this, { film, of, on, signal });
    this.canvas = h("canvas", { class: "overlay", "aria-hidden": "true" });
    this.windows = new Map(); // number -> what moves in it, or a promise of it
    this.isOn = true;
    film.stage.append(this.canvas);
    const sizes = new ResizeObserver(() => this.draw(film.time));
    sizes.observe(film.stage);
    signal.addEventListener("abort", () => sizes.disconnect());
  }

  turn(on) {
    this.isOn = on;
    this.draw(this.film.time);
  }

  /** Draws what moves at a second, and fetches it, and what comes next, where it is not there yet. */
  draw(time) {
    const context = this.fit();
    if (!context || !this.isOn || !this.film.screen.videoWidth) {
      this.on(null);
      return;
    }
    const number = this.numberOf(time);
    this.fetch(number);
    this.fetch(number + 1);
    const found = this.windows.get(number);
    if (!found || found.isComing) {
      this.on("Finding what moves…");
      return;
    }
    const frame = nearest(found.seconds, time);
    if (frame < 0 || Math.abs(found.seconds[frame] - time) > HOLD_SECONDS) {
      this.on(found.error ?? null);
      return;
    }
    this.on(found.fallback[frame] ? `Nothing is outlined here: ${found.fallback[frame]}` : null);
    this.paint(context, found.outlines[frame], found.arrows[frame]);
  }

  /** The window of a second; the last one takes a short rest with it. */
  numberOf(time) {
    const last = Math.max(Math.round(this.film.duration / WINDOW_SECONDS) - 1, 0);
    return Math.min(Math.floor(time / WINDOW_SECONDS), last);
  }

  async fetch(number) {
    const { duration, video } = this.film;
    const last = this.numberOf(duration);
    if (number > last || this.windows.has(number)) return;
    this.windows.set(number, { isComing: true });
    const start = number * WINDOW_SECONDS;
    const end = number === last ? duration : start + WINDOW_SECONDS;
    const query = { start: start.toFixed(3), end: end.toFixed(3), per_second: PER_SECOND, library: this.of };
    try {
      this.windows.set(number, await ask(address(`/v1/videos/${encodeURIComponent(video.video_id)}/motion`, query), { signal: this.signal }));
    } catch (error) {
      if (isLeft(error)) return;
      this.windows.set(number, { seconds: [], error: `What moves is not known here: ${error.message}` });
    }
    this.draw(this.film.time);
  }

  /** The context of a cleared canvas of the size of the stage, in units of its pixels. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.film.stage;
    const scale = devicePixelRatio || 1;
    if (!width || !height) return null;
    if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(height * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(height * scale);
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  paint(context, polygons, arrow) {
    const { clientWidth, clientHeight } = this.film.stage;
    const { videoWidth, videoHeight } = this.film.screen;
    const scale = Math.min(clientWidth / videoWidth, clientHeight / videoHeight); // the rest of the stage is black
    const [width, height] = [videoWidth * scale, videoHeight * scale];
    const [left, top] = [(clientWidth - width) / 2, (clientHeight - height) / 2];
    const shape = new Path2D();
    for (const polygon of polygons) {
      polygon.forEach(([x, y], place) => shape[place ? "lineTo" : "moveTo"](left + x * width, top + y * height));
      shape.closePath();
    }
    context.lineJoin = "round";
    context.fillStyle = `rgba(${AMBER}, 0.16)`;
    context.fill(shape, "evenodd");
    stroke(context, shape, 2);
    if (arrow) drawArrow(context, left + arrow[0] * width, top + arrow[1] * height, arrow[2] * height * ARROW_SECONDS, arrow[3] * height * ARROW_SECONDS);
  }
}

/** A line in amber with a dark edge, so that it is seen on anything. */
function stroke(context, path, width) {
  context.lineWidth = width + 2;
  context.strokeStyle = "rgba(0, 0, 0, 0.55)";
  context.stroke(path);
  context.lineWidth = width;
  context.strokeStyle = `rgb(${AMBER})`;
  context.stroke(path);
}

function drawArrow(context, x, y, across, down) {
  const length = Math.hypot(across, down);
  if (length < 14) return; // shorter ones say nothing of the way
  const [u, v] = [across / length, down / length];
  const head = Math.min(12, length / 2);
  const [tipX, tipY] = [x + across, y + down];
  const path = new Path2D();
  path.moveTo(x, y);
  path.lineTo(tipX, tipY);
  for (const side of [-1, 1]) {
    path.moveTo(tipX - head * (u + side * 0.6 * v), tipY - head * (v - side * 0.6 * u));
    path.lineTo(tipX, tipY);
  }
  context.lineCap = "round";
  stroke(context, path, 3);
}

/** The place of the number nearest to one, in sorted numbers; -1 for none. */
function nearest(sorted, wanted) {
  let best = -1;
  for (let place = 0; place < sorted.length; place += 1) if (best < 0 || Math.abs(sorted[place] - wanted) < Math.abs(sorted[best] - wanted)) best = place;
  return best;
}
