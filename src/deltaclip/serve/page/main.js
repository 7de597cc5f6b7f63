/** The page: its top, which view is shown, and the keys that work everywhere. */

import { address, isLeft, watchServer } from "./api.js";
import { startBox } from "./box.js";
import { showCompare } from "./compare.js";
import { fill, h, icon, say } from "./dom.js";
import { startKeys } from "./keys.js";
import { showLibrary } from "./library.js";
import { problem } from "./parts.js";
import { go, isOurs, library, onMove } from "./place.js";
import { showSearch } from "./search.js";
import { mayEnter, showSignIn, startSession } from "./session.js";
import { showVideo } from "./video.js";

const VIEWS = { "": showSearch, video: showVideo, library: showLibrary, compare: showCompare };
const main = document.getElementById("main");
const banner = document.getElementById("gone");
let shown = null;

/** Shows what the address stands for, after taking leave of the view before. */
async function show({ isBack = false } = {}) {
  const before = shown;
  before?.leaving.abort();
  const leaving = new AbortController();
  const name = location.pathname.split("/")[1];
  shown = { name, leaving };
  document.body.dataset.view = name || "search";
  markLinks(name || "search");
  if (before && before.name !== name) {
    main.replaceChildren();
    main.focus({ preventScroll: true }); // the next tab is in the new view, and screen readers begin there
  }
  try {
    if (!(await mayEnter())) {
      showSignIn(main, () => show());
    } else {
      await (VIEWS[name] ?? showNothing)(main, leaving.signal, isBack);
    }
  } catch (error) {
    if (isLeft(error) || leaving.signal.aborted) return;
    fill(main, h("h1", { class: "unseen" }, "deltaclip"), problem(error, () => show()));
  }
}

function showNothing(root) {
  document.title = "Not found – deltaclip";
  fill(root, h("section", { class: "blank" }, h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: "/" }, "To the start page"))));
}

function markLinks(name) {
  for (const link of document.querySelectorAll(".views a, .brand")) {
    const path = link.dataset.view === undefined || link.dataset.view === "search" ? "/" : `/${link.dataset.view}`;
    link.href = address(path, { library: library() });
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || !isOurs(link, event)) return;
  if (link.classList.contains("skip")) {
    event.preventDefault();
    main.focus();
    return;
  }
  event.preventDefault();
  history.pushState({ from: location.pathname + location.search }, "", link.href);
  show();
});

watchServer({
  gone: () => {
    fill(banner, icon("warning"), "The server does not answer. Trying again…");
    banner.hidden = false;
  },
  back: () => {
    banner.hidden = true;
    say("The server answers again.");
    show();
  },
  locked: () => setTimeout(() => show()),
});
history.scrollRestoration = "manual";
onMove(show);
startBox();
startKeys();
startSession(() => go("/"));
show();
