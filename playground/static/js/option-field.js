/** One option of a command as a labelled field: its control, what is wrong with it, its removal. */

import { OPTION } from "./commands.js";
import { h, uniqueId } from "./dom.js";
import { icon } from "./icons.js";
import { createControl } from "./option-controls.js";
import { afterPress } from "./pointer.js";

const WIDE = new Set([OPTION.STRING, OPTION.ATTACHMENT]);

/** A field of the command form. */
export class OptionField {
  /**
   * @param {Object} option application command option
   * @param {Object} context
   * @param {(kind: string) => Object[]} context.entities
   * @param {(option: Object, typed: string) => Promise<Object[]>} context.suggest
   * @param {(option: Object) => void} context.onRemove
   * @param {() => void} context.onChange
   */
  constructor(option, { entities, suggest, onRemove, onChange }) {
    this.option = option;
    this.onRemove = onRemove;
    this.onChange = onChange;
    this.touched = false;
    const id = uniqueId("option");
    const [hintId, errorId] = [`${id}-hint`, `${id}-error`];
    this.control = createControl(option, { id, describedBy: `${hintId} ${errorId}`, entities, suggest });
    this.error = h("p", { class: "field-error", id: errorId, role: "alert", testid: "option-error" });
    this.element = h(
      "div",
      {
        class: `field${WIDE.has(option.type) && !option.choices?.length ? " is-wide" : ""}`,
        testid: "option",
        "data-option": option.name,
      },
      h(
        "div",
        { class: "field-box" },
        h("label", { class: "field-name", for: id }, option.name),
        this.control.element,
        option.required ? null : this.#removeButton(),
      ),
      h("p", { class: "visually-hidden", id: hintId }, this.hint),
      this.error,
    );
    this.#listen();
  }

  /** @returns {string} what the option is for */
  get hint() {
    return this.option.required ? `${this.option.description} (required)` : this.option.description;
  }

  /** @returns {boolean} */
  get isEmpty() {
    return Boolean(this.control.read().empty);
  }

  /**
   * Say whether the field can be sent, and show what is wrong when it was left before.
   *
   * Nobody is told off in the middle of a word.
   *
   * @param {boolean} [final] show it in any case
   * @returns {boolean}
   */
  check(final = false) {
    if (final) this.touched = true;
    const result = this.control.read();
    const message = result.empty && this.option.required ? "This option is required." : (result.error ?? "");
    const shown = this.touched ? message : "";
    this.error.textContent = shown;
    this.element.classList.toggle("is-invalid", Boolean(shown));
    this.element.querySelector("textarea, input")?.setAttribute("aria-invalid", String(Boolean(shown)));
    return !message;
  }

  #removeButton() {
    const { name } = this.option;
    return h(
      "button",
      {
        type: "button",
        class: "icon-button field-remove",
        "aria-label": `Remove ${name}`,
        testid: "option-remove",
        on: { click: () => this.onRemove(this.option) },
      },
      icon("close"),
    );
  }

  #listen() {
    for (const type of ["input", "change"]) {
      this.element.addEventListener(type, () => {
        this.check();
        this.onChange();
      });
    }
    this.element.addEventListener("focusout", (event) => {
      if (this.element.contains(event.relatedTarget)) return;
      afterPress(() => {
        if (!this.isEmpty) this.check(true);
      });
    });
    this.element.addEventListener("keydown", (event) => this.#onErase(event));
  }

  /** Backspace in an empty optional field takes the field away, as in Discord. */
  #onErase(event) {
    if (event.key !== "Backspace" || event.repeat || this.option.required) return;
    if (!event.target.matches("textarea, input[type=text]") || event.target.value) return;
    event.preventDefault();
    this.onRemove(this.option);
  }
}
