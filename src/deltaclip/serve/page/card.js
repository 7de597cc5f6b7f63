/** A moment as a card: its picture, which plays, and a few words. */

import { address } from "./api.js";
import { h, icon, relevanceMark } from "./dom.js";
import { openDialog } from "./parts.js";
import { momentHref } from "./place.js";
import { span } from "./words.js";

const WIDTHS = [1.25, 2.1]; // pictures of these shapes fill the box, others are shown whole

/** Where the picture of a hit is, with the outlines of what moves or without. */
export function pictureOf(hit, isOutlined) {
  return isOutlined ? hit.outlined_thumbnail_url : hit.thumbnail_url;
}

/**
 * The card of a hit. look: `isOutlined`, `href` of its page, `foot`: what stands in the corner or null, `line`: in place of the time.
 * The list item has the hit as `hit`.
 */
export function card(hit, { isOutlined, href, line = null, foot = null }) {
  const picture = h("img", { src: pictureOf(hit, isOutlined), alt: "", decoding: "async", draggable: false });
  const still = h("span", { class: "still" }, picture);
  picture.addEventListener("load", () => {
    const shape = picture.naturalWidth / picture.naturalHeight;
    still.classList.toggle("whole", shape < WIDTHS[0] || shape > WIDTHS[1]);
    still.classList.add("there");
  });
  picture.addEventListener("error", () => still.classList.add("lost"));
  const link = h("a", { class: "card-link", href },
    still,
    h("span", { class: "card-words" },
      h("span", { class: "card-name", title: hit.path ?? hit.name }, hit.name), " ",
      h("span", { class: "time" }, line ?? span(hit.start_seconds, hit.end_seconds)), " ", relevanceMark(hit.relevance), " ", foot));
  const item = h("li", { class: "card" }, link);
  item.hit = hit;
  item.link = link;
  item.still = still;
  item.release = () => picture.removeAttribute("src"); // a picture that is still on its way would hold up the next ones
  return item;
}

/** The score of a hit. */
export function foot(hit) {
  const parts = [["appearance", hit.appearance], ["motion", hit.motion]].filter(([, value]) => value !== null && value !== undefined);
  const title = parts.map(([name, value]) => `${name} ${value.toFixed(3)}`).join(", ") || null;
  return h("span", { class: "score", title }, h("span", { class: "unseen" }, "score "), hit.score.toFixed(3));
}

/** The button that opens what is folded into a hit; null if nothing is. */
export function foldButton(hit, question, of) {
  const number = hit.folded.length;
  if (!number) return null;
  const open = () => openDialog(`${number + 1} of one moment`, h("ul", { class: "folded" },
    [hit, ...hit.folded].map((each) => h("li", {}, h("a", { href: momentHref(each, question, of) },
      h("img", { src: thumbnailOf(each, of), alt: "", loading: "lazy" }),
      h("span", {}, h("strong", {}, each.name), h("span", { class: "time" }, span(each.start_seconds, each.end_seconds))))))));
  return h("button", { type: "button", class: "fold", on: { click: open } }, icon("copy"), h("span", { class: "unseen" }, "and "), `${number} more like it`);
}

function thumbnailOf(moment, of) {
  const time = { start: moment.start_seconds.toFixed(3), end: moment.end_seconds.toFixed(3) };
  return moment.thumbnail_url ?? address(`/v1/videos/${encodeURIComponent(moment.video_id)}/thumbnail`, { ...time, library: of });
}
