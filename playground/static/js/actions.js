/** What a member does with the bot: commands, buttons, menus, modals, and how each one ends. */

import { deleteMessage } from "./api.js";
import { messageCommands } from "./commands.js";
import { openMenu } from "./menu.js";
import { isEphemeral, isLoading } from "./message.js";
import { openModal } from "./modal.js";

/** Sends interactions and shows their outcome. */
export class Actions {
  /**
   * @param {Object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {import("./interactions.js").Interactions} parts.interactions
   * @param {import("./markdown.js").Names} parts.names
   * @param {(message: string) => void} parts.complain shows an error that belongs nowhere else
   */
  constructor({ store, interactions, names, complain }) {
    this.store = store;
    this.interactions = interactions;
    this.names = names;
    this.complain = complain;
    this.list = null;
  }

  /**
   * Send a command; a row in the list shows that it is on its way, or that it failed.
   *
   * @param {Object} payload
   * @param {File[]} files
   * @param {string} shownAs
   * @throws {import("./api.js").Refusal} when the server does not accept it
   */
  async command(payload, files, shownAs) {
    let notice = null;
    let ended = "";
    const end = (failure) => {
      ended = failure ?? "done";
      if (!notice) return;
      if (failure) notice.fail(failure);
      else notice.remove();
    };
    await this.interactions.send(payload, files, {
      done: () => end(),
      failed: end,
      modal: (modal) => {
        end();
        this.showModal(modal);
      },
    });
    if (ended === "done") return;
    notice = this.list.addNotice(shownAs);
    if (ended) notice.fail(ended);
  }

  /**
   * Use a button or a select menu.
   *
   * @param {Object} message
   * @param {string} customId
   * @param {string[]} [values]
   * @returns {Promise<string|null>} why it failed, or null
   */
  component(message, customId, values) {
    const payload = {
      kind: "component",
      ...this.#who(),
      message_id: message.id,
      custom_id: customId,
      ...(values ? { values } : {}),
    };
    return this.#untilAnswered(payload, []);
  }

  /**
   * Show a bot's modal.
   *
   * @param {Object} modal
   */
  showModal(modal) {
    openModal(modal, {
      application: this.store.application,
      names: this.names,
      entities: (kind) => this.entities(kind),
      submit: (values, files) =>
        this.#untilAnswered(
          {
            kind: "modal_submit",
            ...this.#who(),
            interaction_id: modal.interaction_id,
            custom_id: modal.custom_id,
            values,
          },
          files,
        ),
    });
  }

  /**
   * Open a message's menu: its apps, then what any client can do.
   *
   * @param {Object} message
   * @param {HTMLElement} owner
   * @param {{x: number, y: number}} [at]
   */
  messageMenu(message, owner, at) {
    const apps = isEphemeral(message) || isLoading(message) ? [] : messageCommands(this.store.commands);
    const items = apps.map(({ name, description }) => ({
      label: name,
      description,
      icon: "spark",
      testid: "message-command",
      onSelect: () => this.#messageCommand(name, message),
    }));
    const plain = [];
    if (message.content)
      plain.push({
        label: "Copy text",
        icon: "copy",
        testid: "copy-text",
        onSelect: () => this.#copy(message.content),
      });
    plain.push({
      label: "Copy message ID",
      icon: "copy",
      testid: "copy-id",
      onSelect: () => this.#copy(message.id),
    });
    if (this.store.mayDelete(message) && !isEphemeral(message)) {
      plain.push({
        label: "Delete message",
        icon: "trash",
        danger: true,
        testid: "delete-message",
        onSelect: () => this.#delete(message),
      });
    }
    openMenu(owner, {
      label: "Message",
      at,
      align: "end",
      groups: [{ title: "Apps", items }, { items: plain }],
    });
  }

  /**
   * List what a user, channel or role picker offers.
   *
   * @param {string} kind
   * @returns {{label: string, value: string}[]}
   */
  entities(kind) {
    const users = this.store.users.map(({ id, display_name: name }) => ({ label: name, value: id }));
    const roles = [
      { label: "@everyone", value: this.store.guild.id },
      ...(this.store.guild.roles ?? []).map(({ id, name }) => ({ label: name, value: id })),
    ];
    if (kind === "channel")
      return this.store.channels.map(({ id, name }) => ({ label: `#${name}`, value: id }));
    if (kind === "role") return roles;
    return kind === "user" ? users : [...users, ...roles];
  }

  async #messageCommand(name, message) {
    try {
      await this.command(
        { kind: "message_command", ...this.#who(), name, target_message_id: message.id },
        [],
        name,
      );
    } catch (refusal) {
      this.complain(refusal.message);
    }
  }

  async #delete(message) {
    try {
      await deleteMessage(message.id, message.channel_id, this.store.userId);
    } catch (refusal) {
      this.complain(refusal.message);
    }
  }

  async #copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      this.complain("The browser does not let this page copy.");
    }
  }

  #untilAnswered(payload, files) {
    return new Promise((resolve) => {
      const handlers = {
        done: () => resolve(null),
        failed: resolve,
        modal: (modal) => {
          resolve(null);
          this.showModal(modal);
        },
      };
      this.interactions.send(payload, files, handlers).catch((refusal) => resolve(refusal.message));
    });
  }

  #who() {
    return { user_id: this.store.userId, channel_id: this.store.channelId };
  }
}
