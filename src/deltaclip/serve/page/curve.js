/** The timeline of a video with a curve over it: how well each moment fits the question, or how much of it moves. */

import { h, svg } from "./dom.js";
import { clock, span } from "./words.js";

const [WIDE, HIGH, PAD] = [1000, 100, 8]; // units of the drawing
const LINES = 6;

export class Curve {
  /**
   * points: {start_seconds, end_seconds, value, picture}, by time. name: of the value. on: called with the second that
   * is chosen.
   */
  constructor({ duration, name, write, on }) {
    Object.assign(this, { duration: Math.max(duration, 0.1), write, on });
    this.drawing = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.head = h("span", { class: "curve-head" });
    this.tip = h("span", { class: "curve-tip", hidden: true });
    this.track = h("div", { class: "curve-track", role: "slider", tabindex: 0, "aria-label": "Time in the video", "aria-valuemin": 0, "aria-valuemax": duration.toFixed(1) },
      this.drawing, this.head, this.tip);
    this.legend = h("p", { class: "curve-legend" }, name);
    this.element = h("div", { class: "curve" }, this.legend, this.track, h("div", { class: "curve-times", "aria-hidden": "true" }, this.ticks()));
    this.points = [];
    this.listen();
  }

  ticks() {
    const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200].find((each) => this.duration / each <= LINES) ?? 14_400;
    const times = Array.from({ length: Math.floor(this.duration / step) + 1 }, (_, place) => place * step);
    return times.map((time) => h("span", { vars: { "--at": time / this.duration } }, clock(time, 0)));
  }

  show(points) {
    this.points = points;
    this.element.classList.toggle("flat", points.length < 2);
    const values = points.map(({ value }) => value).filter((value) => value !== null);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const tall = (value) => (high - low < 1e-6 ? HIGH / 2 : HIGH - PAD - ((value - low) / (high - low)) * (HIGH - 3 * PAD));
    const across = (time) => (time / this.duration) * WIDE;
    const known = points.filter(({ value }) => value !== null).map((point) => ({ ...point, x: across((point.start_seconds + point.end_seconds) / 2), y: tall(point.value) }));
    const parts = [];
    if (known.length) {
      const line = smooth([{ x: across(known[0].start_seconds), y: known[0].y }, ...known, { x: across(known.at(-1).end_seconds), y: known.at(-1).y }]);
      const [from, to] = [across(known[0].start_seconds), across(known.at(-1).end_seconds)];
      parts.push(svg("path", { class: "curve-area", d: `${line}L${to} ${HIGH}L${from} ${HIGH}Z` }), svg("path", { class: "curve-line", d: line }));
    }
    this.now = svg("rect", { class: "curve-now", y: 0, height: HIGH, x: 0, width: 0 });
    const borders = points.slice(1).map(({ start_seconds: time }) => svg("line", { class: "curve-border", x1: across(time), x2: across(time), y1: HIGH - 5, y2: HIGH }));
    this.drawing.replaceChildren(this.now, ...parts, ...borders);
  }

  /** Marks the second that is shown, and the moment that it is in. */
  mark(time, moment) {
    this.time = time;
    this.head.style.setProperty("--at", Math.min(time / this.duration, 1));
    this.track.setAttribute("aria-valuenow", time.toFixed(1));
    this.track.setAttribute("aria-valuetext", moment ? `${clock(time)}, ${this.describe(moment)}` : clock(time));
    if (moment && this.now) {
      this.now.setAttribute("x", (moment.start_seconds / this.duration) * WIDE);
      this.now.setAttribute("width", ((moment.end_seconds - moment.start_seconds) / this.duration) * WIDE);
    }
  }

  describe(moment) {
    const point = this.points.find((each) => each.start_seconds === moment.start_seconds);
    return point && point.value !== null ? this.write(point.value) : "";
  }

  listen() {
    const at = (event) => {
      const box = this.track.getBoundingClientRect();
      return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * this.duration;
    };
    this.track.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.track.setPointerCapture(event.pointerId);
      this.on(at(event));
    });
    this.track.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) this.on(at(event));
      if (event.pointerType === "mouse") this.point(at(event));
    });
    this.track.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.track.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 };
      const time = event.key === "Home" ? 0 : event.key === "End" ? this.duration : event.key in steps ? this.time + steps[event.key] : null;
      if (time === null || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.on(time);
    });
  }

  /** Shows what is at a second that the mouse points at. */
  point(time) {
    const point = this.points.findLast((each) => each.start_seconds <= time);
    if (!point) return;
    if (this.tip.dataset.of !== String(point.start_seconds)) {
      this.tip.dataset.of = point.start_seconds;
      const picture = h("img", { src: point.picture, alt: "" });
      this.tip.replaceChildren(picture, h("span", { class: "time" }, span(point.start_seconds, point.end_seconds)), h("span", {}, point.value === null ? "" : this.write(point.value)));
    }
    this.tip.style.setProperty("--at", time / this.duration);
    this.tip.hidden = false;
  }
}

/** A line through points that never leaves the heights of neighbours: cubic pieces that are flat at each point. */
function smooth(points) {
  return points.map(({ x, y }, place) => {
    if (!place) return `M${x.toFixed(2)} ${y.toFixed(2)}`;
    const middle = ((points[place - 1].x + x) / 2).toFixed(2);
    return `C${middle} ${points[place - 1].y.toFixed(2)} ${middle} ${y.toFixed(2)} ${x.toFixed(2)} ${y.toFixed(2)}`;
  }).join("");
}
