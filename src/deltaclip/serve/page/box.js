/** The search box: what is typed into it, and files that are dropped, pasted or chosen. */

import { ask, Problem } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { recent } from "./memory.js";
import { go, library, searchHref } from "./place.js";
import { parse, readQuestion } from "./query.js";

const box = document.getElementById("box");
const holder = document.getElementById("ask-file");
const chooser = document.getElementById("file");
const drop = document.getElementById("drop");
let isTyped = false; // since the question was last shown or sent
const pictures = new Map(); // upload id -> address of what the browser itself holds of the file

/** Makes the box work. It stays while views change. */
export function startBox() {
  document.querySelector(".ask-go").append(icon("search"));
  document.getElementById("choose").append(icon("picture"));
  document.getElementById("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  document.getElementById("choose").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    if (chooser.files[0]) send(chooser.files[0]);
    chooser.value = "";
  });
  box.addEventListener("input", () => { isTyped = true; });
  box.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!file) return;
    event.preventDefault();
    send(file);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") box.blur();
    if (event.key === "Backspace" && !box.value && !holder.hidden) removeFile();
  });
  startDropping();
}

/** Shows a question in the box. Its filters are chips below it. */
export function showInBox(question) {
  if (!(isTyped && document.activeElement === box)) box.value = question.text; // who was faster than the page goes on
  fill(document.getElementById("recent"), recent().map((each) => h("option", { value: each })));
  holder.hidden = !question.upload;
  fill(holder);
  if (!question.upload) return;
  const picture = pictures.get(question.upload);
  const off = h("button", { type: "button", class: "quiet", "aria-label": `Remove ${question.file ?? "the file"}`, on: { click: removeFile } }, icon("close"));
  const shown = picture && (question.isVideo ? h("video", { src: picture, muted: true }) : h("img", { src: picture, alt: "" }));
  fill(holder, shown || icon("picture"), h("span", { class: "ask-file-name" }, question.file ?? "file"), off);
}

function submit() {
  isTyped = false;
  const { text, filters } = parse(box.value);
  if (location.pathname === "/compare") { // there one question is for both libraries
    const params = new URLSearchParams(location.search);
    params.set("q", box.value.trim());
    box.blur();
    go(`/compare?${params}`);
    return;
  }
  const now = location.pathname === "/" ? readQuestion(new URLSearchParams(location.search)) : { filters: {} };
  const upload = text ? {} : { upload: now.upload, file: now.file, isVideo: now.isVideo };
  box.blur();
  go(searchHref({ text, filters: { ...now.filters, ...filters }, by: upload.upload && now.by === null ? null : now.by, ...upload }));
}

function removeFile() {
  go(searchHref({ ...readQuestion(new URLSearchParams(location.search)), upload: null, by: null }));
  box.focus();
}

/** Sends a file, and searches with it. */
async function send(file) {
  if (!/^(image|video)\//.test(file.type)) {
    tell(`${file.name}: only pictures and videos can be searched with.`);
    return;
  }
  tell(`Sending ${file.name}…`);
  try {
    const name = encodeURIComponent(file.name).slice(0, 200);
    const sent = await ask("/v1/uploads", { method: "POST", body: file, query: { library: library() }, headers: { "Content-Type": file.type, "X-File-Name": name } });
    pictures.set(sent.upload_id, URL.createObjectURL(file));
    go(searchHref({ text: "", filters: {}, upload: sent.upload_id, file: file.name, isVideo: sent.kind === "video" }));
  } catch (error) {
    if (error instanceof Problem) tell(`${file.name}: ${error.message}`);
    else tell(error.message);
  }
}

function tell(text) {
  holder.hidden = false;
  fill(holder, h("span", { class: "ask-file-name" }, text));
  say(text);
}

function startDropping() {
  let depth = 0; // enter and leave come for every element on the way
  const holdsFile = (event) => event.dataTransfer?.types.includes("Files");
  const over = (change) => (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    depth = Math.max(depth + change, 0);
    drop.hidden = depth === 0;
  };
  addEventListener("dragenter", over(1));
  addEventListener("dragleave", over(-1));
  addEventListener("dragover", over(0));
  addEventListener("drop", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    depth = 0;
    drop.hidden = true;
    const [file] = event.dataTransfer.files;
    if (file) send(file);
  });
}
