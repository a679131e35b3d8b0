/**
 * The composer: an ordinary message, or a slash command's form in its place.
 *
 * Enter sends and Shift+Enter starts a new line. What was typed is dropped only once
 * the server has taken it.
 */

import { postMessage } from "./api.js";
import { CommandForm } from "./command-form.js";
import { CommandPicker } from "./command-picker.js";
import { commandPayload, matchTyped, slashCommands } from "./commands.js";
import { growWithText, h } from "./dom.js";
import { fileError } from "./file-picker.js";
import { icon } from "./icons.js";
import { Tray } from "./tray.js";

const LONGEST_MESSAGE = 2000;
const MOST_FILES = 10;

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
    this.busy = false;
    this.tray = new Tray(() => this.#paint());
    this.#build();
    this.picker = new CommandPicker(this.input, (leaf) => this.openCommand(leaf.name));
    this.element.prepend(this.picker.element);
    this.store.addEventListener("state", () => this.#onState());
    this.store.addEventListener("commands", () => this.#onCommands());
    this.store.addEventListener("presence", () => this.#refreshPicker());
  }

  /** @returns {import("./commands.js").Leaf[]} */
  get commands() {
    return slashCommands(this.store.commands);
  }

  /**
   * Open a command's form in place of the text field.
   *
   * @param {string} name without the slash
   * @param {Object<string, *>} [values] options to fill in
   * @returns {CommandForm|null} null when there is no such command
   */
  openCommand(name, values = {}) {
    const leaf = this.commands.find((candidate) => candidate.name === name);
    if (!leaf) return null;
    this.closeCommand({ focus: false });
    this.form = new CommandForm(leaf, {
      application: this.store.application,
      entities: this.context.entities,
      suggest: (form, option, typed) => this.#suggest(form, option, typed),
      onSubmit: (form) => this.#sendCommand(form),
      onCancel: () => this.closeCommand(),
    });
    for (const file of this.tray.files) if (this.form.takeFile(file)) this.tray.remove(file);
    this.input.value = "";
    growWithText(this.input);
    this.picker.close();
    this.setError("");
    this.row.hidden = true;
    this.element.append(this.form.element);
    for (const [option, value] of Object.entries(values)) this.form.fill(option, value);
    this.form.focus();
    return this.form;
  }

  /**
   * Leave the command's form.
   *
   * @param {{focus?: boolean}} [settings]
   */
  closeCommand({ focus = true } = {}) {
    this.form?.element.remove();
    this.form = null;
    this.row.hidden = false;
    if (focus) this.input.focus();
  }

  /**
   * Take dropped or pasted files: the open command's, else the message's.
   *
   * @param {File[]} files
   */
  takeFiles(files) {
    const rest = files.filter((file) => !this.form?.takeFile(file));
    if (!rest.length) return;
    if (this.form) this.closeCommand();
    const error = rest.map(fileError).find(Boolean);
    const tooMany =
      this.tray.files.length + rest.length > MOST_FILES ? `A message takes at most ${MOST_FILES} files.` : "";
    this.setError(error || tooMany);
    if (error || tooMany) return;
    this.tray.add(rest);
    this.input.focus();
  }

  /**
   * Show why something was not sent.
   *
   * @param {string} message empty hides it
   * @param {Node} [action]
   */
  setError(message, action) {
    this.error.replaceChildren(
      ...(message ? [icon("warning"), h("span", {}, message), action].filter(Boolean) : []),
    );
  }

  #build() {
    this.input = h("textarea", {
      id: "composer-input",
      class: "composer-input",
      rows: "1",
      role: "combobox",
      "aria-expanded": "false",
      "aria-autocomplete": "list",
      "aria-haspopup": "listbox",
      "aria-describedby": "composer-error",
      spellcheck: "true",
      testid: "composer-input",
    });
    this.fileInput = h("input", {
      type: "file",
      multiple: true,
      class: "visually-hidden",
      tabindex: "-1",
      "aria-label": "Files for the message",
      testid: "composer-files",
    });
    const attach = h(
      "button",
      {
        type: "button",
        class: "icon-button attach-button",
        "aria-label": "Attach files",
        title: "Attach files",
        testid: "composer-attach",
        on: { click: () => this.fileInput.click() },
      },
      icon("plus"),
    );
    const slash = h(
      "button",
      {
        type: "button",
        class: "icon-button slash-button",
        "aria-label": "Show the commands",
        title: "Commands",
        testid: "composer-commands",
        on: { click: () => this.startCommand() },
      },
      icon("slash"),
    );
    this.sendButton = h(
      "button",
      {
        type: "button",
        class: "send-button",
        "aria-label": "Send the message",
        testid: "composer-send",
        on: { click: () => this.#sendMessage() },
      },
      icon("send"),
    );
    this.counter = h("span", { class: "counter", "aria-live": "polite" });
    this.row = h(
      "div",
      { class: "composer-box" },
      this.tray.element,
      h(
        "div",
        { class: "composer-row" },
        attach,
        this.fileInput,
        this.input,
        this.counter,
        slash,
        this.sendButton,
      ),
    );
    this.error = h("p", {
      class: "composer-error",
      id: "composer-error",
      role: "alert",
      testid: "composer-error",
    });
    this.element = h(
      "section",
      { class: "composer", "aria-label": "Write", testid: "composer" },
      this.error,
      this.row,
    );
    this.fileInput.addEventListener("change", () => {
      this.takeFiles([...this.fileInput.files]);
      this.fileInput.value = "";
    });
    this.input.addEventListener("input", () => this.#onInput());
    this.input.addEventListener("keydown", (event) => this.#onKey(event));
    this.input.addEventListener("blur", () => this.picker.close());
    this.element.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      this.takeFiles([...event.clipboardData.files]);
    });
  }

  /** Type the slash for someone who does not know it. */
  startCommand() {
    this.input.value = "/";
    this.input.focus();
    this.#onInput();
  }

  #onInput() {
    growWithText(this.input);
    this.setError("");
    const text = this.input.value;
    const leaf = matchTyped(this.commands, text);
    if (leaf) {
      const form = this.openCommand(leaf.name);
      const value = text.slice(leaf.name.length + 2);
      const first = leaf.options.find(({ name }) => form.fields.has(name));
      if (value && first) form.fill(first.name, value);
      return;
    }
    this.#refreshPicker();
    this.#paint();
  }

  #refreshPicker() {
    if (document.activeElement === this.input)
      this.picker.update(this.input.value, this.commands, this.store.application);
  }

  #onKey(event) {
    if (event.isComposing || this.picker.onKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#sendMessage();
    }
  }

  #onState() {
    const channel = this.store.channel?.name ?? "channel";
    const narrow = matchMedia("(max-width: 640px)").matches;
    const placeholder = narrow ? `Message #${channel}` : `Message #${channel}, or type / for commands`;
    this.input.placeholder = placeholder;
    this.input.setAttribute("aria-label", placeholder);
    this.#onCommands();
    this.#paint();
  }

  #onCommands() {
    this.#refreshPicker();
    // A form whose command is gone or not ours any more cannot be sent.
    if (this.form && !this.commands.some(({ name }) => name === this.form.leaf.name))
      this.closeCommand({ focus: false });
  }

  #paint() {
    const length = [...this.input.value].length;
    this.counter.textContent = length > LONGEST_MESSAGE - 200 ? String(LONGEST_MESSAGE - length) : "";
    this.counter.classList.toggle("is-over", length > LONGEST_MESSAGE);
    this.sendButton.classList.toggle("is-ready", Boolean(this.input.value.trim() || this.tray.files.length));
  }

  async #sendMessage() {
    const content = this.input.value.trim();
    if (this.busy || (!content && !this.tray.files.length)) return;
    if ([...content].length > LONGEST_MESSAGE) {
      const convert = h(
        "button",
        { type: "button", class: "link-button", testid: "composer-as-file" },
        "Attach it as a text file",
      );
      convert.addEventListener("click", () => this.#attachText(content));
      this.setError(
        `Your message has ${[...content].length} characters; the most is ${LONGEST_MESSAGE}.`,
        convert,
      );
      return;
    }
    this.busy = true;
    try {
      await postMessage(
        { user_id: this.store.userId, channel_id: this.store.channelId, content },
        this.tray.files,
      );
      this.input.value = "";
      this.tray.clear();
      growWithText(this.input);
      this.setError("");
    } catch (refusal) {
      this.setError(refusal.message);
    } finally {
      this.busy = false;
      this.#paint();
      this.input.focus();
    }
  }

  #attachText(content) {
    const isXml = content.startsWith("<");
    this.input.value = "";
    growWithText(this.input);
    this.takeFiles([
      new File([content], isXml ? "message.xml" : "message.txt", {
        type: isXml ? "application/xml" : "text/plain",
      }),
    ]);
  }

  async #sendCommand(form) {
    const filled = form.read();
    if (!filled) return;
    form.setBusy(true);
    try {
      const payload = {
        kind: "command",
        user_id: this.store.userId,
        channel_id: this.store.channelId,
        ...commandPayload(form.leaf, filled.options),
      };
      await this.context.act(payload, filled.files, `/${form.leaf.name}`);
      if (this.form === form) this.closeCommand();
    } catch (refusal) {
      form.setError(refusal.message);
    } finally {
      form.setBusy(false);
    }
  }

  #suggest(form, option, typed) {
    const others = form.collect().options.filter(({ name }) => name !== option.name && !isFile(form, name));
    const options = [...others, { name: option.name, value: typed, focused: true }];
    const payload = {
      kind: "autocomplete",
      user_id: this.store.userId,
      channel_id: this.store.channelId,
      ...commandPayload(form.leaf, options),
    };
    return new Promise((resolve, reject) => {
      const failed = () => reject(new Error("Loading options failed"));
      this.context.interactions.send(payload, [], { choices: resolve, failed }).catch(failed);
    });
  }
}

function isFile(form, name) {
  return Boolean(form.fields.get(name).control.read().file);
}
