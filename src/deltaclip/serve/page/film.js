/** The player of a video: the file itself if the browser plays it, else a film of one moment after the other. */

import { h, icon } from "./dom.js";
import { isOn, turn } from "./memory.js";
import { clipUrl } from "./preview.js";
import { clock } from "./words.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Film {
  /**
   * video: as the server tells it. moments: by time. on: `time` is called with the second shown, often; `wrong` with a
   * sentence if nothing can be played.
   */
  constructor(video, moments, { of, on, signal }) {
    Object.assign(this, { video, moments, of, on });
    this.isWhole = video.facts !== null && video.facts.not_played === null;
    this.offset = 0; // the second of the file at which the source begins
    this.length = this.isWhole ? video.duration_seconds : 0;
    this.screen = h("video", { playsinline: true, preload: "auto", tabindex: "-1", "aria-label": video.name });
    this.screen.muted = !isOn("sound");
    this.stage = h("div", { class: "stage" }, this.screen);
    this.controls = this.makeControls();
    this.listen();
    signal.addEventListener("abort", () => {
      this.isLeft = true;
      this.screen.pause();
      this.screen.removeAttribute("src");
      this.screen.load();
    });
  }

  /** The second of the file that is shown. */
  get time() {
    return this.wanted ?? this.offset + this.screen.currentTime;
  }

  get duration() {
    return this.video.duration_seconds ?? 0;
  }

  /** Shows a second of the file, and plays on if it played. */
  seek(seconds) {
    const time = Math.min(Math.max(seconds, 0), Math.max(this.duration - 0.05, 0));
    if (this.isWhole && !this.screen.getAttribute("src")) this.screen.src = this.video.stream_url;
    if (!this.isWhole && !this.load(time)) return;
    if (this.screen.readyState > 0) {
      this.wanted = null;
      this.screen.currentTime = time - this.offset;
    } else this.wanted = time; // set once the film is open
    this.draw();
  }

  /** Has the film of the moment at a second as the source. */
  load(time) {
    const moment = this.moments.findLast((each) => each.start_seconds <= time + 0.01) ?? this.moments[0];
    if (!moment) return false;
    if (this.loaded === moment && this.screen.getAttribute("src")) return true;
    const wasPlaying = this.playsOn || !this.screen.paused;
    this.loaded = moment;
    this.offset = moment.start_seconds;
    this.length = moment.end_seconds - moment.start_seconds;
    this.screen.src = clipUrl(this.video.video_id, moment.start_seconds, moment.end_seconds, this.of);
    if (wasPlaying) this.play();
    return true;
  }

  play() {
    this.playsOn = true;
    this.screen.play().catch(() => { this.playsOn = false; this.draw(); });
  }

  begin() {
    if (!calm.matches) this.play();
  }

  toggle() {
    if (this.screen.paused) this.play();
    else { this.playsOn = false; this.screen.pause(); }
  }

  mute() {
    this.screen.muted = !this.screen.muted;
    turn("sound", !this.screen.muted);
    this.draw();
  }

  whole() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.stage.requestFullscreen?.().catch(() => {});
  }

  listen() {
    const { screen } = this;
    screen.addEventListener("loadedmetadata", () => {
      if (this.wanted === null || this.wanted === undefined) return;
      screen.currentTime = this.wanted - this.offset;
      this.wanted = null;
    });
    for (const name of ["play", "pause", "volumechange", "seeked", "timeupdate"]) screen.addEventListener(name, () => this.draw());
    screen.addEventListener("waiting", () => this.stage.classList.add("waits"));
    for (const name of ["playing", "canplay", "error"]) screen.addEventListener(name, () => this.stage.classList.remove("waits"));
    screen.addEventListener("click", () => this.toggle());
    screen.addEventListener("ended", () => {
      const next = this.isWhole ? null : this.moments[this.moments.indexOf(this.loaded) + 1];
      if (next) { this.playsOn = true; this.seek(next.start_seconds); }
    });
    screen.addEventListener("error", () => {
      if (this.isLeft || !screen.getAttribute("src")) return;
      if (this.isWhole) { // the browser has no decoder for it after all: the server makes films
        const { time } = this;
        this.isWhole = false;
        screen.removeAttribute("src");
        this.seek(time);
      } else this.on.wrong("This moment cannot be played.");
    });
    const frame = () => {
      if (this.isLeft) return;
      this.on.time(this.time);
      next();
    };
    const next = () => (screen.requestVideoFrameCallback ? screen.requestVideoFrameCallback(frame) : requestAnimationFrame(frame));
    next();
  }

  makeControls() {
    const button = (name, label, on) => h("button", { type: "button", class: "quiet", "aria-label": label, on: { click: on } }, icon(name));
    this.playButton = button("play", "Play", () => this.toggle());
    this.soundButton = button("sound", "Mute", () => this.mute());
    this.clock = h("span", { class: "time" });
    this.motionButton = h("button", { type: "button", class: "toggle" }, icon("motion"), h("span", {}, "What moves"));
    return h("div", { class: "controls" }, this.playButton,
      button("previous", "Moment before", () => this.on.step(-1)), button("next", "Next moment", () => this.on.step(1)), this.clock,
      h("span", { class: "gap" }), this.motionButton, this.video.facts?.audio ? this.soundButton : null, button("wide", "Whole screen", () => this.whole()));
  }

  draw() {
    const { paused, muted } = this.screen;
    this.stage.classList.toggle("paused", paused);
    dress(this.playButton, paused ? "play" : "pause", paused ? "Play" : "Pause");
    dress(this.soundButton, muted ? "silent" : "sound", muted ? "Unmute" : "Mute");
    this.clock.textContent = `${clock(this.time)} / ${clock(this.duration)}`;
    this.on.time(this.time);
  }
}

function dress(button, sign, label) {
  if (button.getAttribute("aria-label") === label && button.childElementCount) return;
  button.replaceChildren(icon(sign));
  button.setAttribute("aria-label", label);
}
