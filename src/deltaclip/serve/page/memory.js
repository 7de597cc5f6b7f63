/** What this browser remembers: recent questions, and whether outlines are drawn. Nothing of it leaves the browser. */

const MOST_RECENT = 20;

function read(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`deltaclip.${name}`)) ?? otherwise;
  } catch { // private windows may refuse storage, and somebody may have written into it
    return otherwise;
  }
}

function write(name, value) {
  try {
    localStorage.setItem(`deltaclip.${name}`, JSON.stringify(value));
  } catch { /* then it is forgotten with the page */ }
}

/** The questions asked last, newest first, each as it would be typed. */
export function recent() {
  const kept = read("recent", []);
  return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
}

export function remember(typed) {
  if (typed.trim()) write("recent", [typed, ...recent().filter((each) => each !== typed)].slice(0, MOST_RECENT));
}

export function forget() {
  write("recent", []);
}

/** A switch that is on unless it was switched off. */
export function isOn(name) {
  return read(name, true) !== false;
}

/** The same of one that is off unless it was switched on. */
export function wasOn(name) {
  return read(name, false) === true;
}

export function turn(name, on) {
  write(name, Boolean(on));
}
