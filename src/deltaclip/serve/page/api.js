/** Asking the server. */

/** What the server says went wrong (RFC 9457). */
export class Problem extends Error {
  constructor(status, told) {
    super(told.detail || told.title || `The server answered ${status}.`);
    this.status = status;
    this.code = told.code || "unknown";
  }
}

/** No answer came. */
export class Unreachable extends Error {
  constructor() {
    super("The server does not answer.");
  }
}

const RETRY_MS = 2000;
const listeners = { gone: () => {}, back: () => {}, locked: () => {} };
let waiting = null;

/** gone, back: told when the server stops answering and answers again; locked: when it wants a token. */
export function watchServer(told) {
  Object.assign(listeners, told);
}

/** A path of the API with a query; members that are null or undefined are left out. */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const search = new URLSearchParams(given).toString();
  return search ? `${path}${path.includes("?") ? "&" : "?"}${search}` : path;
}

/**
 * The answer to a request, as JSON; null if it has none. body: sent as JSON, or as it is if it is a file.
 * Throws Problem, Unreachable, and AbortError once the signal is aborted.
 */
export async function ask(path, { method = "GET", query, body, headers = {}, signal } = {}) {
  const isFile = body instanceof Blob;
  const sent = body === undefined ? {} : { body: isFile ? body : JSON.stringify(body) };
  const kind = body === undefined || isFile ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(address(path, query), { method, headers: { ...kind, ...headers }, signal, ...sent });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    lookOut();
    throw new Unreachable();
  }
  if (response.status === 204) return null;
  const told = await response.json().catch(() => ({}));
  signal?.throwIfAborted(); // what was cut off is no answer
  if (response.ok) return told;
  if (response.status === 401 && path !== "/v1/session") listeners.locked(); // that form tells it itself
  throw new Problem(response.status, told);
}

/** Asks whether the server is there until it is. */
function lookOut() {
  if (waiting !== null) return;
  listeners.gone();
  waiting = setInterval(async () => {
    try {
      if (!(await fetch("/healthz")).ok) return;
    } catch { return; }
    clearInterval(waiting);
    waiting = null;
    listeners.back();
  }, RETRY_MS);
}

/** Whether an error only says that its view was left. */
export function isLeft(error) {
  return error.name === "AbortError";
}
