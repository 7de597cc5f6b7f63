/** The view of a video: its player, the curve of the question, what moves, moments like this one, and its facts. */

import { address, ask, isLeft } from "./api.js";
import { showInBox } from "./box.js";
import { card, foot } from "./card.js";
import { Curve } from "./curve.js";
import { fill, h, icon, say } from "./dom.js";
import { Film } from "./film.js";
import { isTyping } from "./keys.js";
import { isOn, turn } from "./memory.js";
import { choice, copyButton, problem } from "./parts.js";
import { library, momentHref, searchHref } from "./place.js";
import { Overlay } from "./overlay.js";
import { clipUrl, Preview } from "./preview.js";
import { readQuestion } from "./query.js";
import { count, lasting, percent, size, span } from "./words.js";

const LIKE_SHOWN = 8;

export async function showVideo(root, signal) {
  const id = decodeURIComponent(location.pathname.split("/")[2] ?? "");
  const params = new URLSearchParams(location.search);
  const question = readQuestion(params);
  const of = library();
  showInBox({ text: question.text });
  const path = `/v1/videos/${encodeURIComponent(id)}`;
  const [video, { moments }] = await Promise.all([ask(path, { query: { library: of }, signal }), ask(`${path}/segments`, { query: { library: of }, signal })]);
  document.title = `${video.name} – deltaclip`;
  new Watching({ root, signal, video, moments, question, of, path }).show(params.get("t"));
}

class Watching {
  constructor(given) {
    Object.assign(this, given);
    const { video, moments, of, signal } = this;
    this.note = h("p", { class: "stage-note", role: "status", hidden: true });
    this.film = new Film(video, moments, { of, signal, on: {
      time: (time) => this.onTime(time), step: (by) => this.step(by), wrong: (told) => this.tell(told) } });
    this.film.stage.append(this.note);
    this.overlay = new Overlay(this.film, { of, signal, on: (told) => this.tell(told) });
    this.curve = new Curve({ duration: this.film.duration, name: "", write: (value) => this.write(value), on: (time) => this.jump(time) });
    this.moment = h("section", { class: "moment" });
    this.like = h("section", { class: "like", "aria-labelledby": "like-title" });
    this.film.motionButton.addEventListener("click", () => this.outline(!this.overlay.isOn));
    document.addEventListener("keydown", (event) => this.onKey(event), { signal });
  }

  async show(start) {
    const { root, video, moments, question, film, signal } = this;
    const { facts } = video;
    film.stage.style.setProperty("--shape", facts ? facts.width / facts.height : 16 / 9);
    fill(root, h("article", { class: "video" },
      h("header", { class: "video-head" },
        this.wayBack(),
        h("h1", {}, video.name)),
      h("div", { class: "watch" }, film.stage, film.controls, this.curve.element),
      h("aside", { class: "beside", "aria-label": "About" }, this.moment, this.facts()), this.like));
    this.outline(isOn("overlay"), false);
    scrollTo(0, 0);
    if (video.missing || !facts) this.tell(video.reason ?? "The file of this video is missing: put it back, and index it again.");
    const scores = await this.fillCurve();
    if (signal.aborted) return;
    const best = scores?.reduce((one, other) => (other.score > one.score ? other : one), scores[0]);
    film.seek(start === null ? best?.start_seconds ?? 0 : Number(start) || 0);
    if (facts) film.begin();
    this.arrive();
    if (!moments.length) fill(this.like);
  }

  /** Draws the question's scores, or without a question how much moves. Gives the scores. */
  async fillCurve() {
    const { path, of, question, moments, signal } = this;
    const pictures = (each) => address(`${path}/thumbnail`, { start: each.start_seconds.toFixed(3), end: each.end_seconds.toFixed(3), outlined: 1, width: 200, library: of });
    if (question.text) {
      try {
        const { moments: scores } = await ask(`${path}/scores`, { query: { text: question.text, by: question.by, library: of }, signal });
        this.write = (value) => `score ${value.toFixed(3)}`;
        fill(this.curve.legend, "How well each moment fits ", h("strong", {}, `“${question.text}”`), range(scores.map(({ score }) => score)));
        this.curve.show(scores.map((each) => ({ ...each, value: each.score, picture: pictures(each) })));
        this.scores = new Map(scores.map((each) => [each.moment_id, each.score]));
        return scores;
      } catch (error) {
        if (isLeft(error)) throw error;
        fill(this.curve.legend, error.message);
      }
    } else fill(this.curve.legend, "How much of the picture moves");
    this.write = (value) => `${percent(value)} moves`;
    this.curve.element.classList.add("of-motion");
    this.curve.show(moments.map((each) => ({ ...each, value: each.coverage, picture: pictures(each) })));
    return null;
  }

  onTime(time) {
    const now = this.momentAt(time);
    this.curve.mark(time, now);
    this.overlay.draw(time);
    if (now !== this.now) {
      this.now = now;
      this.tellMoment();
    }
  }

  momentAt(time) {
    return this.moments.findLast((each) => each.start_seconds <= time + 0.01) ?? this.moments[0] ?? null;
  }

  /** Goes to a second, as somebody wished. */
  jump(time) {
    this.film.seek(time);
    this.arrive();
  }

  step(by) {
    const place = this.moments.indexOf(this.momentAt(this.film.time)) + by;
    const moment = this.moments[Math.min(Math.max(place, 0), this.moments.length - 1)];
    if (moment) this.jump(moment.start_seconds);
  }

  /** Has the address, and the moments that are like this one, follow to where somebody went. */
  arrive() {
    const now = this.momentAt(this.film.time);
    if (!now) return;
    const params = new URLSearchParams(location.search);
    params.set("t", this.film.time.toFixed(2));
    params.set("end", now.end_seconds.toFixed(2));
    history.replaceState(history.state, "", `${location.pathname}?${params}`);
    this.onTime(this.film.time);
    if (this.likeOf === now) return;
    this.likeOf = now;
    clearTimeout(this.likeTimer);
    this.likeTimer = setTimeout(() => this.listLike("appearance"), this.likeTimer ? 400 : 0);
  }

  tellMoment() {
    const { now, moments, video, of } = this;
    if (!now) { fill(this.moment, h("h2", {}, "No moments"), h("p", { class: "reason" }, video.reason ?? "Nothing of this video could be read.")); return; }
    const score = this.scores?.get(now.moment_id);
    const told = [now.coverage !== null && `${percent(now.coverage)} of the picture moves`, score !== undefined && `score ${score.toFixed(3)}`].filter(Boolean);
    fill(this.moment, h("h2", {}, `Moment ${moments.indexOf(now) + 1} of ${moments.length}`),
      h("p", { class: "time moment-time" }, span(now.start_seconds, now.end_seconds)), h("p", { class: "soft" }, told.join(", ")),
      video.facts && h("p", {}, h("a", { class: "button", download: true, href: address(clipUrl(video.video_id, now.start_seconds, now.end_seconds, of), { download: 1 }) }, icon("save"), "Save as mp4")));
  }

  facts() {
    const { video } = this;
    const { facts } = video;
    const rows = [["Length", video.duration_seconds === null ? null : lasting(video.duration_seconds)], ["Size", video.size_bytes === null ? null : size(video.size_bytes)],
      ["Picture", facts && `${facts.width} × ${facts.height}${facts.fps ? `, ${Number(facts.fps.toFixed(2))} a second` : ""}${facts.rotation ? `, turned by ${facts.rotation}°` : ""}`],
      ["Coding", facts && `${facts.codec}${facts.audio ? ` with ${facts.audio}` : ", no sound"}`], ["Container", facts && containerOf(facts, video.name)],
      ["Plays as", facts?.not_played && `films of its moments (${facts.not_played})`], ["State", video.status !== "indexed" && `${video.status}: ${video.reason}`]];
    return h("section", {}, h("h2", {}, "File"),
      h("dl", { class: "facts" }, rows.filter(([, fact]) => fact).map(([name, fact]) => h("div", {}, h("dt", {}, name), h("dd", {}, fact)))),
      video.path && h("p", { class: "path" }, video.path), video.path && copyButton(video.path, "Copy path"));
  }

  async listLike(by) {
    const { likeOf, path, of, signal } = this;
    const list = h("ul", { class: "strip" });
    fill(this.like, h("header", {}, h("h2", { id: "like-title" }, "Moments like this one"),
      choice("like", "Like this one by", [["appearance", "By appearance"], ["motion", "By motion"]], by, (way) => this.listLike(way))), list);
    this.preview?.stop();
    this.preview = new Preview();
    try {
      const found = await ask(`${path}/similar`, { query: { moment_id: likeOf.moment_id, by, limit: LIKE_SHOWN, library: of }, signal });
      if (this.likeOf !== likeOf) return;
      const cards = found.hits.map((hit) => card(hit, { isOutlined: isOn("outlines"), href: momentHref(hit, {}, of), foot: foot(hit) }));
      cards.forEach((each) => this.preview.attach(each, of));
      fill(list, cards.length ? cards : h("li", { class: "soft" }, "No other moment is in this library."));
      say(`${count(cards.length, "moment")} like this one`);
    } catch (error) {
      if (!isLeft(error)) list.replaceWith(problem(error, () => this.listLike(by)));
    }
  }

  outline(on, isAsked = true) {
    if (isAsked) turn("overlay", on);
    this.film.motionButton.setAttribute("aria-pressed", on);
    this.overlay.turn(on);
  }

  /** Shows a sentence over the picture; null for none. */
  tell(told) {
    if (this.note.textContent !== (told ?? "")) this.note.textContent = told ?? "";
    this.note.hidden = !told;
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const card = event.target.closest?.(".card");
    if (event.key === " " && card) { event.preventDefault(); this.preview.toggle(card); return; }
    const onButton = event.key === " " && event.target.closest?.("button, a, summary");
    const keys = { " ": () => this.film.toggle(), m: () => this.outline(!this.overlay.isOn), f: () => this.film.whole(), p: () => this.step(-1), n: () => this.step(1),
      ArrowLeft: () => this.jump(this.film.time - 1), ArrowRight: () => this.jump(this.film.time + 1), Escape: () => this.leave() };
    if (!(event.key in keys) || onButton || (event.target.type === "radio" && event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    keys[event.key]();
  }

  /** The link to what was found, if it is known; it goes back in the history where that is the same. */
  wayBack() {
    const before = history.state?.from;
    const isFound = before?.startsWith("/?");
    if (!isFound && !this.question.text) return null;
    const back = (event) => {
      if (!isFound || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      history.back();
    };
    return h("a", { class: "back", href: isFound ? before : searchHref(this.question, this.of), on: { click: back } }, "← ",
      h("span", {}, this.question.text ? `“${this.question.text}”` : "What was found"));
  }

  leave() {
    if (!document.fullscreenElement) this.root.querySelector(".back")?.click();
  }
}

/** The one of FFmpeg's names of a container that the file itself has, or the first one. */
function containerOf({ container }, name) {
  const names = container.split(",");
  return names.find((each) => name.toLowerCase().endsWith(`.${each}`)) ?? names[0];
}

function range(values) {
  if (values.length < 2) return null;
  return h("span", { class: "curve-range" }, ` from ${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`);
}
