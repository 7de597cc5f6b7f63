/** The keys that work everywhere, and the dialog that shows all keys. */

import { h } from "./dom.js";
import { openDialog } from "./parts.js";

const KEYS = [
  ["Everywhere", [["/", "to the search box"], ["?", "these keys"], ["Esc", "leaves what is open or typed"]]],
  ["Moments", [["← ↑ ↓ →", "from moment to moment"], ["Space", "plays and pauses it"], ["Enter", "opens it"], ["m", "outlines on and off"]]],
  ["Video", [["Space", "plays and pauses"], ["← →", "a second back and forth"], ["p n", "the moment before, the next one"],
    ["m", "what moves, on and off"], ["f", "whole screen"]]],
];

export function isTyping(target) {
  return target.closest?.("input:not([type=radio], [type=checkbox]), textarea, select") !== null && target.closest?.("input, textarea, select") !== null;
}

export function startKeys() {
  document.getElementById("keys").addEventListener("click", showKeys);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      event.preventDefault();
      const box = document.getElementById("box");
      box.focus();
      box.select();
    } else if (event.key === "?") {
      event.preventDefault();
      showKeys();
    }
  });
}

function showKeys() {
  openDialog("Keys", h("div", { class: "keys" }, KEYS.map(([title, keys]) => h("section", {}, h("h3", {}, title),
    h("dl", {}, keys.map(([key, meaning]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, meaning))))))));
}
