/**
 * Builds one message and keeps it up to date.
 *
 * An update replaces only the parts that changed, so pictures do not flicker, an opened
 * spoiler stays open, and a button keeps the focus while the text above it moves on.
 */

import { avatar } from "./avatar.js";
import { renderRows } from "./components.js";
import { h } from "./dom.js";
import { renderEmbed } from "./embeds.js";
import { renderAttachments } from "./files.js";
import { icon } from "./icons.js";
import { NO_RESPONSE } from "./interactions.js";
import { isLayout, renderLayout } from "./layout-components.js";
import { renderMarkdown } from "./markdown.js";
import { formatTime, timeElement } from "./time.js";

const FLAG_EPHEMERAL = 64;
const FLAG_LOADING = 128;
const TYPE_REPLY = 19;
const TYPE_CONTEXT_COMMAND = 23;
const CHAT_INPUT = 1;

/** @returns {boolean} whether only its addressee sees this message */
export const isEphemeral = (message) => Boolean(message.flags & FLAG_EPHEMERAL);

/** @returns {boolean} whether the bot is still thinking about it */
export const isLoading = (message) => Boolean(message.flags & FLAG_LOADING);

/** The view of one message. */
export class MessageView {
  /**
   * @param {Object} message
   * @param {Object} context
   * @param {import("./store.js").Store} context.store
   * @param {import("./markdown.js").Names} context.names
   * @param {(message: Object, customId: string, values?: string[]) => Promise<string|null>} context.act
   *     resolves with null, or with why it failed
   * @param {(message: Object, owner: HTMLElement, at?: {x: number, y: number}) => void} context.openMenu
   * @param {(id: string) => void} context.jumpTo
   * @param {(id: string) => void} context.dismiss
   */
  constructor(message, context) {
    this.context = context;
    this.keys = new Map();
    this.parts = {
      reply: h("div", { class: "message-reply" }),
      head: h("div", { class: "message-head" }),
      content: h("div", { class: "message-content markdown", testid: "message-content" }),
      attachments: h("div", { class: "message-attachments" }),
      embeds: h("div", { class: "message-embeds" }),
      components: h("div", { class: "message-components" }),
      failure: h("p", { class: "message-failure", role: "alert", testid: "message-failure" }),
      foot: h("div", { class: "message-foot" }),
    };
    this.gutter = h("div", { class: "message-gutter" });
    this.menuButton = h(
      "button",
      {
        type: "button",
        class: "icon-button message-menu",
        "aria-label": "Message actions",
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        testid: "message-menu",
      },
      icon("more"),
    );
    this.menuButton.addEventListener("click", () => context.openMenu(this.message, this.menuButton));
    this.element = h(
      "li",
      { class: "message", testid: "message", "data-message-id": message.id },
      this.parts.reply,
      this.gutter,
      h(
        "div",
        { class: "message-body" },
        ["head", "content", "attachments", "embeds", "components", "failure", "foot"].map(
          (name) => this.parts[name],
        ),
      ),
      h("div", { class: "message-tools" }, this.menuButton),
    );
    this.element.addEventListener("contextmenu", (event) => this.#onContextMenu(event));
    this.update(message);
  }

  /**
   * Show the message's newest state.
   *
   * @param {Object} message
   */
  update(message) {
    this.message = message;
    const { store, names } = this.context;
    const person = store.person(message.author);
    const mentionsMe = message.mentions?.some(({ id }) => id === store.userId) || message.mention_everyone;
    this.element.classList.toggle("is-ephemeral", isEphemeral(message));
    this.element.classList.toggle("is-mention", Boolean(mentionsMe) && !isEphemeral(message));
    this.element.dataset.authorId = person.id;
    this.element.dataset.ephemeral = String(isEphemeral(message));
    this.#paint("reply", replyKey(message), () => replyLine(message, this.context));
    this.#paint("head", [person, message.timestamp], () => this.#head(person));
    const isOver = this.#isOver();
    this.#paint("content", [message.content, message.flags, message.edited_timestamp, person.name, isOver], () =>
      this.#content(person, names),
    );
    this.#paint("attachments", message.attachments, () => renderAttachments(unembedded(message)));
    this.#paint("embeds", message.embeds, () =>
      (message.embeds ?? []).map((embed) => renderEmbed(embed, names)),
    );
    this.#paint("components", message.components, () => this.#components());
    this.#paint("foot", isEphemeral(message), () => this.#foot());
  }

  /** Show what time alone changes: a bot that thinks for too long will not answer. */
  tick() {
    if (isLoading(this.message)) this.update(this.message);
  }

  #isOver() {
    return isLoading(this.message) && Date.now() > 1000 * this.message.loading_until;
  }

  /**
   * Say whether this message may be drawn without its head, right below another.
   *
   * @param {MessageView|undefined} above
   */
  groupWith(above) {
    const mine = this.message;
    const other = above?.message;
    const compact =
      other !== undefined &&
      other.author?.id === mine.author?.id &&
      isEphemeral(other) === isEphemeral(mine) &&
      replyKey(mine) === null &&
      Math.abs(Date.parse(mine.timestamp) - Date.parse(other.timestamp)) < 5 * 60 * 1000;
    this.element.classList.toggle("is-compact", compact);
  }

  #paint(part, value, build) {
    const key = JSON.stringify(value ?? null);
    if (this.keys.get(part) === key) return;
    this.keys.set(part, key);
    const node = this.parts[part];
    const focused = node.contains(document.activeElement) ? document.activeElement.dataset.focusKey : null;
    node.replaceChildren(...[build()].flat().filter(Boolean));
    if (part === "components") this.parts.failure.textContent = "";
    if (focused) node.querySelector(`[data-focus-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #head(person) {
    const sent = Date.parse(this.message.timestamp);
    const name = h("span", { class: "author", testid: "message-author" }, person.name);
    this.gutter.replaceChildren(
      avatar(person),
      h("span", { class: "gutter-time", "aria-hidden": "true" }, formatTime(sent, "t")),
    );
    return [
      name,
      person.bot && h("span", { class: "tag" }, "App"),
      timeElement(sent, "message", "message-time"),
    ];
  }

  #content(person, names) {
    const { message } = this;
    if (this.#isOver()) {
      return h(
        "p",
        { class: "message-failure", role: "status", testid: "message-over" },
        icon("warning"),
        NO_RESPONSE,
      );
    }
    if (isLoading(message)) {
      return h(
        "p",
        { class: "thinking", role: "status", testid: "message-thinking" },
        h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
        `${person.name} is thinking…`,
      );
    }
    const edited = message.edited_timestamp
      ? h(
          "span",
          {
            class: "edited",
            title: formatTime(Date.parse(message.edited_timestamp), "F"),
            testid: "message-edited",
          },
          " (edited)",
        )
      : null;
    const text = renderMarkdown(message.content ?? "", names);
    if (!edited) return [text];
    if (!message.content) return [];
    (text.lastElementChild?.tagName === "P" ? text.lastElementChild : text).append(edited);
    return [text];
  }

  #components() {
    const context = {
      act: async (customId, values) => {
        this.parts.failure.textContent = "";
        const failure = await this.context.act(this.message, customId, values);
        this.parts.failure.replaceChildren(...(failure ? [icon("warning"), failure] : []));
      },
      entities: (kind) => this.context.entities(kind),
      names: this.context.names,
      attachments: this.message.attachments ?? [],
    };
    const components = this.message.components ?? [];
    return components.some(isLayout) ? renderLayout(components, context) : renderRows(components, context);
  }

  #foot() {
    if (!isEphemeral(this.message)) return null;
    const dismiss = h(
      "button",
      { type: "button", class: "link-button", testid: "message-dismiss" },
      "Dismiss message",
    );
    dismiss.addEventListener("click", () => this.context.dismiss(this.message.id));
    return h(
      "span",
      { class: "only-you", testid: "message-ephemeral" },
      icon("eye"),
      "Only you can see this",
      h("span", { "aria-hidden": "true" }, "•"),
      dismiss,
    );
  }

  #onContextMenu(event) {
    if (event.shiftKey || event.target.closest("a, img") || String(getSelection())) return;
    event.preventDefault();
    // The keyboard's menu key reports no useful point; then the menu opens at its button.
    const at = event.clientX || event.clientY ? { x: event.clientX, y: event.clientY } : undefined;
    this.context.openMenu(this.message, this.menuButton, at);
  }
}

/** Leave out attachments that an embed or a layout shows already. */
function unembedded(message) {
  const shown = new Set(
    (message.embeds ?? []).flatMap(({ image, thumbnail }) => [image?.url, thumbnail?.url]),
  );
  if ((message.components ?? []).some(isLayout)) return [];
  return (message.attachments ?? []).filter(({ url }) => !shown.has(url));
}

function replyKey(message) {
  if (message.type === TYPE_REPLY && message.message_reference)
    return [message.message_reference.message_id, message.referenced_message?.content ?? null];
  const used = commandUsed(message);
  return used ? [used.name, used.user?.id] : null;
}

function replyLine(message, context) {
  if (message.type === TYPE_REPLY && message.message_reference) return repliedTo(message, context);
  const used = commandUsed(message);
  if (!used) return null;
  const person = context.store.person(used.user);
  const command = used.slash ? `/${used.name}` : used.name;
  return h(
    "div",
    { class: "reply-line", testid: "reply-line" },
    avatar(person, "tiny"),
    h("b", {}, person.name),
    " used ",
    h("span", { class: "reply-command" }, command),
  );
}

/** Find the command behind a message: it answers the command, or the modal that the command opened. */
function commandUsed(message) {
  const metadata = message.interaction_metadata;
  const source = [message.interaction, metadata, metadata?.triggering_interaction_metadata].find(
    (candidate) => candidate?.name,
  );
  if (!source) return null;
  const kind = metadata?.command_type ?? metadata?.triggering_interaction_metadata?.command_type;
  return {
    name: source.name,
    user: source.user ?? metadata?.user,
    slash: kind === undefined ? message.type !== TYPE_CONTEXT_COMMAND : kind === CHAT_INPUT,
  };
}

function repliedTo(message, context) {
  const original = message.referenced_message;
  if (!original)
    return h(
      "div",
      { class: "reply-line", testid: "reply-line" },
      icon("reply"),
      h("i", {}, "Original message was deleted"),
    );
  const person = context.store.person(original.author);
  const pictures = original.attachments?.length ? "Click to see attachment" : "Click to see message";
  const snippet = (original.content || pictures).split("\n")[0].slice(0, 160);
  const line = h(
    "button",
    {
      type: "button",
      class: "reply-line",
      testid: "reply-line",
      "aria-label": `Replying to ${person.name}: ${snippet}`,
    },
    avatar(person, "tiny"),
    h("b", {}, person.name),
    h("span", { class: "reply-snippet" }, snippet),
  );
  line.addEventListener("click", () => context.jumpTo(original.id));
  return line;
}
