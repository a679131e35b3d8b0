/** The frame around the messages: server and channel list, header, user switch. */

import { avatar } from "./avatar.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";

const DIRECT_MESSAGE = 1;
const isDirect = ({ type }) => type === DIRECT_MESSAGE;

/** Sidebar and header; both follow the store. */
export class Shell {
  /**
   * @param {import("./store.js").Store} store
   * @param {Object} actions
   * @param {(userId: string) => void} actions.switchUser
   * @param {(channelId: string) => void} actions.openChannel
   */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    this.#buildSidebar();
    this.#buildHeader();
    for (const type of ["state", "presence"]) store.addEventListener(type, () => this.paint());
    store.addEventListener("connection", () => this.#paintConnection());
    matchMedia("(max-width: 760px)").addEventListener("change", () => this.#setDrawer(false));
    this.#setDrawer(false);
  }

  /** Draw what depends on the store. */
  paint() {
    const { application, channel, channels, guild, user } = this.store;
    document.title = `#${channel?.name ?? ""} · ${guild.name}`;
    this.guildName.textContent = guild.name;
    this.channelTitle.textContent = channel?.name ?? "";
    this.channelIcon.replaceChildren(icon(channel && isDirect(channel) ? "at" : "hash"));
    this.list.replaceChildren(
      ...this.#channelGroup(
        "Text channels",
        channels.filter((entry) => !isDirect(entry)),
      ),
    );
    this.list.append(...this.#channelGroup("Direct messages", channels.filter(isDirect)));
    this.status.dataset.online = String(Boolean(application.online));
    this.statusText.textContent = `${application.name} is ${application.online ? "online" : "offline"}`;
    this.botCard.replaceChildren(
      avatar({ ...application, bot: true }, "medium"),
      h(
        "span",
        { class: "bot-text" },
        h("span", { class: "bot-name" }, application.name, h("span", { class: "tag" }, "App")),
        h("span", { class: "bot-note" }, application.online ? "Online" : "Not connected yet"),
      ),
    );
    this.botCard.dataset.online = String(Boolean(application.online));
    this.#paintUser(user);
  }

  #buildSidebar() {
    this.guildName = h("h1", { class: "guild-name" });
    this.list = h("div", { class: "channels", testid: "channel-list" });
    this.botCard = h("div", { class: "bot-card" });
    this.closeButton = h(
      "button",
      {
        type: "button",
        class: "icon-button drawer-close",
        "aria-label": "Close the channel list",
        on: { click: () => this.#setDrawer(false) },
      },
      icon("close"),
    );
    this.sidebar = h(
      "nav",
      { class: "sidebar", id: "sidebar", "aria-label": "Channels", testid: "sidebar" },
      h("div", { class: "sidebar-head" }, this.guildName, this.closeButton),
      this.list,
      this.botCard,
    );
    this.backdrop = h("div", { class: "backdrop", on: { click: () => this.#setDrawer(false) } });
    this.sidebar.addEventListener("keydown", (event) => event.key === "Escape" && this.#setDrawer(false));
  }

  #buildHeader() {
    this.opener = h(
      "button",
      {
        type: "button",
        class: "icon-button drawer-open",
        "aria-label": "Show the channel list",
        "aria-controls": "sidebar",
        "aria-expanded": "false",
        testid: "drawer-open",
        on: { click: () => this.#setDrawer(true) },
      },
      icon("menu"),
    );
    this.channelIcon = h("span", { class: "channel-icon" });
    this.channelTitle = h("h2", { class: "channel-title", testid: "channel-title" });
    this.statusText = h("span", { class: "status-text" });
    this.status = h(
      "span",
      { class: "status", role: "status", testid: "bot-status", "data-online": "false" },
      h("i", { class: "status-dot", "aria-hidden": "true" }),
      this.statusText,
    );
    this.userButton = h("button", {
      type: "button",
      class: "user-switch",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      testid: "user-switch",
    });
    this.userButton.addEventListener("click", () => this.#openUsers());
    this.header = h(
      "header",
      { class: "header" },
      this.opener,
      this.channelIcon,
      this.channelTitle,
      this.status,
      this.userButton,
    );
    this.banner = h(
      "div",
      { class: "banner", role: "status", hidden: true, testid: "connection-lost" },
      h("span", { class: "spinner", "aria-hidden": "true" }),
      "Connection lost. Connecting again…",
    );
  }

  #channelGroup(title, channels) {
    if (!channels.length) return [];
    return [
      h("div", { class: "sidebar-title" }, title),
      h(
        "ul",
        {},
        channels.map((channel) => this.#channelItem(channel)),
      ),
    ];
  }

  #channelItem(channel) {
    const current = channel.id === this.store.channelId;
    const button = h(
      "button",
      {
        type: "button",
        class: `channel${this.store.unread.has(channel.id) ? " is-unread" : ""}`,
        "aria-current": current ? "page" : null,
        testid: "channel",
        "data-channel-id": channel.id,
      },
      icon(isDirect(channel) ? "at" : "hash"),
      h("span", { class: "channel-name" }, channel.name),
      channel.nsfw && h("span", { class: "channel-tag", title: "Age-restricted channel" }, "18+"),
    );
    button.addEventListener("click", () => {
      this.#setDrawer(false);
      this.actions.openChannel(channel.id);
    });
    return h("li", {}, button);
  }

  #paintUser(user) {
    const role = user?.moderator ? "Moderator" : "Member";
    this.userButton.setAttribute("aria-label", `You are ${user?.display_name}, ${role}. Switch user`);
    this.userButton.dataset.userId = user?.id ?? "";
    this.userButton.replaceChildren(
      avatar({ id: user?.id ?? "0", name: user?.display_name ?? "?", color: user?.avatar_color }, "small"),
      h(
        "span",
        { class: "user-text" },
        h("span", { class: "user-name" }, user?.display_name ?? ""),
        h("span", { class: `user-role${user?.moderator ? " is-moderator" : ""}` }, role),
      ),
      icon("chevron"),
    );
  }

  #openUsers() {
    const items = this.store.people.map((user) => ({
      label: user.display_name,
      description: user.moderator ? "Moderator" : "Member",
      lead: avatar({ id: user.id, name: user.display_name, color: user.avatar_color }, "small"),
      checked: user.id === this.store.userId,
      testid: `user-${user.username}`,
      onSelect: () => user.id !== this.store.userId && this.actions.switchUser(user.id),
    }));
    openMenu(this.userButton, {
      label: "Act as",
      align: "end",
      groups: [{ title: "See the channel as", items }],
    });
  }

  #setDrawer(open) {
    const narrow = matchMedia("(max-width: 760px)").matches;
    const wasOpen = this.sidebar.classList.contains("is-open");
    this.sidebar.classList.toggle("is-open", open);
    this.backdrop.classList.toggle("is-open", open);
    this.opener.setAttribute("aria-expanded", String(open));
    this.sidebar.toggleAttribute("inert", narrow && !open);
    if (open) this.closeButton.focus();
    else if (wasOpen) this.opener.focus();
  }

  #paintConnection() {
    this.banner.hidden = this.store.connected;
  }
}
