/**
 * What the page knows: the channel as the current user sees it.
 *
 * Events: "state" (everything may have changed), "message" (detail: id; one came, changed
 * or went), "presence", "commands", "connection".
 */

import { compareIds } from "./time.js";

const DISMISSED_KEY = "playground.dismissed";

/** The page's one source of facts; views listen to it. */
export class Store extends EventTarget {
  constructor() {
    super();
    this.application = { id: "0", name: "Bot", online: false };
    this.guild = { id: "0", name: "" };
    this.channels = [];
    this.users = [];
    this.commands = [];
    this.messages = new Map();
    this.userId = "";
    this.channelId = "";
    this.connected = false;
    this.unread = new Set();
    this.dismissed = new Set(JSON.parse(sessionStorage.getItem(DISMISSED_KEY) ?? "[]"));
  }

  /** @returns {Object|undefined} the user whose eyes we look through */
  get user() {
    return this.users.find(({ id }) => id === this.userId);
  }

  /** @returns {Object[]} the users one can be; the bot is not one of them */
  get people() {
    return this.users.filter(({ id }) => id !== this.application.id);
  }

  /** @returns {Object|undefined} the channel that is shown */
  get channel() {
    return this.channels.find(({ id }) => id === this.channelId);
  }

  /** @returns {Object[]} messages, oldest first */
  get orderedMessages() {
    return [...this.messages.values()].sort((a, b) => compareIds(a.id, b.id));
  }

  /**
   * Take a whole state as `/playground/state` answers it.
   *
   * @param {Object} state
   * @param {string} userId
   * @param {string} channelId
   */
  load(state, userId, channelId) {
    this.application = state.application;
    this.guild = state.guild;
    this.channels = state.channels;
    this.users = state.users;
    this.commands = state.commands;
    this.userId = userId;
    this.channelId = channelId;
    this.unread.delete(channelId);
    this.messages = new Map(
      state.messages.filter(({ id }) => !this.dismissed.has(id)).map((message) => [message.id, message]),
    );
    this.#tell("state");
  }

  /**
   * Add a message or change it; a partial update keeps what it does not name.
   *
   * @param {Object} message
   */
  upsert(message) {
    if (message.channel_id && message.channel_id !== this.channelId) {
      this.unread.add(message.channel_id);
      this.#tell("presence");
      return;
    }
    if (this.dismissed.has(message.id)) return;
    this.messages.set(message.id, { ...this.messages.get(message.id), ...message });
    this.#tell("message", message.id);
  }

  /**
   * Forget a message.
   *
   * @param {string} id
   */
  remove(id) {
    if (this.messages.delete(id)) this.#tell("message", id);
  }

  /**
   * Hide an ephemeral message for good, as its addressee wished.
   *
   * @param {string} id
   */
  dismiss(id) {
    this.dismissed.add(id);
    sessionStorage.setItem(DISMISSED_KEY, JSON.stringify([...this.dismissed]));
    this.remove(id);
  }

  /** @param {boolean} online */
  setPresence(online) {
    this.application = { ...this.application, online };
    this.#tell("presence");
  }

  /**
   * Take what is not a message: who and what there is.
   *
   * @param {Object} state
   */
  loadFacts({ application, channels, commands, users }) {
    Object.assign(this, { application, channels, commands, users });
    this.#tell("commands");
    this.#tell("presence");
  }

  /**
   * Say whether a message's author and channel are known; people join, and direct messages begin.
   *
   * @param {Object} message
   * @returns {boolean}
   */
  knows(message) {
    const author = message.author?.bot || this.users.some(({ id }) => id === message.author?.id);
    return Boolean(author) && this.channels.some(({ id }) => id === message.channel_id);
  }

  /** @param {boolean} connected */
  setConnected(connected) {
    this.connected = connected;
    this.#tell("connection");
  }

  /**
   * Describe a message's author for avatar and name.
   *
   * @param {Object} author a Discord user object
   * @returns {{id: string, name: string, color: (string|undefined), bot: boolean}}
   */
  person(author) {
    const known = this.users.find(({ id }) => id === author?.id);
    const isApplication = author?.id === this.application.id;
    return {
      id: author?.id ?? "0",
      name:
        known?.display_name ??
        author?.global_name ??
        author?.username ??
        (isApplication ? this.application.name : "Unknown user"),
      color: known?.avatar_color,
      bot: Boolean(author?.bot) || isApplication,
    };
  }

  /**
   * Find the name behind a mentioned id.
   *
   * @param {string} id
   * @returns {string}
   */
  userName(id) {
    return this.person({ id }).name;
  }

  /**
   * Say whether the current user may delete this message.
   *
   * @param {Object} message
   * @returns {boolean}
   */
  mayDelete(message) {
    return Boolean(this.user?.moderator) || message.author?.id === this.userId;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
