/** Where the reader is: addresses of the views, and going from one to the other. */

import { address } from "./api.js";
import { paramsOf } from "./query.js";

let show = () => {};

/** What is called whenever the address has changed; isBack: by going back or forth. */
export function onMove(listener) {
  show = listener;
  addEventListener("popstate", () => listener({ isBack: true }));
}

/** Goes to a page of ours. replace: in place of this one in the history. */
export function go(href, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", href);
  show();
}

/** The library that the address names; null for the first one. */
export function library() {
  return new URLSearchParams(location.search).get("library");
}

export function searchHref(question, of = library()) {
  return address("/", { ...paramsOf(question), library: of });
}

/** The page of a moment. hit: of a search, or anything with the same members. */
export function momentHref(hit, { text = null, by = null } = {}, of = library()) {
  const time = { t: hit.start_seconds.toFixed(2), end: hit.end_seconds.toFixed(2) };
  return address(`/video/${encodeURIComponent(hit.video_id)}`, { ...time, q: text || null, by, library: of });
}

export function libraryHref(of = library()) {
  return address("/library", { library: of });
}

/** A link that is followed without loading the page anew. */
export function isOurs(link, event) {
  return event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    && link.origin === location.origin && !link.hasAttribute("download") && !link.target && !link.pathname.startsWith("/v1/");
}
