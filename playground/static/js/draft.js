/**
 * The ordinary message that one is writing: its text, its files, and sending them.
 *
 * Enter sends and Shift+Enter starts a new line. What was typed is dropped only once the
 * server has taken it.
 */

import { postMessage } from "./api.js";
import { growWithText, h } from "./dom.js";
import { fileError } from "./file-picker.js";
import { icon } from "./icons.js";
import { Tray } from "./tray.js";

const LONGEST_MESSAGE = 2000;
const MOST_FILES = 10;

/** The text field with its files and buttons. */
export class Draft {
  /**
   * @param {import("./store.js").Store} store
   * @param {Object} handlers
   * @param {() => void} handlers.onInput
   * @param {(event: KeyboardEvent) => boolean} handlers.onKey true when the key is used up
   * @param {() => void} handlers.onBlur
   */
  constructor(store, handlers) {
    this.store = store;
    this.handlers = handlers;
    this.busy = false;
    this.tray = new Tray(() => this.#paint());
    this.input = this.#buildInput();
    this.fileInput = this.#buildFileInput();
    this.counter = h("span", { class: "counter", "aria-live": "polite" });
    this.sendButton = button("send-button", "Send the message", "composer-send", "send", () => this.send());
    this.error = h("p", {
      class: "composer-error",
      id: "composer-error",
      role: "alert",
      testid: "composer-error",
    });
    const attach = button("icon-button", "Attach files", "composer-attach", "plus", () =>
      this.fileInput.click(),
    );
    const slash = button("icon-button", "Show the commands", "composer-commands", "slash", () =>
      this.write("/"),
    );
    const row = h(
      "div",
      { class: "composer-row" },
      attach,
      this.fileInput,
      this.input,
      this.counter,
      slash,
      this.sendButton,
    );
    this.box = h("div", { class: "composer-box" }, this.tray.element, row);
    this.element = h("div", {}, this.error, this.box);
    store.addEventListener("state", () => this.#onState());
  }

  /** @returns {string} what is typed now */
  get text() {
    return this.input.value;
  }

  /**
   * Replace the text and go on writing behind it.
   *
   * @param {string} text
   */
  write(text) {
    this.input.value = text;
    this.input.focus();
    this.input.dispatchEvent(new Event("input"));
  }

  /** Drop the text; the files stay. */
  clearText() {
    this.input.value = "";
    growWithText(this.input);
    this.setError("");
    this.#paint();
  }

  /**
   * Add files to the message.
   *
   * @param {File[]} files
   */
  takeFiles(files) {
    const tooMany =
      this.tray.files.length + files.length > MOST_FILES && `A message takes at most ${MOST_FILES} files.`;
    const error = files.map(fileError).find(Boolean) || tooMany;
    this.setError(error || "");
    if (error) return;
    this.tray.add(files);
    this.input.focus();
  }

  /**
   * Show why something was not sent.
   *
   * @param {string} message empty hides it
   * @param {Node} [action]
   */
  setError(message, action) {
    const parts = message ? [icon("warning"), h("span", {}, message), action] : [];
    this.error.replaceChildren(...parts.filter(Boolean));
  }

  /** Post the message. */
  async send() {
    const content = this.text.trim();
    const length = [...content].length;
    if (this.busy || (!content && !this.tray.files.length)) return;
    if (length > LONGEST_MESSAGE) {
      const convert = h(
        "button",
        { type: "button", class: "link-button", testid: "composer-as-file" },
        "Attach it as a text file",
      );
      convert.addEventListener("click", () => this.#attachText(content));
      this.setError(`Your message has ${length} characters; the most is ${LONGEST_MESSAGE}.`, convert);
      return;
    }
    this.busy = true;
    try {
      const { userId, channelId } = this.store;
      await postMessage({ user_id: userId, channel_id: channelId, content }, this.tray.files);
      this.tray.clear();
      this.clearText();
    } catch (refusal) {
      this.setError(refusal.message);
    } finally {
      this.busy = false;
      this.input.focus();
    }
  }

  #buildInput() {
    const input = h("textarea", {
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
    input.addEventListener("input", () => {
      growWithText(input);
      this.setError("");
      this.#paint();
      this.handlers.onInput();
    });
    input.addEventListener("keydown", (event) => {
      if (event.isComposing || this.handlers.onKey(event)) return;
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      this.send();
    });
    input.addEventListener("blur", this.handlers.onBlur);
    return input;
  }

  #buildFileInput() {
    const input = h("input", {
      type: "file",
      multiple: true,
      class: "visually-hidden",
      tabindex: "-1",
      "aria-label": "Files for the message",
      testid: "composer-files",
    });
    input.addEventListener("change", () => {
      this.takeFiles([...input.files]);
      input.value = "";
    });
    return input;
  }

  #attachText(content) {
    const isXml = content.startsWith("<");
    const type = isXml ? "application/xml" : "text/plain";
    this.clearText();
    this.takeFiles([new File([content], isXml ? "message.xml" : "message.txt", { type })]);
  }

  #onState() {
    const channel = `#${this.store.channel?.name ?? "channel"}`;
    const narrow = matchMedia("(max-width: 640px)").matches;
    const placeholder = narrow ? `Message ${channel}` : `Message ${channel}, or type / for commands`;
    this.input.placeholder = placeholder;
    this.input.setAttribute("aria-label", placeholder);
  }

  #paint() {
    const length = [...this.text].length;
    this.counter.textContent = length > LONGEST_MESSAGE - 200 ? String(LONGEST_MESSAGE - length) : "";
    this.counter.classList.toggle("is-over", length > LONGEST_MESSAGE);
    this.sendButton.classList.toggle("is-ready", Boolean(this.text.trim() || this.tray.files.length));
  }
}

function button(className, label, testid, iconName, onClick) {
  return h(
    "button",
    { type: "button", class: className, "aria-label": label, title: label, testid, on: { click: onClick } },
    icon(iconName),
  );
}
