/** From what is typed to what is asked: filters, and the address that stands for a question. */

const DATE = /^\d{4}(-\d{2}(-\d{2})?)?$/;
const UNITS = { s: 1, sec: 1, m: 60, min: 60, h: 3600 };

/** Filters by the word that is typed: the member of `where`, how its value is read, and what to write. */
export const FILTERS = {
  folder: { member: "folder", read: (typed) => typed, example: "folder:holiday", help: "in this folder, or below it" },
  name: { member: "glob", read: (typed) => (/[*?[]/.test(typed) ? typed : `*${typed}*`), example: "name:*.mov", help: "name of the file, with * and ?" },
  longer: { member: "longer_seconds", read: duration, example: "longer:30s", help: "videos that last at least so long" },
  shorter: { member: "shorter_seconds", read: duration, example: "shorter:2m", help: "videos that last less" },
  after: { member: "after", read: date, example: "after:2024-05", help: "files changed then or later" },
  before: { member: "before", read: date, example: "before:2025", help: "files changed earlier" },
  moving: { member: "min_coverage", read: share, example: "moving:5%", help: "at least so much of the picture moves" },
};
const NAMES = { ...Object.fromEntries(Object.keys(FILTERS).map((name) => [name, name])), glob: "name" };
const TOKEN = new RegExp(`(^|\\s)(${Object.keys(NAMES).join("|")}):("[^"]*"|\\S+)`, "giu");

/** Seconds of 30, 30s, 2m, 1:30 or 1h. Throws an Error that says what to write. */
function duration(typed) {
  const parts = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/iu.exec(typed);
  if (parts && (parts[2] === "" || parts[2].toLowerCase() in UNITS)) return Number(parts[1]) * (UNITS[parts[2].toLowerCase()] ?? 1);
  if (/^\d+(:[0-5]?\d){1,2}$/.test(typed)) return typed.split(":").reduce((total, part) => 60 * total + Number(part), 0);
  throw new Error("is no length of time: write 30s, 2m or 1:30");
}

function date(typed) {
  const day = DATE.test(typed) ? `${typed}-01-01`.slice(0, 10) : "";
  if (!day || new Date(`${day}T00:00Z`).toJSON()?.slice(0, 10) !== day) throw new Error("is no date: write 2024, 2024-05 or 2024-05-31");
  return day;
}

function share(typed) {
  const number = typed.endsWith("%") ? Number(typed.slice(0, -1)) / 100 : Number(typed);
  if (typed === "" || !(number >= 0 && number <= 1)) throw new Error("is no share: write 5% or 0.05");
  return number;
}

/** The words of what is typed, and its filters by name, as typed. Later ones count. */
export function parse(typed) {
  const filters = {};
  const text = typed.replace(TOKEN, (_, before, name, value) => {
    filters[NAMES[name.toLowerCase()]] = value.replace(/^"(.*)"$/, "$1");
    return before;
  });
  return { text: text.replace(/\s+/g, " ").trim(), filters };
}

/** A filter as it would be typed. */
export function typedFilter(name, value) {
  return `${name}:${/\s/.test(value) ? `"${value}"` : value}`;
}

/** A whole question as it would be typed. */
export function typed(question) {
  return [question.text, ...Object.entries(question.filters).map(([name, value]) => typedFilter(name, value))].filter(Boolean).join(" ");
}

/**
 * `where` of a search, and what is wrong with filters, by name. folders: paths of the library, in which a folder's
 * name is looked up, since the server knows no folder by its name alone.
 */
export function whereOf(filters, folders = []) {
  const where = {};
  const wrong = {};
  for (const [name, value] of Object.entries(filters)) {
    try {
      where[FILTERS[name].member] = FILTERS[name].read(value);
    } catch (error) {
      wrong[name] = error.message;
    }
  }
  if (where.folder && !/^([/~\\]|[a-z]:)/i.test(where.folder)) {
    const found = pathOf(where.folder, folders);
    if (found) where.folder = found;
    else {
      delete where.folder;
      wrong.folder = "is no folder of this library";
    }
  }
  return { where, wrong };
}

/** The shortest path of which `name` (one or more parts) is the end, in or above the folders. */
function pathOf(name, folders) {
  const wanted = `/${name.replace(/\/+$/, "").toLowerCase()}/`;
  const found = folders.map((path) => {
    const place = `${path}/`.toLowerCase().indexOf(wanted);
    return place < 0 ? null : path.slice(0, place + wanted.length - 1);
  });
  return found.filter(Boolean).sort((one, other) => one.length - other.length)[0] ?? null;
}

/** The question that an address stands for. */
export function readQuestion(params) {
  const filters = {};
  for (const name of Object.keys(FILTERS)) if (params.get(name)) filters[name] = params.get(name);
  return {
    text: (params.get("q") ?? "").trim(),
    filters,
    by: ["appearance", "motion"].includes(params.get("by")) ? params.get("by") : null,
    upload: params.get("upload"),
    file: params.get("file"),
    isVideo: params.get("kind") === "video",
    rest: params.get("rest") === "1",
  };
}

/** What of an address stands for a question; null members are left out. */
export function paramsOf(question) {
  const { text, filters, by, upload, file, isVideo, rest } = question;
  const given = { q: text || null, ...filters, by, upload, file: upload ? file : null, kind: upload && isVideo ? "video" : null, rest: rest ? "1" : null };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== undefined));
}

export function isAsked(question) {
  return Boolean(question.text || question.upload);
}
