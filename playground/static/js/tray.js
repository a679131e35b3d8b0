/** The files that wait to be sent with a message. */

import { h } from "./dom.js";
import { formatSize } from "./files.js";
import { icon } from "./icons.js";

/** A row of file cards above the text field. */
export class Tray {
  /** @param {() => void} onChange */
  constructor(onChange) {
    this.entries = new Map();
    this.onChange = onChange;
    this.element = h("ul", { class: "tray", hidden: true, "aria-label": "Files to send", testid: "tray" });
  }

  /** @returns {File[]} */
  get files() {
    return [...this.entries.keys()];
  }

  /** @param {File[]} files */
  add(files) {
    for (const file of files) this.entries.set(file, this.#card(file));
    this.#paint();
  }

  /** @param {File} file */
  remove(file) {
    const card = this.entries.get(file);
    if (card?.dataset.preview) URL.revokeObjectURL(card.dataset.preview);
    this.entries.delete(file);
    this.#paint();
  }

  /** Take every file out. */
  clear() {
    for (const file of this.files) this.remove(file);
  }

  #card(file) {
    const preview = file.type.startsWith("image/") ? URL.createObjectURL(file) : null;
    const remove = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": `Remove ${file.name}`,
        testid: "tray-remove",
        on: { click: () => this.remove(file) },
      },
      icon("close"),
    );
    return h(
      "li",
      { class: "tray-card", "data-preview": preview, testid: "tray-file" },
      preview ? h("img", { src: preview, alt: "" }) : h("span", { class: "file-icon" }, icon("file")),
      h(
        "span",
        { class: "file-text" },
        h("span", { class: "file-name" }, file.name),
        h("span", { class: "file-size" }, formatSize(file.size)),
      ),
      remove,
    );
  }

  #paint() {
    this.element.replaceChildren(...this.entries.values());
    this.element.hidden = !this.entries.size;
    this.onChange();
  }
}
