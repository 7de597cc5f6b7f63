/** What was found for a question, page by page. */

import { ask, isLeft } from "./api.js";
import { whereOf } from "./query.js";

const AT_ONCE = 48;

export class Results {
  /** of: the library; null for the first one. */
  constructor(question, of) {
    Object.assign(this, { question, of });
    this.hits = [];
    this.next = null;
    this.wrong = {}; // filters that cannot be used, and why
    this.words = [];
    this.notes = [];
    this.nothing = false;
    this.begun = false;
    this.error = null;
    this.loading = null;
    this.scroll = 0;
    this.active = 0;
    this.hadFocus = false;
  }

  get hasMore() {
    return this.begun && this.next !== null && this.error === null;
  }

  /** Fetches the next page, once at a time. Throws nothing: `error` has what went wrong. */
  more(signal) {
    this.loading ??= this.fetch(signal).finally(() => { this.loading = null; });
    return this.loading;
  }

  async fetch(signal) {
    this.error = null;
    try {
      this.where ??= await this.readFilters(signal);
      const { text, upload, by } = this.question;
      const asked = upload ? { upload_id: upload } : { text };
      const body = { ...asked, by, where: this.where, limit: AT_ONCE, cursor: this.next };
      const found = await ask("/v1/search", { method: "POST", body, query: { library: this.of }, signal });
      if (!this.begun) Object.assign(this, { words: found.motion_words, notes: found.notes, nothing: found.matches_nothing });
      this.begun = true;
      this.hits.push(...found.hits);
      this.next = found.next;
    } catch (error) {
      if (!isLeft(error)) this.error = error;
    }
  }

  async readFilters(signal) {
    const { filters } = this.question;
    const folders = filters.folder ? (await ask("/v1/library", { query: { library: this.of }, signal })).folders : [];
    const { where, wrong } = whereOf(filters, folders.map(({ path }) => path).filter(Boolean));
    this.wrong = wrong;
    return where;
  }
}
