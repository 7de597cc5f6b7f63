/** The view of two libraries side by side on one question. */

import { address, ask, isLeft } from "./api.js";
import { showInBox } from "./box.js";
import { card, foot } from "./card.js";
import { fill, h, say } from "./dom.js";
import { isOn } from "./memory.js";
import { choice, problem, WAYS } from "./parts.js";
import { go, momentHref } from "./place.js";
import { Preview } from "./preview.js";
import { readQuestion } from "./query.js";

const SHOWN = 12;
const LETTERS = ["A", "B"];
const DEPTH = 100; // how far down the other side is looked at for a rank

export async function showCompare(root, signal) {
  document.title = "Compare – deltaclip";
  const params = new URLSearchParams(location.search);
  const question = readQuestion(params);
  showInBox({ text: question.text });
  const { libraries } = await ask("/v1/libraries", { signal });
  if (libraries.length < 2) {
    fill(root, alone(libraries[0]));
    return;
  }
  const names = libraries.map(({ name }) => name);
  const sides = [params.get("left") ?? names[0], params.get("right") ?? names[1]];
  const columns = sides.map(() => h("section", { class: "side" }));
  fill(root, h("div", { class: "compare" }, h("h1", {}, "Two libraries, one question"), asking(question, sides, libraries), h("div", { class: "sides" }, columns)));
  scrollTo(0, 0);
  const titles = sides.map((name, place) => title(libraries.find((each) => each.name === name), name, place));
  columns.forEach((column, place) => fill(column, titles[place], h("p", { class: "soft" }, question.text ? "Searching…" : "Ask in the box above: both libraries answer.")));
  if (!question.text) {
    document.getElementById("box").focus();
    return;
  }
  const found = await Promise.all(sides.map((name) => search(question, name, signal)));
  if (signal.aborted) return;
  const preview = new Preview();
  signal.addEventListener("abort", () => preview.stop());
  found.forEach((each, place) => { each.letter = LETTERS[place]; });
  columns.forEach((column, place) => fill(column, titles[place], side(found[place], found[1 - place], question, sides[place], preview)));
  const both = (found[0].hits ?? []).slice(0, SHOWN).filter((hit) => rankIn(found[1].hits ?? [], hit) !== null).length;
  say(`Compared. ${both} of the first ${SHOWN} on the left were found on the right too.`);
}

async function search({ text, by }, name, signal) {
  try {
    return await ask("/v1/search", { method: "POST", body: { text, by, limit: DEPTH }, query: { library: name }, signal });
  } catch (error) {
    if (isLeft(error)) throw error;
    return { error };
  }
}

function asking(question, sides, libraries) {
  const move = (changed) => go(address("/compare", { q: question.text || null, by: question.by, left: sides[0], right: sides[1], ...changed }));
  const pick = (place) => h("label", { class: "pick" }, h("span", {}, place ? "Right" : "Left"),
    h("select", { on: { change: (event) => move({ [place ? "right" : "left"]: event.target.value }) } },
      libraries.map(({ name }) => h("option", { value: name, selected: name === sides[place] }, name))));
  return h("div", { class: "toolbar" }, choice("compare-by", "Compare by", WAYS, question.by ?? "", (by) => move({ by: by || null })), pick(0), pick(1));
}

function title(about, name, place) {
  if (!about) return h("header", {}, h("h2", {}, name), h("p", { class: "soft" }, "No such library is served."));
  return h("header", {}, h("h2", {}, h("span", { class: "side-mark" }, LETTERS[place]), name),
    h("p", { class: "soft" }, [about.encoder ?? "nothing indexed", about.motion && `masks ${about.motion}`].filter(Boolean).join(", ")));
}

function side(found, other, question, name, preview) {
  if (found.error) return problem(found.error, null);
  if (!found.hits.length) return h("p", { class: "soft" }, "Nothing was found.");
  return h("ol", { class: "ranked" }, found.hits.slice(0, SHOWN).map((hit, place) => {
    const made = card(hit, { isOutlined: isOn("outlines"), href: momentHref(hit, question, name), foot: foot(hit) });
    const rank = other.hits && rankIn(other.hits, hit);
    made.prepend(h("span", { class: "rank" }, `${place + 1}`));
    if (other.hits) made.append(h("span", { class: rank === null ? "twin twin-none" : "twin" }, twinOf(rank, place, other.letter)));
    preview.attach(made, name);
    return made;
  }));
}

/** Where the other side has the same moment. letter: of that side. */
function twinOf(rank, place, letter) {
  if (rank === null) return `not in the first ${DEPTH} of ${letter}`;
  return rank === place ? `also number ${rank + 1} in ${letter}` : `number ${rank + 1} in ${letter}`;
}

/** The place of the same moment among hits: of the same name, and at the same time; null if it is not there. */
function rankIn(hits, hit) {
  const same = (other) => other.name === hit.name && Math.abs(other.start_seconds - hit.start_seconds) < 0.05 && Math.abs(other.end_seconds - hit.end_seconds) < 0.05;
  const place = hits.findIndex((each) => same(each) || (each.folded ?? []).some(same));
  return place < 0 ? null : place;
}

function alone(about) {
  return h("section", { class: "blank" }, h("h1", {}, "Only one library is served"),
    h("p", {}, "Start the server with two, of different encoders or masks, to see them side by side on one question:"),
    h("pre", {}, h("code", {}, `deltaclip serve --library ${about.address ?? about.name} --library other`)),
    h("p", { class: "soft" }, "Index the same videos into the other one too, with a different encoder or mask, such as ", h("code", {}, "--motion full"), "."));
}
