/** The list of commands that opens above the composer while one types after a slash. */

import { avatar } from "./avatar.js";
import { matchCommands } from "./commands.js";
import { h, uniqueId } from "./dom.js";

/** A listbox steered from the composer's text field. */
export class CommandPicker {
  /**
   * @param {HTMLTextAreaElement} input the field that keeps the focus
   * @param {(leaf: import("./commands.js").Leaf) => void} onPick
   */
  constructor(input, onPick) {
    this.input = input;
    this.onPick = onPick;
    this.matches = [];
    this.active = 0;
    this.list = h("div", { role: "listbox", id: uniqueId("commands"), "aria-label": "Commands" });
    this.element = h(
      "div",
      { class: "picker", hidden: true, testid: "command-picker" },
      h("div", { class: "picker-title" }, "Commands"),
      this.list,
    );
    input.setAttribute("aria-controls", this.list.id);
  }

  /** @returns {boolean} */
  get isOpen() {
    return !this.element.hidden;
  }

  /**
   * Show the commands that match, or hide when this is no command.
   *
   * @param {string} text what the composer holds
   * @param {import("./commands.js").Leaf[]} commands
   * @param {{id: string, name: string, online: boolean}} application
   */
  update(text, commands, application) {
    const typed = /^\/([^\n]{0,100})$/.exec(text);
    if (!typed) {
      this.close();
      return;
    }
    this.matches = matchCommands(commands, typed[1]);
    const empty = application.online
      ? null
      : `${application.name} is not connected yet, so there are no commands.`;
    if (!this.matches.length && (commands.length || !empty)) {
      this.close();
      return;
    }
    this.list.replaceChildren(...this.matches.map((leaf, index) => this.#row(leaf, index, application)));
    if (!this.matches.length) this.list.append(h("p", { class: "listbox-empty" }, empty));
    this.element.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#activate(0);
  }

  /** Hide the list. */
  close() {
    this.element.hidden = true;
    this.matches = [];
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  /**
   * Take a key of the composer.
   *
   * @param {KeyboardEvent} event
   * @returns {boolean} whether the list used it
   */
  onKey(event) {
    if (!this.isOpen) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.matches.length)
      this.#activate((this.active + step + this.matches.length) % this.matches.length);
    else if ((event.key === "Enter" || event.key === "Tab") && this.matches.length)
      this.onPick(this.matches[this.active]);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    return true;
  }

  #row(leaf, index, application) {
    const names = leaf.options.map(({ name }) => name).join(" ");
    const row = h(
      "div",
      {
        class: "picker-row",
        role: "option",
        id: `${this.list.id}-${index}`,
        "aria-selected": "false",
        testid: "command-option",
        "data-command": leaf.name,
      },
      avatar({ ...application, bot: true }, "small"),
      h(
        "span",
        { class: "picker-text" },
        h(
          "span",
          { class: "picker-name" },
          `/${leaf.name}`,
          names && h("span", { class: "picker-options" }, names),
        ),
        h("span", { class: "picker-description" }, leaf.description),
      ),
      h("span", { class: "picker-app" }, application.name),
    );
    row.addEventListener("pointerdown", (event) => event.preventDefault());
    row.addEventListener("pointermove", () => this.active !== index && this.#activate(index));
    row.addEventListener("click", () => this.onPick(leaf));
    return row;
  }

  #activate(index) {
    this.active = index;
    [...this.list.querySelectorAll("[role=option]")].forEach((row, at) => {
      row.setAttribute("aria-selected", String(at === index));
      if (at === index) {
        row.scrollIntoView({ block: "nearest" });
        this.input.setAttribute("aria-activedescendant", row.id);
      }
    });
  }
}
