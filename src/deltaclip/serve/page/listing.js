/** A section of the library's view with a list that comes in pages; hidden while there is nothing in it. */

import { fill, h, say } from "./dom.js";

export class Listing {
  /**
   * fetchPage: gives {rows, next} after a cursor, or from the start. row: the list item of one of them.
   */
  constructor(id, title, told, fetchPage, row) {
    Object.assign(this, { id, title, told, fetchPage, row });
    this.element = h("section", { class: "listing", "aria-labelledby": id, hidden: true });
    this.list = h("ul", { class: "rows" });
  }

  /** Lists the first page again. */
  async refresh() {
    await this.#add(null);
  }

  async #add(cursor) {
    const { rows, next } = await this.fetchPage(cursor);
    if (cursor === null) {
      fill(this.list);
      fill(this.element, h("h2", { id: this.id }, this.title), h("p", { class: "soft" }, this.told), this.list);
      this.element.hidden = !rows.length;
    }
    this.list.append(...rows.map(this.row));
    this.element.querySelector(".next")?.remove();
    if (next === null) return;
    const more = h("button", { type: "button", class: "button next" }, "Show more");
    more.addEventListener("click", () => {
      more.disabled = true;
      this.#add(next).catch((error) => { more.disabled = false; say(error.message); });
    });
    this.element.append(more);
  }
}
