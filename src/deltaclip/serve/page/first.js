/** What to do when nothing is indexed yet. */

import { ask } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { chooseFolder } from "./folders.js";
import { jobPanel } from "./jobs.js";
import { go } from "./place.js";
import { mayIndex } from "./session.js";

/** about: the library, as the server tells it. */
export function firstRun(about, signal) {
  const progress = h("div", { class: "first-job" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const watch = (job, to) => fill(progress, jobPanel(job, { signal, done: (ended) => {
    if (ended.state === "done") go(to(ended));
    else demo.disabled = false;
  } }));
  const demo = h("button", { type: "button", class: "main-button" }, "Try it on drawn clips");
  demo.addEventListener("click", async () => {
    demo.disabled = true;
    fill(wrong);
    try {
      watch(await ask("/v1/demo", { method: "POST" }), (ended) => `/?library=${encodeURIComponent(ended.library)}`);
    } catch (error) {
      demo.disabled = false;
      fill(wrong, error.message);
    }
  });
  const add = about.may_index && h("button", { type: "button", class: "button", on: { click: () => chooseFolder((job) => watch(job, () => location.pathname + location.search)) } },
    icon("folder"), "Add a folder");
  return h("section", { class: "first" },
    h("h1", {}, "Nothing is indexed yet"),
    h("p", { class: "soft" }, "deltaclip finds moments in your own videos. They stay where they are: it reads them once, and keeps a few numbers of each moment."),
    h("ol", {},
      h("li", {}, h("h2", {}, "Your videos"),
        add ? h("p", {}, "Choose a folder, and watch its moments come in.") : h("p", {}, "In a terminal, index a folder; then load this page again:"),
        add || h("pre", {}, h("code", {}, indexCommand(about))),
        !add && h("p", { class: "soft" }, "Or start the server with ", h("code", {}, "--root ~/Videos"), " to add folders from this page.")),
      h("li", {}, h("h2", {}, "Or look around first"),
        h("p", {}, "Twelve clips of shapes that move, drawn and indexed in a few seconds into a library of their own."),
        mayIndex() ? demo : h("p", { class: "soft" }, "Your token does not allow to index: ask whoever runs this server."))),
    wrong, progress);
}

function indexCommand(about) {
  return about.address ? `deltaclip index ~/Videos --library ${/\s/.test(about.address) ? `'${about.address}'` : about.address}` : "deltaclip index ~/Videos";
}
