/** The start page: what can be asked, what was asked before, and what to do if nothing is indexed yet. */

import { address, ask } from "./api.js";
import { card } from "./card.js";
import { fill, h, icon } from "./dom.js";
import { firstRun } from "./first.js";
import { forget, recent } from "./memory.js";
import { libraryChoice } from "./parts.js";
import { library, searchHref } from "./place.js";
import { Preview } from "./preview.js";
import { FILTERS, parse } from "./query.js";
import { clock, count } from "./words.js";

const SHOWN = 10;
const FIRST_SECONDS = 15;

/** Questions that the drawn clips answer, and ones for anybody's videos. */
export const OF_DEMO = ["the red circle moves", "the green ring moving while the blue star stays",
  "the blue star moves and the red circle and the green ring stay still", "the green square moves"];
const OF_ANY = ["something moves to the left", "someone jumps", "the camera zooms in", "it spins around"];

export async function showHome(root, signal, chips) {
  document.title = "deltaclip";
  const of = library();
  const [about, { videos }] = await Promise.all([
    ask("/v1/library", { query: { library: of }, signal }),
    ask("/v1/videos", { query: { library: of, limit: SHOWN, state: "indexed" }, signal }),
  ]);
  if (!about.created || !about.videos) {
    fill(root, firstRun(about, signal));
    return;
  }
  const preview = new Preview();
  signal.addEventListener("abort", () => preview.stop());
  const ideas = about.encoder === "shapes" ? OF_DEMO : OF_ANY;
  fill(root, h("div", { class: "home" },
    h("section", { class: "hello" },
      h("h1", {}, "Say what happens, and ", h("em", {}, "how it moves"), "."),
      h("p", { class: "soft" }, `${count(about.moments, "moment")} in ${count(about.videos, "video")}. Or drop a picture or a clip anywhere.`),
      chips.length > 0 && h("div", { class: "chips" }, chips),
      h("ul", { class: "ideas" }, ideas.map((idea) => h("li", {}, h("a", { href: searchHref({ text: idea, filters: {} }) }, idea))))),
    recentQuestions(),
    h("section", {}, h("h2", {}, "In this library"), h("ul", { class: "strip" }, videos.map((video) => videoCard(video, preview, of)))),
    filterHelp()));
  libraryChoice(signal).then((chosen) => chosen && root.querySelector(".hello p").append(chosen), () => {});
  scrollTo(0, 0);
}

function videoCard(video, preview, of) {
  const end = Math.min(video.duration_seconds ?? 0, FIRST_SECONDS);
  const picture = address(`/v1/videos/${encodeURIComponent(video.video_id)}/thumbnail`, { start: 0, end: end.toFixed(3), library: of });
  const moment = { ...video, start_seconds: 0, end_seconds: end, thumbnail_url: picture };
  const made = card(moment, { isOutlined: false, line: `${clock(video.duration_seconds ?? 0, 0)}, ${count(video.num_moments, "moment")}`, href: address(`/video/${encodeURIComponent(video.video_id)}`, { library: of }) });
  preview.attach(made, of);
  return made;
}

function recentQuestions() {
  const asked = recent().slice(0, 8);
  if (!asked.length) return null;
  const section = h("section", { class: "recent" },
    h("header", {}, h("h2", {}, "Asked before"),
      h("button", { type: "button", class: "link", on: { click: () => { forget(); section.remove(); } } }, "Clear")),
    h("ul", {}, asked.map((each) => h("li", {}, h("a", { href: searchHref(parse(each)) }, icon("again"), each)))));
  return section;
}

function filterHelp() {
  const box = document.getElementById("box");
  const add = (name) => {
    box.value = `${box.value.trim()} ${name}:`.trimStart();
    box.focus();
  };
  return h("section", { class: "narrow" }, h("h2", {}, "Narrow it down"),
    h("p", { class: "soft" }, "Type these beside your words."),
    h("dl", {}, Object.entries(FILTERS).map(([name, { example, help }]) =>
      h("div", {}, h("dt", {}, h("button", { type: "button", class: "chip", on: { click: () => add(name) } }, example)), h("dd", {}, help)))));
}
