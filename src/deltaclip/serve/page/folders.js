/** Choosing a folder to index, below the folders that the server was started with. */

import { ask } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { openDialog, problem } from "./parts.js";
import { library } from "./place.js";

/** Opens the choice. started: called with the job. */
export function chooseFolder(started) {
  const list = h("ul", { class: "folders" });
  const where = h("p", { class: "path soft" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const take = h("button", { type: "button", class: "main-button", disabled: true }, "Index this folder");
  const dialog = openDialog("Add a folder", where, list, wrong, h("footer", {}, take));
  let chosen = null;

  const open = async (path) => {
    try {
      const found = await ask("/v1/folders", { query: { path, library: library() } });
      chosen = found.path;
      take.disabled = chosen === null;
      fill(where, chosen ?? "Folders that may be indexed:");
      const up = chosen !== null && entry("up", found.parent === null ? "All folders" : "The folder above", () => open(found.parent));
      fill(list, up, found.folders.map((folder) => entry("folder", folder.name, () => open(folder.path))),
        !found.folders.length && h("li", { class: "soft" }, "No folders in it"));
      list.querySelector("button")?.focus();
    } catch (error) {
      fill(list, problem(error, () => open(null)));
    }
  };
  take.addEventListener("click", async () => {
    fill(wrong);
    take.disabled = true;
    try {
      const job = await ask("/v1/jobs/index", { method: "POST", body: { paths: [chosen] }, query: { library: library() } });
      dialog.close();
      started(job);
    } catch (error) {
      take.disabled = false;
      fill(wrong, error.message);
    }
  });
  open(null);
}

function entry(sign, name, on) {
  return h("li", {}, h("button", { type: "button", on: { click: on } }, icon(sign), h("span", {}, name)));
}
