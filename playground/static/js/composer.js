/**
 * The composer: the draft of an ordinary message, or a slash command's form in its place.
 *
 * A form that is left with something in it is kept, and is there again when its command is
 * opened the next time: Escape never costs anybody a long prompt.
 */

import { CommandForm } from "./command-form.js";
import { CommandPicker } from "./command-picker.js";
import { commandPayload, matchTyped, slashCommands } from "./commands.js";
import { h } from "./dom.js";
import { Draft } from "./draft.js";

/** Everything below the messages. */
export class Composer {
  /**
   * @param {Object} context
   * @param {import("./store.js").Store} context.store
   * @param {import("./interactions.js").Interactions} context.interactions
   * @param {(kind: string) => Object[]} context.entities
   * @param {(payload: Object, files: File[], shownAs: string) => Promise<void>} context.act
   *     sends an interaction that shows in the list; rejects with a Refusal
   */
  constructor(context) {
    this.context = context;
    this.store = context.store;
    this.form = null;
    this.kept = new Map();
    this.draft = new Draft(this.store, {
      onInput: () => this.#onInput(),
      onKey: (event) => this.picker.onKey(event),
      onBlur: () => this.picker.close(),
    });
    this.picker = new CommandPicker(this.draft.input, (leaf) => this.openCommand(leaf.name));
    this.element = h(
      "section",
      { class: "composer", "aria-label": "Write", testid: "composer" },
      this.picker.element,
      this.draft.element,
    );
    this.element.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      this.takeFiles([...event.clipboardData.files]);
    });
    for (const type of ["state", "commands", "presence"]) {
      this.store.addEventListener(type, () => this.#refreshPicker());
    }
  }

  /** @returns {import("./commands.js").Leaf[]} */
  get commands() {
    return slashCommands(this.store.commands);
  }

  /** Put the focus into the field that is open. */
  focus() {
    if (this.form) this.form.focus();
    else this.draft.input.focus();
  }

  /**
   * Open a command's form in place of the draft.
   *
   * @param {string} name without the slash
   * @param {Object<string, *>} [values] options to fill in; with them the form starts empty
   * @returns {CommandForm|null} null when there is no such command
   */
  openCommand(name, values) {
    const leaf = this.commands.find((candidate) => candidate.name === name);
    if (!leaf) return null;
    this.closeCommand({ focus: false });
    this.form = (!values && this.#takeKept(leaf)) || this.#newForm(leaf);
    for (const file of this.draft.tray.files) if (this.form.takeFile(file)) this.draft.tray.remove(file);
    this.draft.clearText();
    this.picker.close();
    this.draft.element.hidden = true;
    this.element.append(this.form.element);
    for (const [option, value] of Object.entries(values ?? {})) this.form.fill(option, value);
    this.form.focus();
    return this.form;
  }

  /**
   * Leave the command's form.
   *
   * @param {{focus?: boolean, keep?: boolean}} [settings]
   */
  closeCommand({ focus = true, keep = true } = {}) {
    if (this.form) {
      this.form.element.remove();
      if (keep && !this.form.isEmpty) this.kept.set(this.form.leaf.name, this.form);
    }
    this.form = null;
    this.draft.element.hidden = false;
    if (focus) this.draft.input.focus();
  }

  /** Forget kept forms, as when somebody else sits down. */
  reset() {
    this.closeCommand({ focus: false, keep: false });
    this.kept.clear();
  }

  /**
   * Take dropped or pasted files: the open command's, else the message's.
   *
   * @param {File[]} files
   */
  takeFiles(files) {
    if (!this.form) this.draft.takeFiles(files);
    else if (!files.every((file) => this.form.takeFile(file)))
      this.form.setError(`/${this.form.leaf.name} takes no file.`);
  }

  /** Type the slash for someone who does not know it. */
  startCommand() {
    this.draft.write("/");
  }

  #newForm(leaf) {
    return new CommandForm(leaf, {
      application: this.store.application,
      entities: this.context.entities,
      suggest: (form, option, typed) => this.#suggest(form, option, typed),
      onSubmit: (form) => this.#sendCommand(form),
      onCancel: () => this.closeCommand(),
    });
  }

  #takeKept(leaf) {
    const form = this.kept.get(leaf.name);
    this.kept.delete(leaf.name);
    return form && JSON.stringify(form.leaf) === JSON.stringify(leaf) ? form : null;
  }

  #onInput() {
    const { text } = this.draft;
    const leaf = matchTyped(this.commands, text);
    if (!leaf) {
      this.#refreshPicker();
      return;
    }
    const form = this.openCommand(leaf.name);
    const value = text.slice(leaf.name.length + 2);
    const first = leaf.options.find(({ name }) => form.fields.has(name));
    if (value && first) form.fill(first.name, value);
  }

  #refreshPicker() {
    if (document.activeElement !== this.draft.input) return;
    this.picker.update(this.draft.text, this.commands, this.store.application);
  }

  async #sendCommand(form) {
    const filled = form.read();
    if (!filled) return;
    form.setBusy(true);
    try {
      const payload = { kind: "command", ...this.#where(), ...commandPayload(form.leaf, filled.options) };
      await this.context.act(payload, filled.files, `/${form.leaf.name}`);
      if (this.form === form) this.closeCommand({ keep: false });
    } catch (refusal) {
      form.setError(refusal.message);
    } finally {
      form.setBusy(false);
    }
  }

  #suggest(form, option, typed) {
    const isFile = ({ name }) => Boolean(form.fields.get(name).control.read().file);
    const others = form.collect().options.filter((other) => other.name !== option.name && !isFile(other));
    const options = [...others, { name: option.name, value: typed, focused: true }];
    const payload = { kind: "autocomplete", ...this.#where(), ...commandPayload(form.leaf, options) };
    return new Promise((resolve, reject) => {
      const failed = () => reject(new Error("Loading options failed"));
      this.context.interactions.send(payload, [], { choices: resolve, failed }).catch(failed);
    });
  }

  #where() {
    return { user_id: this.store.userId, channel_id: this.store.channelId };
  }
}
