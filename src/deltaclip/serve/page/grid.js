/** A grid of which only the rows on the screen are in the document: 10,000 cards scroll like 20. */

import { h } from "./dom.js";

const GAP = 20;
const NARROW = 560; // pixels below which cards have a line more, as in search.css
const OVERSCAN_ROWS = 2;
const LEAST = { wide: 232, narrow: 156 }; // of a card, in pixels

/**
 * list: the element that holds the cards, a list. make: gives the card of a place, with `link`, which takes the focus,
 * and `release`, called once it is out of the document. more: called when the last rows come near. Cards have one height: that of their picture, 16 to 10, and two or three lines.
 */
export class Grid {
  constructor(list, { make, more, signal }) {
    Object.assign(this, { list, make, more });
    this.count = 0;
    this.isOpen = true; // whether more may come
    this.active = 0; // the card that the tab key reaches
    this.cards = new Map();
    this.frame = null;
    const later = () => { this.frame ??= requestAnimationFrame(() => { this.frame = null; this.draw(); }); };
    addEventListener("scroll", later, { passive: true, signal });
    const sizes = new ResizeObserver(() => { this.measure(); this.draw(); });
    sizes.observe(list);
    signal.addEventListener("abort", () => sizes.disconnect());
    list.addEventListener("keydown", (event) => this.onKey(event));
    list.addEventListener("focusin", (event) => {
      const card = event.target.closest(".card");
      if (card) this.activate(card.place);
    });
    this.measure();
  }

  /** Takes what the width of the list allows. */
  measure() {
    const width = this.list.clientWidth;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const least = width < NARROW ? LEAST.narrow : LEAST.wide;
    const gap = width < NARROW ? 12 : GAP;
    this.columns = Math.max(Math.floor((width + gap) / (least + gap)), 1);
    this.gap = gap;
    this.width = (width - gap * (this.columns - 1)) / this.columns;
    this.height = Math.round(this.width * 0.625 + (width < NARROW ? 4.75 : 3.5) * rem);
    this.step = this.height + gap;
    this.placed = null; // every card has to be put in place again
  }

  /** Says how many cards there are, and whether more may come. */
  grow(count, isOpen) {
    const differs = this.count !== count;
    this.count = count;
    this.isOpen = isOpen;
    if (differs) for (const card of this.cards.values()) card.setAttribute("aria-setsize", isOpen ? -1 : count);
    this.draw();
  }

  /** Puts the cards of the rows on the screen into the document, and takes the others out. */
  draw() {
    const rows = Math.ceil(this.count / this.columns) + (this.isOpen && this.count ? 1 : 0);
    this.list.style.setProperty("height", `${Math.max(rows * this.step - this.gap, 0)}px`);
    const top = -this.list.getBoundingClientRect().top;
    const first = Math.max(Math.floor(top / this.step) - OVERSCAN_ROWS, 0) * this.columns;
    const last = Math.min((Math.ceil((top + innerHeight) / this.step) + OVERSCAN_ROWS) * this.columns, this.count);
    const focused = this.list.contains(document.activeElement) ? this.active : -1;
    for (const [place, card] of this.cards) {
      if ((place < first || place >= last) && place !== focused) { // the focus stays where it is, off the screen too
        card.remove();
        card.release();
        this.cards.delete(place);
      }
    }
    for (let place = first; place < last; place += 1) this.put(place);
    if (this.placed === null) for (const [place, card] of this.cards) this.move(card, place);
    this.placed = true;
    if (this.isOpen && last >= this.count - 3 * this.columns) this.more();
  }

  put(place) {
    if (this.cards.has(place) || place < 0 || place >= this.count) return;
    const card = this.make(place);
    card.place = place;
    card.setAttribute("aria-posinset", place + 1);
    card.setAttribute("aria-setsize", this.isOpen ? -1 : this.count);
    this.reach(card, place === this.active);
    this.move(card, place);
    let next = null; // the order in the document is that of the places, for the tab key and screen readers
    for (const other of this.cards.values()) if (other.place > place && (next === null || other.place < next.place)) next = other;
    this.list.insertBefore(card, next);
    this.cards.set(place, card);
  }

  move(card, place) {
    const column = place % this.columns;
    const row = Math.floor(place / this.columns);
    card.style.setProperty("width", `${this.width}px`);
    card.style.setProperty("height", `${this.height}px`);
    card.style.setProperty("transform", `translate(${column * (this.width + this.gap)}px, ${row * this.step}px)`);
  }

  reach(card, isReached) {
    for (const part of card.querySelectorAll("a, button")) part.tabIndex = isReached ? 0 : -1;
  }

  activate(place) {
    if (place === this.active) return;
    const before = this.cards.get(this.active);
    if (before) this.reach(before, false);
    this.active = place;
    const now = this.cards.get(place);
    if (now) this.reach(now, true);
  }

  /** Puts the focus on a card, which is scrolled to where needed, unless isScrolled is false. */
  focus(place, { isScrolled = true } = {}) {
    const wanted = Math.min(Math.max(place, 0), this.count - 1);
    if (wanted < 0) return;
    this.activate(wanted);
    const top = Math.floor(wanted / this.columns) * this.step + this.list.getBoundingClientRect().top;
    const edge = document.querySelector(".top").offsetHeight + this.gap;
    if (!isScrolled) this.put(wanted);
    else if (top < edge) scrollBy(0, top - edge);
    else if (top + this.height > innerHeight) scrollBy(0, top + this.height - innerHeight + this.gap);
    this.put(wanted);
    this.draw();
    this.cards.get(wanted).link.focus({ preventScroll: true });
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns };
    const place = event.key === "Home" ? 0 : event.key === "End" ? this.count - 1
      : event.key in steps ? this.active + steps[event.key] : null;
    if (place === null) return;
    event.preventDefault();
    if (place >= 0 && place < this.count) this.focus(place);
    else if (event.key === "ArrowDown") this.focus(this.count - 1);
  }

  /** Makes all cards again. */
  renew() {
    const focused = this.list.contains(document.activeElement);
    for (const card of this.cards.values()) card.remove();
    this.cards.clear();
    this.draw();
    if (focused) this.focus(this.active);
  }
}

/** Boxes in the shape of cards, for while the first ones are awaited. */
export function waitingCards(number) {
  return h("ul", { class: "grid-wait", "aria-hidden": "true" },
    Array.from({ length: number }, () => h("li", { class: "card" }, h("span", { class: "still" }), h("span", { class: "bone" }), h("span", { class: "bone short" }))));
}
