/**
 * Starts the page and ties its parts together.
 *
 * `?user=` (id or username) and `?channel=` (id or name) choose who looks at what; both
 * follow what is chosen on the page, so an address can be kept or shared.
 */

import { Actions } from "./actions.js";
import { getState } from "./api.js";
import { Composer } from "./composer.js";
import { h } from "./dom.js";
import { watchDrops } from "./drop.js";
import { EventFeed } from "./events.js";
import { icon } from "./icons.js";
import { Interactions } from "./interactions.js";
import { MessageList } from "./messages.js";
import { Shell } from "./shell.js";
import { Store } from "./store.js";
import { tick } from "./time.js";
import { Welcome } from "./welcome.js";

const TICK_MS = 1000;
const TOAST_MS = 6000;
const RETRY_MS = 1500;

class Page {
  constructor(root) {
    this.root = root;
    this.store = new Store();
    this.interactions = new Interactions();
    this.toasts = h("div", { class: "toasts", role: "alert", testid: "toasts" });
    const names = {
      user: (id) => this.store.userName(id),
      channel: (id) => this.store.channels.find((channel) => channel.id === id)?.name ?? "unknown",
    };
    this.actions = new Actions({
      store: this.store,
      interactions: this.interactions,
      names,
      complain: (message) => this.#complain(message),
    });
    this.shell = new Shell(this.store, {
      switchUser: (id) => this.#go(id, this.store.channelId),
      openChannel: (id) => this.#go(this.store.userId, id),
    });
    const entities = (kind) => this.actions.entities(kind);
    this.composer = new Composer({
      store: this.store,
      interactions: this.interactions,
      entities,
      act: (...args) => this.actions.command(...args),
    });
    this.welcome = new Welcome(this.store, this.composer);
    this.messages = new MessageList(
      {
        store: this.store,
        names,
        entities,
        act: (message, customId, values) => this.actions.component(message, customId, values),
        openMenu: (message, owner, at) => this.actions.messageMenu(message, owner, at),
        dismiss: (id) => this.store.dismiss(id),
      },
      this.welcome.element,
    );
    this.actions.list = this.messages;
    this.feed = new EventFeed({
      onEvent: (type, data) => this.#onEvent(type, data),
      onOpen: () => this.#load(),
      onStatus: (connected) => this.store.setConnected(connected),
    });
    this.store.addEventListener("state", () => this.messages.reload());
    this.store.addEventListener("message", (event) => this.messages.refresh(event.detail));
  }

  /** Read who and where from the address, draw the page, and stay connected. */
  async start() {
    const state = await this.#firstState();
    const query = new URLSearchParams(location.search);
    const people = state.users.filter(({ id }) => id !== state.application.id);
    const user =
      pick(people, query.get("user"), "username") ?? people.find(({ moderator }) => !moderator) ?? people[0];
    const channel = pick(state.channels, query.get("channel"), "name") ?? state.channels[0];
    this.target = { userId: user.id, channelId: channel.id };
    const drops = watchDrops(
      () =>
        this.composer.form
          ? `Drop to attach to /${this.composer.form.leaf.name}`
          : "Drop to attach to your message",
      (files) => this.composer.takeFiles(files),
    );
    const { header, banner, sidebar, backdrop } = this.shell;
    this.root.replaceChildren(
      sidebar,
      backdrop,
      h("main", { class: "main" }, header, banner, this.messages.element, this.composer.element),
      drops,
      this.toasts,
    );
    setInterval(() => {
      tick();
      this.messages.tick();
    }, TICK_MS);
    addEventListener("keydown", (event) => this.#onKey(event));
    this.feed.follow(user.id);
  }

  async #firstState() {
    for (;;) {
      try {
        return await getState();
      } catch (refusal) {
        this.root.replaceChildren(
          h("p", { class: "loading", role: "status" }, icon("warning"), refusal.message),
        );
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async #load() {
    const { userId, channelId } = this.target;
    const state = await getState(userId, channelId);
    if (this.target.userId !== userId || this.target.channelId !== channelId) return;
    this.store.load(state, userId, channelId);
    const query = new URLSearchParams(location.search);
    query.set("user", this.store.user?.username ?? userId);
    query.set("channel", this.store.channel?.name ?? channelId);
    history.replaceState(null, "", `?${query}`);
    this.root.setAttribute("aria-busy", "false");
    this.root.dataset.userId = userId;
  }

  async #go(userId, channelId) {
    this.target = { userId, channelId };
    this.root.setAttribute("aria-busy", "true");
    this.messages.reset();
    this.composer.reset();
    if (userId !== this.store.userId) {
      this.feed.follow(userId);
      return;
    }
    try {
      await this.#load();
    } catch (refusal) {
      this.#complain(refusal.message);
    }
  }

  #onEvent(type, data) {
    if (type === "message_create" || type === "message_update") {
      this.store.upsert(data);
      if (!this.store.knows(data)) this.#loadFacts();
    } else if (type === "message_delete") this.store.remove(data.id);
    else if (type === "presence") this.store.setPresence(data.online);
    else if (type === "commands_update") this.#loadFacts();
    else this.interactions.handle(type, data);
  }

  /** Read commands, channels and users anew; the messages are fresh already. */
  async #loadFacts() {
    const { userId, channelId } = this.target;
    try {
      const state = await getState(userId, channelId);
      if (this.target.userId === userId && this.target.channelId === channelId) this.store.loadFacts(state);
    } catch (refusal) {
      this.#complain(refusal.message);
    }
  }

  /** Typing anywhere goes to the composer, as in Discord. */
  #onKey(event) {
    const busy =
      event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1 || event.key === " ";
    if (busy || document.querySelector("dialog[open], [popover]:popover-open")) return;
    const typing = event.target.closest?.(
      "input, textarea, select, button, a, [role=button], [contenteditable]",
    );
    if (typing || this.composer.form) return;
    this.composer.focus();
  }

  #complain(message) {
    const toast = h("p", { class: "toast" }, icon("warning"), message);
    this.toasts.append(toast);
    setTimeout(() => toast.remove(), TOAST_MS);
  }
}

function pick(list, wanted, nameKey) {
  return list.find((item) => item.id === wanted || item[nameKey] === wanted);
}

new Page(document.getElementById("app")).start();
