/**
 * The list of messages: order, groups, days, and where it is scrolled to.
 *
 * At the bottom it follows new messages; scrolled up it stays where the reader is and
 * offers a way down. Only the newest messages are drawn, older ones when one scrolls up
 * to them: a channel can hold thousands.
 */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { MessageView } from "./message.js";
import { NoticeView } from "./notices.js";
import { compareIds, formatTime } from "./time.js";

const NEAR_BOTTOM_PX = 96;
const NEAR_TOP_PX = 600;
const PAGE = 60;

/** The scrolling list and its rows. */
export class MessageList {
  /**
   * @param {Object} context see MessageView; `store` and `names` are used here as well
   * @param {HTMLElement} beginning what stands above the first message
   */
  constructor(context, beginning) {
    this.store = context.store;
    this.context = { ...context, jumpTo: (id) => this.jumpTo(id) };
    this.views = new Map();
    this.notices = [];
    this.limit = PAGE;
    this.beginning = beginning;
    this.list = h("ol", {
      class: "messages",
      role: "log",
      "aria-label": "Messages",
      "aria-live": "polite",
      "aria-relevant": "additions",
      testid: "message-list",
    });
    this.scroller = h(
      "div",
      { class: "scroller", tabindex: "0", role: "region", "aria-label": "Channel history" },
      h("div", { class: "scroller-inner" }, beginning, this.list),
    );
    this.jump = h(
      "button",
      { type: "button", class: "jump", hidden: true, testid: "jump-to-present" },
      h("span"),
      icon("down"),
    );
    this.element = h("div", { class: "history" }, this.scroller, this.jump);
    this.unseen = 0;
    this.following = true;
    this.jump.addEventListener("click", () => this.toBottom());
    this.scroller.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    new ResizeObserver(() => this.following && this.toBottom()).observe(this.scroller.firstElementChild);
    new ResizeObserver(() => this.following && this.toBottom()).observe(this.scroller);
  }

  /** Show the store's messages from scratch; rows that stay keep their nodes. */
  reload() {
    const all = this.store.orderedMessages;
    const messages = all.slice(-this.limit);
    this.beginning.hidden = messages.length < all.length;
    const kept = new Set(messages.map(({ id }) => id));
    for (const id of this.views.keys()) if (!kept.has(id)) this.views.delete(id);
    for (const message of messages) this.#show(message);
    this.#arrange();
    if (this.following) this.toBottom();
  }

  /**
   * Show that one message came, changed or went.
   *
   * @param {string} id
   */
  refresh(id) {
    const message = this.store.messages.get(id);
    if (!message || this.views.has(id)) {
      if (message) this.#show(message);
      else this.views.delete(id);
      this.#arrange();
    } else {
      // Who reads further up keeps all that is drawn; at the bottom the oldest make room.
      if (!this.following) this.limit += 1;
      this.reload();
      if (!this.following) this.#countUnseen();
    }
    if (this.following) this.toBottom();
  }

  /**
   * Add a row for a command that was sent just now.
   *
   * @param {string} command
   * @returns {{fail: (message: string) => void, remove: () => void}}
   */
  addNotice(command) {
    const remove = () => {
      this.notices = this.notices.filter((other) => other !== notice);
      this.#arrange();
    };
    const person = this.store.person({ id: this.store.userId });
    const notice = new NoticeView({
      person,
      command,
      application: this.store.application.name,
      onDismiss: remove,
    });
    this.notices.push(notice);
    this.#arrange();
    this.toBottom();
    return { fail: (message) => notice.fail(message), remove };
  }

  /** Show what time alone changes. */
  tick() {
    for (const view of this.views.values()) view.tick();
  }

  /** Forget local rows and unseen counts, as when another user looks. */
  reset() {
    this.notices = [];
    this.views.clear();
    this.limit = PAGE;
    this.following = true;
  }

  /**
   * Scroll to a message and mark it for a moment.
   *
   * @param {string} id
   */
  jumpTo(id) {
    if (!this.views.has(id) && this.store.messages.has(id)) {
      this.limit =
        this.store.orderedMessages.filter((message) => compareIds(message.id, id) >= 0).length + PAGE;
      this.reload();
    }
    const element = this.views.get(id)?.element;
    if (!element) return;
    this.following = false;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    element.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
    element.classList.remove("is-target");
    void element.offsetWidth; // Restarts the animation when the same message is asked for again.
    element.classList.add("is-target");
  }

  /** Scroll to the newest message. */
  toBottom() {
    // An empty channel starts with its welcome, whatever the composer takes of the window.
    const isEmpty = !this.views.size && !this.notices.length;
    this.scroller.scrollTop = isEmpty ? 0 : this.scroller.scrollHeight;
    this.following = true;
    this.unseen = 0;
    this.jump.hidden = true;
  }

  #show(message) {
    const view = this.views.get(message.id);
    if (view) view.update(message);
    else this.views.set(message.id, new MessageView(message, this.context));
  }

  #arrange() {
    const rows = [...this.views.values()].map((view) => ({
      id: view.message.id,
      view,
      element: view.element,
    }));
    rows.push(...this.notices.map((notice) => ({ id: notice.id, element: notice.element })));
    rows.sort((a, b) => compareIds(a.id, b.id));
    const nodes = [];
    let above;
    let day = "";
    for (const row of rows) {
      const today = row.view ? new Date(row.view.message.timestamp).toDateString() : day;
      const newDay = today !== day;
      if (newDay) nodes.push(this.#dayRule(today, row.view.message.timestamp));
      row.view?.groupWith(newDay ? undefined : above);
      nodes.push(row.element);
      above = row.view;
      day = today;
    }
    place(this.list, nodes);
  }

  #dayRule(day, timestamp) {
    const existing = this.list.querySelector(`[data-day="${CSS.escape(day)}"]`);
    return (
      existing ??
      h(
        "li",
        { class: "day-rule", role: "separator", "data-day": day },
        h("span", {}, formatTime(Date.parse(timestamp), "D")),
      )
    );
  }

  #onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.following = scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM_PX;
    if (this.following) this.unseen = 0;
    this.#paintJump();
    if (scrollTop < NEAR_TOP_PX && this.beginning.hidden) this.#showOlder();
  }

  #showOlder() {
    const { scrollHeight, scrollTop } = this.scroller;
    this.limit += PAGE;
    this.following = false;
    this.reload();
    this.scroller.scrollTop = scrollTop + this.scroller.scrollHeight - scrollHeight;
  }

  #countUnseen() {
    this.unseen += 1;
    this.#paintJump();
  }

  #paintJump() {
    this.jump.hidden = this.following;
    this.jump.firstElementChild.textContent = this.unseen
      ? `${this.unseen} new message${this.unseen === 1 ? "" : "s"}`
      : "Jump to present";
  }
}

/** Bring a list's children into this order while moving as few nodes as possible. */
function place(list, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, index) => {
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  });
}
