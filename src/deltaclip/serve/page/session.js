/** Signing in with a token, where the server asks for one. */

import { ask, Problem } from "./api.js";
import { fill, h } from "./dom.js";

/** Whether this browser may read. A server that has no sessions lets everybody in. */
export async function mayEnter() {
  try {
    const session = await ask("/v1/session");
    return !session.needs_token || session.scopes.length > 0;
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return false;
    return true; // whatever is wrong, the view tells it
  }
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
