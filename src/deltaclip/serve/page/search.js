/** The view of what was found. */

import { isLeft } from "./api.js";
import { showInBox } from "./box.js";
import { card, foldButton, foot, pictureOf } from "./card.js";
import { fill, h, icon, say } from "./dom.js";
import { Grid, waitingCards } from "./grid.js";
import { showHome } from "./home.js";
import { isTyping } from "./keys.js";
import { isOn, remember, turn } from "./memory.js";
import { choice, libraryChoice, problem, WAYS } from "./parts.js";
import { go, library, momentHref, searchHref } from "./place.js";
import { Preview } from "./preview.js";
import { FILTERS, isAsked, readQuestion, typed, typedFilter } from "./query.js";
import { Results } from "./results.js";
import { count } from "./words.js";

const kept = new Map(); // address -> Results, so that going back finds what was there
const MOST_KEPT = 8;

export async function showSearch(root, signal, isBack) {
  const question = readQuestion(new URLSearchParams(location.search));
  showInBox(question);
  if (!isAsked(question)) {
    const chips = filterChips(question, {});
    await showHome(root, signal, chips);
    return;
  }
  document.title = `${question.text || question.file || "a file"} – deltaclip`;
  if (!question.upload) remember(typed(question));
  const here = location.pathname + location.search;
  const results = (isBack && kept.get(here)) || new Results(question, library());
  kept.delete(here);
  kept.set(here, results);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  await new Found(root, results, signal).show();
}

/** The list of one question. */
class Found {
  constructor(root, results, signal) {
    Object.assign(this, { root, results, signal });
    this.isOutlined = isOn("outlines");
    this.preview = new Preview();
    this.summary = h("div", { class: "summary" });
    this.place = h("div", { class: "found" }, waitingCards(12));
    this.chips = h("div", { class: "chips" });
    this.tail = h("div", { class: "tail" });
    signal.addEventListener("abort", () => {
      this.results.scroll = scrollY;
      this.results.active = this.grid?.active ?? 0;
      this.results.hadFocus = Boolean(this.grid?.list.contains(document.activeElement));
      this.preview.stop();
    });
    document.addEventListener("keydown", (event) => this.onKey(event), { signal });
  }

  async show() {
    const { results, root, signal } = this;
    fill(root, h("h1", { class: "unseen" }, "Moments found"),
      h("div", { class: "toolbar" }, this.ways(), this.chips, this.outlineSwitch(), this.library = h("span", {})),
      this.summary, this.place, this.tail);
    fill(this.chips, filterChips(results.question, results.wrong));
    libraryChoice(signal).then((chosen) => chosen && fill(this.library, chosen), () => {});
    const wasThere = results.begun;
    if (!wasThere) {
      scrollTo(0, 0);
      await results.more(signal);
      if (signal.aborted) return;
    }
    this.tell();
    if (wasThere) {
      scrollTo(0, results.scroll);
      this.grid?.draw();
      if (results.hadFocus) this.grid?.focus(results.active, { isScrolled: false });
    }
  }

  /** Shows what came: moments, that nothing matches, or what went wrong. */
  tell() {
    const { results } = this;
    fill(this.chips, filterChips(results.question, results.wrong));
    if (results.error && !results.begun) {
      fill(this.summary);
      fill(this.place, this.failed(results.error));
      return;
    }
    this.tellCount();
    if (!results.hits.length) fill(this.place, nothing(results, null));
    else if (results.nothing && !results.question.rest) {
      fill(this.place, nothing(results, searchHref({ ...results.question, rest: true }, results.of)));
    } else {
      const list = h("ul", { class: "grid", "aria-label": "Moments" });
      fill(this.place, list);
      this.grid = new Grid(list, { make: (place) => this.card(place), more: () => this.more(), signal: this.signal });
      this.grid.active = results.active;
      this.grid.grow(results.hits.length, results.hasMore);
    }
  }

  tellCount() {
    const { hits, hasMore, words, notes, nothing: isNothing, question } = this.results;
    const number = hasMore ? `${hits.length.toLocaleString("en")}+ moments` : count(hits.length, "moment");
    const told = isNothing && !question.rest ? "Nothing here matches" : isNothing ? "The best of the rest" : number;
    fill(this.summary,
      h("p", { class: isNothing && !question.rest ? "number unseen" : "number" }, told),
      words.length > 0 && h("p", { class: "words" }, "understood as motion: ", words.map((word) => [h("mark", {}, word), " "])),
      notes.length > 0 && h("p", { class: "notes" }, notes.join(" · ")));
    say([told, words.length ? `Understood as motion: ${words.join(", ")}` : "", ...notes].filter(Boolean).join(". "));
  }

  card(place) {
    const hit = this.results.hits[place];
    const { question, of } = this.results;
    const made = card(hit, { isOutlined: this.isOutlined, href: momentHref(hit, question, of), foot: foot(hit) });
    const fold = foldButton(hit, question, of);
    if (fold) made.append(fold);
    this.preview.attach(made, of);
    return made;
  }

  async more() {
    const { results, signal } = this;
    if (results.loading || !results.hasMore) return;
    fill(this.tail, h("p", { class: "soft" }, "Loading more…"));
    await results.more(signal);
    if (signal.aborted) return;
    fill(this.tail, results.error && this.failed(results.error));
    this.grid.grow(results.hits.length, results.hasMore);
    this.summary.querySelector(".number").textContent = results.hasMore ? `${results.hits.length.toLocaleString("en")}+ moments` : count(results.hits.length, "moment");
  }

  failed(error) {
    if (isLeft(error)) return null;
    const { question, of } = this.results;
    if (error.code === "gone" && !question.upload) return problem(error, () => go(searchHref(question, of), { replace: true }));
    if (error.code === "no_motion_words") {
      const told = problem(error, null);
      told.append(h("p", {}, h("a", { class: "button", href: searchHref({ ...question, by: null }, of) }, "Search by appearance too")));
      return told;
    }
    return problem(error, question.upload && error.code === "gone" ? null : () => go(searchHref(question, of), { replace: true }));
  }

  ways() {
    const { question, of } = this.results;
    if (question.upload && !question.isVideo) return null;
    const ways = question.upload ? WAYS.slice(1) : WAYS;
    const chosen = question.by ?? (question.upload ? "appearance" : "");
    return choice("by", "Search by", ways, chosen, (by) => go(searchHref({ ...question, by: by || null, rest: false }, of)));
  }

  outlineSwitch() {
    const box = h("input", { type: "checkbox", role: "switch", checked: this.isOutlined, on: { change: () => this.outline(box.checked) } });
    this.switch = box;
    return h("label", { class: "switch" }, box, h("span", {}, "Show what moves"));
  }

  outline(isOutlined) {
    this.isOutlined = this.switch.checked = isOutlined;
    turn("outlines", isOutlined);
    for (const each of this.grid?.cards.values() ?? []) each.querySelector("img").src = pictureOf(each.hit, isOutlined);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const here = event.target.closest?.(".card");
    if (event.key === " " && here && event.target === here.link) {
      event.preventDefault();
      this.preview.toggle(here);
    } else if (event.key === "Escape") {
      this.preview.stop();
    } else if (event.key === "m" && !isTyping(event.target)) {
      this.outline(!this.isOutlined);
    } else if (event.key === "ArrowDown" && (event.target === document.body || event.target.id === "box" || event.target.id === "main") && this.grid) {
      event.preventDefault();
      this.grid.focus(this.grid.active);
    }
  }
}

/** Filters as chips, each of which can be removed. */
function filterChips(question, wrong) {
  return Object.entries(question.filters).map(([name, value]) => {
    const rest = { ...question.filters };
    delete rest[name];
    const href = searchHref({ ...question, filters: rest });
    return h("span", { class: wrong[name] ? "chip chip-wrong" : "chip", title: FILTERS[name].help },
      h("span", {}, typedFilter(name, value), wrong[name] && h("span", { class: "chip-why" }, ` ${wrong[name]}`)),
      h("a", { class: "chip-off", href, "aria-label": `Remove the filter ${typedFilter(name, value)}` }, icon("close")));
  });
}

function nothing({ question, wrong }, restHref) {
  const asked = question.text ? `“${question.text}”` : question.file ?? "that file";
  const filtered = Object.keys(question.filters).some((name) => !(name in wrong));
  return h("section", { class: "blank" },
    h("h2", {}, "Nothing here matches"),
    h("p", {}, restHref ? `No moment fits ${asked} better than unrelated sentences do.` : `No moment was found for ${asked}.`),
    filtered && h("p", { class: "soft" }, "The filters leave things out: ", h("a", { href: searchHref({ ...question, filters: {} }) }, "search without them"), "."),
    restHref && h("p", {}, h("a", { class: "button", href: restHref }, "Show the best of the rest")));
}
