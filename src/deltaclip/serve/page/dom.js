/** Elements made from text and other elements only: whatever a file is named, it stays text. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. props: attributes; `on` has listeners by event, `vars` CSS properties, and values that are null or false
 * are left out. children: elements and texts; null and false are left out.
 */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same of SVG. */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "vars") for (const [key, set] of Object.entries(value)) element.style.setProperty(key, set);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Puts children in place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Lines of 24 x 24 icons, drawn with the colour of the text. */
const ICONS = {
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 21 21",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9.5h.01",
  close: "M6 6l12 12M18 6 6 18",
  play: "M8 5v14l11-7z",
  pause: "M8 5v14M16 5v14",
  previous: "M18 6l-8 6 8 6zM6 6v12",
  next: "M6 6l8 6-8 6zM18 6v12",
  sound: "M4 9.5v5h3.5L12 18V6L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  silent: "M4 9.5v5h3.5L12 18V6L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  motion: "M4 16.5 10 6l6 10.5zM17 8l4 4-4 4",
  wide: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  save: "M12 4v11M7 11l5 5 5-5M4 20h16",
  folder: "M3 6h6l2 2h10v11H3z",
  up: "M12 19V6M6 11l6-6 6 6",
  again: "M19 8a8 8 0 1 0 1 5M20 3v5h-5",
  done: "M5 13l4 4L19 7",
  warning: "M12 4 2.5 20h19zM12 10v4M12 17h.01",
};

export function icon(name) {
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

const LEVELS = { none: 0, low: 1, medium: 2, high: 3 };

/** How relevant a hit is: bars, and the word, so that it does not hang on colour. */
export function relevanceMark(band) {
  if (!(band in LEVELS)) return null;
  const bars = [0, 1, 2].map((bar) =>
    svg("rect", { x: 1 + bar * 6, y: 10 - bar * 4, width: 4, height: 5 + bar * 4, class: bar < LEVELS[band] ? "on" : "off" }),
  );
  return h("span", { class: `band band-${band}` },
    svg("svg", { viewBox: "0 0 18 16", "aria-hidden": "true" }, ...bars),
    band, h("span", { class: "unseen" }, " relevance"));
}

const said = () => document.getElementById("said");

/** Has screen readers say a sentence. */
export function say(text) {
  said().textContent = "";
  requestAnimationFrame(() => { said().textContent = text; });
}
