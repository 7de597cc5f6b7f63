/** The view of a library: what is in it, what failed, what is being indexed, and who made its vectors. */

import { ask, isLeft } from "./api.js";
import { showInBox } from "./box.js";
import { fill, h, icon, say } from "./dom.js";
import { firstRun } from "./first.js";
import { chooseFolder } from "./folders.js";
import { hasEnded, jobPanel } from "./jobs.js";
import { Listing } from "./listing.js";
import { copyButton, libraryChoice, problem } from "./parts.js";
import { library } from "./place.js";
import { mayIndex } from "./session.js";
import { count, size } from "./words.js";

const ROWS_AT_ONCE = 50;
const ENDED_SHOWN = 3;

export async function showLibrary(root, signal) {
  document.title = "Library – deltaclip";
  showInBox({ text: "" });
  const of = library();
  const [about, { jobs }, chosen] = await Promise.all([
    ask("/v1/library", { query: { library: of }, signal }), ask("/v1/jobs", { signal }), libraryChoice(signal),
  ]);
  const mine = jobs.filter((job) => job.library === about.name);
  const running = mine.filter((job) => !hasEnded(job));
  if (!about.created && !running.length) {
    fill(root, chosen, firstRun(about, signal));
    return;
  }
  const view = new View(root, about, of, signal);
  view.draw(chosen, [...running, ...mine.filter(hasEnded).slice(0, ENDED_SHOWN)]);
  scrollTo(0, 0);
}

class View {
  constructor(root, about, of, signal) {
    Object.assign(this, { root, about, of, signal });
    this.numbers = h("dl", { class: "numbers" });
    this.jobs = h("div", { class: "jobs" });
    this.failures = new Listing("failed-title", "Could not be read",
      "Nothing of these is found, or only what comes before the damage. Everything else is searched.",
      (cursor) => this.fetchFailures(cursor), (failure) => this.failure(failure));
    this.missing = new Listing("missing-title", "Missing",
      "The files of these are gone, and none of their moments is found. They are found again when the files are back; deltaclip index with --prune takes them out.",
      (cursor) => this.fetchMissing(cursor), missingRow);
    this.folders = h("section", { "aria-labelledby": "folders-title" });
    this.vectors = h("section", { "aria-labelledby": "vectors-title" });
  }

  draw(chosen, jobs) {
    const add = this.about.may_index && h("button", { type: "button", class: "main-button", on: { click: () => chooseFolder((job) => this.watch(job)) } }, icon("folder"), "Add a folder");
    fill(this.root, h("div", { class: "library" },
      h("header", { class: "head" }, h("div", {}, h("h1", {}, this.about.name), this.about.address && h("p", { class: "path soft" }, this.about.address)), chosen, add),
      this.numbers, this.jobs, this.failures.element, this.missing.element, this.folders, this.vectors));
    for (const job of jobs) this.jobs.append(this.panel(job));
    this.fillIn();
    for (const listing of [this.failures, this.missing]) {
      listing.refresh().catch((error) => {
        if (isLeft(error)) return;
        fill(listing.element, problem(error, () => this.refresh())).hidden = false;
      });
    }
  }

  /** Numbers, folders and vectors, as `about` has them. */
  fillIn() {
    const { about } = this;
    const shown = [["videos", about.videos], ["moments", about.moments], ["failed", about.failed], ...(about.missing ? [["missing", about.missing]] : [])];
    fill(this.numbers, shown.map(([name, number]) => h("div", { class: number && (name === "failed" || name === "missing") ? "bad" : null }, h("dt", {}, name), h("dd", {}, number.toLocaleString("en")))),
      about.size_bytes !== null && h("div", {}, h("dt", {}, "on disk"), h("dd", {}, size(about.size_bytes))));
    const most = Math.max(...about.folders.map(({ videos }) => videos ?? 0), 1);
    fill(this.folders, h("h2", { id: "folders-title" }, "Folders"), !about.folders.length && h("p", { class: "soft" }, "No folder holds videos yet."),
      h("ul", { class: "rows" }, about.folders.map((folder) => h("li", {}, icon("folder"),
        h("span", { class: "row-name" }, h("strong", {}, folder.name), folder.path && h("span", { class: "path soft" }, folder.path)),
        h("span", { class: "share", "aria-hidden": "true", vars: { "--share": (folder.videos ?? 0) / most } }),
        h("span", { class: "row-count" }, count(folder.videos ?? 0, "video"))))));
    const facts = [["Encoder", about.encoder], ["Fingerprint", about.fingerprint && h("code", {}, about.fingerprint)], ["Motion mask", about.motion], ["Motion encoder", about.motion_encoder],
      ["Without motion vectors", about.without_motion ? count(about.without_motion, "moment") : null]];
    fill(this.vectors, h("h2", { id: "vectors-title" }, "Vectors"),
      about.outdated && h("p", { class: "note" }, icon("warning"), `Has to be indexed again: ${about.outdated}`),
      h("dl", { class: "facts" }, facts.filter(([, fact]) => fact).map(([name, fact]) => h("div", {}, h("dt", {}, name), h("dd", {}, fact)))));
  }

  panel(job) {
    return jobPanel(job, { signal: this.signal, done: () => this.refresh() });
  }

  watch(job) {
    this.jobs.prepend(this.panel(job));
  }

  async refresh() {
    try {
      this.about = await ask("/v1/library", { query: { library: this.of }, signal: this.signal });
      this.fillIn();
      await this.failures.refresh();
      await this.missing.refresh();
    } catch { /* the numbers stay as they were; the banner tells if the server is gone */ }
  }

  async fetchFailures(cursor) {
    const page = await ask("/v1/failures", { query: { library: this.of, limit: ROWS_AT_ONCE, cursor }, signal: this.signal });
    return { rows: page.failures, next: page.next };
  }

  async fetchMissing(cursor) {
    const page = await ask("/v1/videos", { query: { library: this.of, state: "missing", limit: ROWS_AT_ONCE, cursor }, signal: this.signal });
    return { rows: page.videos, next: page.next };
  }

  failure(failure) {
    const told = h("p", { class: "reason" }, failure.reason);
    const retry = h("button", { type: "button", class: "button small", "aria-label": `Retry ${failure.name}` }, icon("again"), "Retry");
    retry.addEventListener("click", async () => {
      retry.disabled = true;
      try {
        this.watch(await ask(`/v1/failures/${encodeURIComponent(failure.failure_id)}/retry`, { method: "POST", query: { library: this.of } }));
        say(`${failure.name} is read again`);
      } catch (error) {
        retry.disabled = false;
        fill(told, error.message);
      }
    });
    return h("li", {}, icon("warning"), h("span", { class: "row-name" }, h("strong", {}, failure.name), failure.path && h("span", { class: "path soft" }, failure.path), told),
      failure.path && copyButton(failure.path, "Copy path"), mayIndex() && retry);
  }
}

function missingRow(video) {
  return h("li", {}, icon("warning"), h("span", { class: "row-name" }, h("strong", {}, video.name), video.path && h("span", { class: "path soft" }, video.path)),
    video.path && copyButton(video.path, "Copy path"));
}
