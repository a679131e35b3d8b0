/** Rows that only this page knows: a command on its way, and one that failed. */

import { avatar } from "./avatar.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { snowflakeNow } from "./time.js";

/** A local row of the message list. */
export class NoticeView {
  /**
   * @param {Object} settings
   * @param {{id: string, name: string, color?: string|number}} settings.person who acted
   * @param {string} settings.command what they used, as it is shown
   * @param {string} settings.application the bot's name
   * @param {() => void} settings.onDismiss
   */
  constructor({ person, command, application, onDismiss }) {
    this.id = snowflakeNow();
    this.onDismiss = onDismiss;
    this.body = h(
      "div",
      { class: "notice-body" },
      h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
      `Sending to ${application}…`,
    );
    this.element = h(
      "li",
      { class: "message notice", testid: "notice", "data-state": "pending" },
      h(
        "div",
        { class: "message-reply" },
        h(
          "div",
          { class: "reply-line" },
          avatar(person, "tiny"),
          h("b", {}, person.name),
          " used ",
          h("span", { class: "reply-command" }, command),
        ),
      ),
      this.body,
    );
  }

  /**
   * Turn the row into a failure.
   *
   * @param {string} message
   */
  fail(message) {
    this.element.dataset.state = "failed";
    const dismiss = h(
      "button",
      { type: "button", class: "link-button", testid: "notice-dismiss", on: { click: this.onDismiss } },
      "Dismiss message",
    );
    this.body.setAttribute("role", "alert");
    this.body.replaceChildren(
      h("span", { class: "notice-failure" }, icon("warning"), message),
      h(
        "span",
        { class: "only-you" },
        icon("eye"),
        "Only you can see this",
        h("span", { "aria-hidden": "true" }, "•"),
        dismiss,
      ),
    );
  }
}
