/** The filled-in form of one slash command: its options as labelled fields, checked as one types. */

import { avatar } from "./avatar.js";
import { OPTION } from "./commands.js";
import { h, uniqueId } from "./dom.js";
import { icon } from "./icons.js";
import { createControl } from "./option-controls.js";

const WIDE = new Set([OPTION.STRING, OPTION.ATTACHMENT]);

/** A form for one command; required options are there, optional ones can be added. */
export class CommandForm {
  /**
   * @param {import("./commands.js").Leaf} leaf
   * @param {Object} context
   * @param {{id: string, name: string}} context.application
   * @param {(kind: string) => Object[]} context.entities
   * @param {(form: CommandForm, option: Object, typed: string) => Promise<Object[]>} context.suggest
   * @param {(form: CommandForm) => void} context.onSubmit
   * @param {() => void} context.onCancel
   */
  constructor(leaf, context) {
    this.leaf = leaf;
    this.context = context;
    this.fields = new Map();
    this.busy = false;
    this.grid = h("div", { class: "form-fields" });
    this.more = h("div", { class: "form-more", role: "group", "aria-label": "Optional options" });
    this.error = h("p", { class: "form-error", role: "alert", testid: "command-error" });
    this.submit = h(
      "button",
      { type: "submit", class: "send-button", "aria-label": `Send /${leaf.name}`, testid: "command-send" },
      icon("send"),
    );
    this.element = this.#build();
    for (const option of leaf.options.filter(({ required }) => required)) this.add(option.name);
    // A command without required options opens with its first text field: that is what people came for.
    const first = leaf.options.find(({ type, choices }) => type === OPTION.STRING && !choices?.length);
    if (!this.fields.size && first) this.add(first.name);
    this.#paintMore();
  }

  /**
   * Add an option's field, or find the one that is there.
   *
   * @param {string} name
   * @returns {{control: Object, element: HTMLElement}|null}
   */
  add(name) {
    const option = this.leaf.options.find((candidate) => candidate.name === name);
    if (!option) return null;
    if (!this.fields.has(name)) {
      this.fields.set(name, this.#field(option));
      const order = this.leaf.options
        .map((candidate) => candidate.name)
        .filter((candidate) => this.fields.has(candidate));
      order.forEach((candidate) => this.grid.append(this.fields.get(candidate).element));
      this.#paintMore();
    }
    return this.fields.get(name);
  }

  /**
   * Fill an option, adding its field when needed.
   *
   * @param {string} name
   * @param {*} value text, number, boolean or File, after the option's type
   */
  fill(name, value) {
    const field = this.add(name);
    if (!field) return;
    field.control.fill(value);
    this.#check(field);
  }

  /** Put the focus where one would go on typing. */
  focus() {
    const empty = [...this.fields.values()].find(({ control }) => control.read().empty);
    (empty ?? [...this.fields.values()].at(-1))?.control.focus();
    if (!this.fields.size) this.submit.focus();
  }

  /**
   * Give a dropped or pasted file to the first attachment option that has none.
   *
   * @param {File} file
   * @returns {boolean} whether there was one
   */
  takeFile(file) {
    const options = this.leaf.options.filter(({ type }) => type === OPTION.ATTACHMENT);
    const free =
      options.find(({ name }) => !this.fields.has(name) || this.fields.get(name).control.read().empty) ??
      options[0];
    if (free) this.fill(free.name, file);
    return Boolean(free);
  }

  /**
   * Read every field; marks the wrong ones and focuses the first of them.
   *
   * @returns {{options: {name: string, value: *}[], files: File[]}|null} null when something is wrong
   */
  read() {
    const wrong = [...this.fields.values()].filter((field) => !this.#check(field, true));
    if (wrong.length) {
      wrong[0].control.focus();
      return null;
    }
    return this.collect();
  }

  /**
   * Collect what is filled and valid now, as autocomplete sends it.
   *
   * @returns {{options: {name: string, value: *}[], files: File[]}}
   */
  collect() {
    const options = [];
    const files = [];
    for (const [name, { control }] of this.fields) {
      const result = control.read();
      if (result.file) {
        options.push({ name, value: files.length });
        files.push(result.file);
      } else if (result.value !== undefined) {
        options.push({ name, value: result.value });
      }
    }
    return { options, files };
  }

  /**
   * Show why the whole command was refused.
   *
   * @param {string} message empty hides it
   */
  setError(message) {
    this.error.replaceChildren(...(message ? [icon("warning"), message] : []));
  }

  /** @param {boolean} busy */
  setBusy(busy) {
    this.busy = busy;
    this.submit.toggleAttribute("disabled", busy);
    this.element.setAttribute("aria-busy", String(busy));
  }

  #build() {
    const { application, onCancel } = this.context;
    const cancel = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Close the command",
        testid: "command-cancel",
        on: { click: onCancel },
      },
      icon("close"),
    );
    const form = h(
      "form",
      {
        class: "command-form",
        novalidate: true,
        "aria-label": `Command /${this.leaf.name}`,
        testid: "command-form",
        "data-command": this.leaf.name,
      },
      h(
        "div",
        { class: "form-head" },
        avatar({ ...application, bot: true }, "small"),
        h("span", { class: "form-title" }, `/${this.leaf.name}`),
        h("span", { class: "form-description" }, this.leaf.description),
        cancel,
      ),
      h("div", { class: "form-scroll" }, this.grid, this.more),
      this.error,
      h(
        "div",
        { class: "form-foot" },
        h(
          "span",
          { class: "form-hint" },
          h("kbd", {}, "Enter"),
          " sends, ",
          h("kbd", {}, "Shift+Enter"),
          " starts a new line, ",
          h("kbd", {}, "Esc"),
          " closes",
        ),
        this.submit,
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.busy) this.context.onSubmit(this);
    });
    form.addEventListener("keydown", (event) => this.#onKey(event));
    return form;
  }

  #onKey(event) {
    if (event.isComposing || event.defaultPrevented) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.context.onCancel();
    } else if (
      event.key === "Enter" &&
      !event.shiftKey &&
      event.target.matches("textarea, input:not([type=file])")
    ) {
      event.preventDefault();
      this.element.requestSubmit();
    }
  }

  #field(option) {
    const id = uniqueId("option");
    const [hintId, errorId] = [`${id}-hint`, `${id}-error`];
    const control = createControl(option, {
      id,
      describedBy: `${hintId} ${errorId}`,
      entities: this.context.entities,
      suggest: (which, typed) => this.context.suggest(this, which, typed),
    });
    const remove = h(
      "button",
      {
        type: "button",
        class: "icon-button field-remove",
        "aria-label": `Remove ${option.name}`,
        testid: "option-remove",
      },
      icon("close"),
    );
    const error = h("p", { class: "field-error", id: errorId, role: "alert", testid: "option-error" });
    const element = h(
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
        control.element,
        option.required ? null : remove,
      ),
      h(
        "p",
        { class: "field-hint", id: hintId },
        option.required ? `${option.description} (required)` : option.description,
      ),
      error,
    );
    const field = { option, control, element, error, touched: false };
    remove.addEventListener("click", () => this.#remove(option.name));
    element.addEventListener("input", () => this.#check(field));
    element.addEventListener("change", () => this.#check(field));
    element.addEventListener("focusout", (event) => {
      if (element.contains(event.relatedTarget) || control.read().empty) return;
      field.touched = true;
      this.#check(field);
    });
    element.addEventListener("keydown", (event) => {
      const erase =
        event.key === "Backspace" && !option.required && event.target.matches("textarea, input[type=text]");
      if (!erase || event.target.value || event.repeat) return;
      event.preventDefault();
      this.#remove(option.name);
    });
    return field;
  }

  #check(field, final = false) {
    const result = field.control.read();
    if (final) field.touched = true;
    let message = result.error ?? "";
    if (result.empty && field.option.required) message = "This option is required.";
    // Nobody is told off in the middle of a word: errors show once a field was left or sent.
    const shown = field.touched ? message : "";
    field.error.textContent = shown;
    field.element.classList.toggle("is-invalid", Boolean(shown));
    field.element.querySelector("textarea, input")?.setAttribute("aria-invalid", String(Boolean(shown)));
    this.setError("");
    return !message;
  }

  #remove(name) {
    this.fields.get(name)?.element.remove();
    this.fields.delete(name);
    this.#paintMore();
    const last = [...this.fields.values()].at(-1);
    if (last) last.control.focus();
    else this.more.querySelector("button")?.focus();
  }

  #paintMore() {
    const missing = this.leaf.options.filter(({ name }) => !this.fields.has(name));
    this.more.replaceChildren(...missing.map((option) => this.#addButton(option)));
    this.more.hidden = !missing.length;
  }

  #addButton(option) {
    const button = h(
      "button",
      {
        type: "button",
        class: "add-option",
        title: option.description,
        testid: "option-add",
        "data-option": option.name,
      },
      icon("plus"),
      option.name,
    );
    button.addEventListener("click", () => this.add(option.name).control.focus());
    return button;
  }
}
