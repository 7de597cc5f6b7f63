/** Signing in with a token, where the server asks for one. */

import { ask, Problem } from "./api.js";
import { fill, h } from "./dom.js";
import { turn, wasOn } from "./memory.js";

const out = document.getElementById("out");
let scopes = [];

/** Whether this browser may read; what it may do besides is known then. */
export async function mayEnter() {
  try {
    ({ scopes } = await ask("/v1/session"));
  } catch (error) {
    if (error instanceof Problem && error.status === 401) scopes = [];
    else throw error;
  }
  out.hidden = !wasOn("session");
  return scopes.includes("read");
}

/** Whether files may be read again, folders added and jobs ended. */
export function mayIndex() {
  return scopes.includes("index");
}

/** Makes the button work that ends the session. */
export function startSession(leave) {
  out.addEventListener("click", async () => {
    await ask("/v1/session", { method: "DELETE" }).catch(() => {}); // what is wrong shows at once in the view
    turn("session", false);
    leave();
  });
}

/** The form for the token. enter: called when it was right. */
export function showSignIn(root, enter) {
  document.title = "Sign in – deltaclip";
  const token = h("input", { type: "password", id: "token", required: true, maxlength: 200, autocomplete: "current-password" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const send = async (event) => {
    event.preventDefault();
    fill(wrong);
    try {
      await ask("/v1/session", { method: "POST", body: { token: token.value.trim() } });
      turn("session", true);
      enter();
    } catch (error) {
      fill(wrong, error.message);
      token.select();
    }
  };
  fill(root, h("section", { class: "blank" },
    h("h1", {}, "Sign in"),
    h("p", {}, "This server wants a token. Whoever runs it makes one with ", h("code", {}, "deltaclip token"), "."),
    h("form", { class: "stack", on: { submit: send } },
      h("label", { for: "token" }, "Token"), token, wrong, h("button", { class: "main-button" }, "Sign in"))));
  token.focus();
}
