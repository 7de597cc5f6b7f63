/** Pieces that several views show. */

import { ask, Unreachable } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { go, library } from "./place.js";

/** What to do about errors, by code; the server's own sentence comes before it. */
const ADVICE = {
  locked: "Another program writes into the library; try again when it is done.",
  unavailable: "The server is busy; try again in a moment.",
  too_many_requests: "Wait a moment, then try again.",
  internal: "The server's log says more.",
};

/** An error, as the server tells it, and what to do. again: called by its button. */
export function problem(error, again) {
  const advice = error instanceof Unreachable ? "It is tried again until it answers." : ADVICE[error.code];
  return h("section", { class: "blank", role: "alert" },
    h("h2", {}, icon("warning"), error instanceof Unreachable ? "No connection" : "That did not work"),
    h("p", {}, error.message), advice && h("p", { class: "soft" }, advice),
    again && h("p", {}, h("button", { type: "button", class: "button", on: { click: again } }, icon("again"), "Try again")));
}

/** A choice of one among a few. choices: [value, label]; on: called with the value. */
export function choice(name, legend, choices, chosen, on) {
  return h("fieldset", { class: "choice" }, h("legend", { class: "unseen" }, legend),
    choices.map(([value, label]) => h("label", {},
      h("input", { type: "radio", name, value, checked: value === chosen, on: { change: () => on(value) } }), h("span", {}, label))));
}

export const WAYS = [["", "Both"], ["appearance", "Appearance"], ["motion", "Motion"]];

/** A choice of the library, if there are several. */
export async function libraryChoice(signal) {
  const { libraries } = await ask("/v1/libraries", { signal });
  if (libraries.length < 2) return null;
  const chosen = library() ?? libraries[0].name;
  const move = (event) => {
    const params = new URLSearchParams(location.search);
    params.set("library", event.target.value);
    go(`${location.pathname}?${params}`);
  };
  return h("label", { class: "pick" }, h("span", {}, "Library"),
    h("select", { on: { change: move } },
      libraries.map(({ name }) => h("option", { value: name, selected: name === chosen }, name))));
}

/** A button that copies a text, and says so. */
export function copyButton(text, label) {
  const button = h("button", { type: "button", class: "button small" }, icon("copy"), label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // not given on plain http from another machine
      const area = h("textarea", { class: "unseen" }, text);
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    fill(button, icon("done"), "Copied");
    setTimeout(() => fill(button, icon("copy"), label), 1500);
  });
  return button;
}

/** A dialog that Escape and its button close; it is gone from the page then. */
export function openDialog(title, ...content) {
  const opener = document.activeElement;
  const close = h("button", { type: "button", class: "quiet", "aria-label": "Close" }, icon("close"));
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" },
    h("header", {}, h("h2", { id: "dialog-title" }, title), close), ...content);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog || event.target.closest("a")) dialog.close(); });
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener?.isConnected) opener.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
