/** Plays moments on their cards, muted, one at a time. */

import { address, ask } from "./api.js";
import { h } from "./dom.js";
import { library } from "./place.js";

const PATIENCE_MS = 150;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const facts = new Map(); // address of a video -> a promise of whether browsers play its file

/** Whether the browser plays the file itself; else the server makes a film of the moment. */
function isPlayed(videoId, of) {
  const path = address(`/v1/videos/${encodeURIComponent(videoId)}`, { library: of });
  if (!facts.has(path)) {
    const told = ask(path).then(({ facts: found }) => found !== null && found.not_played === null);
    told.catch(() => facts.delete(path));
    facts.set(path, told);
  }
  return facts.get(path);
}

export function clipUrl(videoId, start, end, of) {
  return address(`/v1/videos/${encodeURIComponent(videoId)}/clip`, { start: start.toFixed(3), end: end.toFixed(3), library: of });
}

/** The moments of a list that can be played by pointing at them, focusing them or pressing Space. */
export class Preview {
  constructor() {
    this.card = null;
    this.timer = null;
    this.film = null;
  }

  /** Has a card play when it is pointed at or focused. of: its library. */
  attach(card, of = library()) {
    card.of = of;
    card.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") this.soon(card); });
    card.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") this.stop(card); });
    card.link.addEventListener("focus", () => { if (card.link.matches(":focus-visible")) this.soon(card); });
    card.link.addEventListener("blur", () => this.stop(card));
    card.link.addEventListener("click", (event) => {
      if (event.pointerType !== "touch" || this.card === card) return; // the second tap opens
      event.preventDefault();
      event.stopPropagation();
      this.play(card);
    });
  }

  soon(card) {
    if (calm.matches) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.play(card), PATIENCE_MS);
  }

  /** Plays or pauses, for who asks for it. */
  toggle(card) {
    if (this.card !== card) this.play(card);
    else if (this.film?.paused) this.film.play().catch(() => {});
    else this.film?.pause();
  }

  async play(card) {
    this.stop();
    this.card = card;
    const { video_id: id, start_seconds: start, end_seconds: end, stream_url: stream } = card.hit;
    let plays = false;
    try {
      plays = await isPlayed(id, card.of);
    } catch { /* the film may still be there */ }
    if (this.card !== card || !card.isConnected) return;
    const from = plays ? start : 0;
    const to = plays ? end : end - start;
    const film = h("video", { playsinline: true, preload: "auto", "aria-hidden": "true" });
    film.muted = true;
    film.src = plays ? stream : clipUrl(id, start, end, card.of);
    const bar = h("span", { class: "progress", "aria-hidden": "true" });
    film.addEventListener("loadedmetadata", () => { if (from) film.currentTime = from; });
    film.addEventListener("playing", () => card.still.classList.add("plays"));
    film.addEventListener("pause", () => card.still.classList.remove("plays"));
    film.addEventListener("ended", () => this.again(film, from));
    film.addEventListener("error", () => this.stop(card));
    film.addEventListener("timeupdate", () => {
      bar.style.setProperty("--done", Math.min(Math.max((film.currentTime - from) / (to - from), 0), 1));
      if (film.currentTime >= to) this.again(film, from);
    });
    this.film = film;
    card.still.append(film, bar);
    film.play().catch(() => {});
  }

  again(film, from) {
    film.currentTime = from;
    film.play().catch(() => {});
  }

  /** Ends what plays; only if it is this card, where one is given. */
  stop(card = null) {
    if (card === null || this.card === card) {
      if (this.film) {
        this.film.pause();
        this.film.removeAttribute("src");
        this.film.load(); // gives the connection back
        this.card.still.classList.remove("plays");
        this.film.parentElement?.querySelector(".progress")?.remove();
        this.film.remove();
      }
      this.card = this.film = null;
    }
    clearTimeout(this.timer);
  }
}
