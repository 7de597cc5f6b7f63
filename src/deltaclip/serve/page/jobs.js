/** Index jobs: how far they are, as the server tells it, and a button that ends them. */

import { ask } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { mayIndex } from "./session.js";
import { count, lasting } from "./words.js";

const TITLES = { index: "Indexing", retry: "Reading again", demo: "Drawing and indexing the demo" };
const ENDS = { done: "Done", failed: "Failed", cancelled: "Cancelled" };
const SAY_EVERY_MS = 10_000;

/** Calls `on` with a job whenever it changes, up to its end. signal: ends it sooner. */
export function watchJob(jobId, on, signal) {
  const events = new EventSource(`/v1/jobs/${encodeURIComponent(jobId)}/events`);
  const take = (event) => {
    const job = JSON.parse(event.data);
    if (event.type === "end") events.close();
    on(job);
  };
  events.addEventListener("progress", take);
  events.addEventListener("end", take);
  signal.addEventListener("abort", () => events.close());
}

export function hasEnded(job) {
  return job.state in ENDS;
}

/** A job with its progress. done: called at its end with the job. */
export function jobPanel(job, { signal, done = () => {} }) {
  const bar = h("progress", { max: 1, "aria-label": TITLES[job.kind] });
  const state = h("p", { class: "job-state" });
  const cancel = h("button", { type: "button", class: "button small", on: { click: () => stop(job, state, cancel) } }, icon("close"), "Cancel");
  const panel = h("section", { class: "job", "data-state": job.state },
    h("header", {}, h("h3", {}, TITLES[job.kind]), mayIndex() && cancel),
    h("p", { class: "soft job-paths" }, job.kind === "demo" ? "" : job.paths.join(", ")), bar, state);
  let saidAt = 0;
  const draw = (now) => {
    panel.dataset.state = now.state;
    if (now.total) { bar.max = now.total; bar.value = now.done; } else if (hasEnded(now)) { bar.max = bar.value = 1; }
    const told = tell(now);
    fill(state, told);
    if (hasEnded(now)) cancel.remove();
    if (hasEnded(now) || Date.now() - saidAt > SAY_EVERY_MS) {
      say(`${TITLES[now.kind]}: ${told}`);
      saidAt = Date.now();
    }
  };
  draw(job);
  if (!hasEnded(job)) watchJob(job.job_id, (now) => { draw(now); if (hasEnded(now)) done(now); }, signal);
  return panel;
}

function tell(job) {
  if (job.state === "waiting") return "Waits for the job before it";
  const failed = job.failed ? `, ${job.failed} failed` : "";
  if (job.state === "running") {
    const left = job.done && job.total > job.done ? `, about ${lasting((job.seconds / job.done) * (job.total - job.done))} left` : "";
    const now = job.current ? ` – ${job.current.split(/[\\/]/).pop()}` : "";
    return job.total ? `${job.done} of ${count(job.total, "video")}, ${count(job.moments, "moment")}${failed}${left}${now}` : "Looking for videos…";
  }
  if (job.state === "failed") return `Failed: ${job.error ?? "the server's log says more"}`;
  if (job.kind === "retry" && job.failed && job.state === "done") return "It still cannot be read; see below";
  return `${ENDS[job.state]} after ${lasting(job.seconds)}: ${count(job.moments, "new moment")} from ${count(job.done, "video")}${failed}`;
}

async function stop(job, state, cancel) {
  cancel.disabled = true;
  try {
    await ask(`/v1/jobs/${encodeURIComponent(job.job_id)}`, { method: "DELETE" });
    fill(state, "Ends after the video in hand…");
  } catch (error) {
    cancel.disabled = false;
    fill(state, error.message);
  }
}
