/** The filled-in form of one slash command: its options as labelled fields, checked as one types. */

import { avatar } from "./avatar.js";
import { OPTION } from "./commands.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { OptionField } from "./option-field.js";

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
    this.hint = h("span", { class: "form-hint", "aria-hidden": "true" });
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
   * @returns {OptionField|null}
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
    field.check();
  }

  /** @returns {boolean} whether nothing is filled in */
  get isEmpty() {
    return [...this.fields.values()].every((field) => field.isEmpty);
  }

  /** Put the focus where one would go on typing. */
  focus() {
    const empty = [...this.fields.values()].find((field) => field.isEmpty);
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
      options.find(({ name }) => !this.fields.has(name) || this.fields.get(name).isEmpty) ?? options[0];
    if (free) this.fill(free.name, file);
    return Boolean(free);
  }

  /**
   * Read every field; marks the wrong ones and focuses the first of them.
   *
   * @returns {{options: {name: string, value: *}[], files: File[]}|null} null when something is wrong
   */
  read() {
    const wrong = [...this.fields.values()].filter((field) => !field.check(true));
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
      h("div", { class: "form-foot" }, this.hint, this.submit),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.busy) this.context.onSubmit(this);
    });
    form.addEventListener("keydown", (event) => this.#onKey(event));
    form.addEventListener("focusin", (event) => this.#paintHint(event.target));
    this.#paintHint(null);
    return form;
  }

  /** Say what the focused option is for; the line is always there, so that nothing moves. */
  #paintHint(target) {
    const focused = [...this.fields.values()].find(({ element }) => element.contains(target));
    const added = this.leaf.options.find(({ name }) => name === target?.dataset.option);
    const key = (name) => h("kbd", {}, name);
    const keys = [
      key("Enter"),
      " sends, ",
      key("Shift+Enter"),
      " starts a new line, ",
      key("Esc"),
      " closes",
    ];
    this.hint.replaceChildren(...(focused ? [focused.hint] : added ? [added.description] : keys));
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
    return new OptionField(option, {
      entities: this.context.entities,
      suggest: (which, typed) => this.context.suggest(this, which, typed),
      onRemove: ({ name }) => this.#remove(name),
      onChange: () => this.setError(""),
    });
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
