/** Renders buttons and select menus of a message; they wait visibly and never twice. */

import { h } from "./dom.js";
import { createSelect } from "./select.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };
const BUTTON = 2;
const SELECTS = { 3: "string", 5: "user", 6: "role", 7: "mentionable", 8: "channel" };

/**
 * @typedef {Object} ComponentContext
 * @property {(customId: string, values?: string[]) => Promise<void>} act resolves when answered
 * @property {(type: string) => {label: string, value: string}[]} entities users, channels, roles
 */

/**
 * Render a message's action rows.
 *
 * @param {Object[]} rows
 * @param {ComponentContext} context
 * @returns {Node[]}
 */
export function renderRows(rows, context) {
  return rows
    .filter(({ components }) => components?.length)
    .map((row) =>
      h(
        "div",
        { class: "action-row", testid: "action-row" },
        row.components.map((component) => renderControl(component, context)),
      ),
    );
}

function renderControl(component, context) {
  if (component.type === BUTTON) return button(component, context);
  if (SELECTS[component.type]) return selectMenu(component, context);
  return null;
}

/**
 * Render an emoji of a component as text.
 *
 * @param {{id?: string, name?: string}|undefined} emoji
 * @returns {HTMLElement|null}
 */
export function emojiText(emoji) {
  if (!emoji?.name) return null;
  return h("span", { class: "emoji", "aria-hidden": "true" }, emoji.id ? `:${emoji.name}:` : emoji.name);
}

/**
 * Render a button component.
 *
 * @param {Object} component
 * @param {ComponentContext} context
 * @returns {HTMLElement}
 */
export function button(component, context) {
  const style = STYLES[component.style] ?? "secondary";
  const label = [emojiText(component.emoji), component.label && h("span", {}, component.label)];
  if (style === "link") {
    const safe = /^https?:\/\//i.test(component.url ?? "") ? component.url : null;
    return h(
      "a",
      {
        class: "button button-link",
        href: safe,
        target: "_blank",
        rel: "noopener noreferrer nofollow",
        testid: "component-button",
      },
      label,
    );
  }
  const node = h(
    "button",
    {
      type: "button",
      class: `button button-${style}`,
      disabled: component.disabled,
      "aria-label": component.label ? null : component.emoji?.name,
      "data-custom-id": component.custom_id,
      "data-focus-key": component.custom_id,
      testid: "component-button",
    },
    label,
  );
  node.addEventListener("click", async () => {
    if (node.getAttribute("aria-busy") === "true") return;
    node.setAttribute("aria-busy", "true");
    await context.act(component.custom_id);
    node.removeAttribute("aria-busy");
  });
  return node;
}

function selectMenu(component, context) {
  const kind = SELECTS[component.type];
  const options = kind === "string" ? component.options : context.entities(kind);
  const select = createSelect({
    options,
    placeholder: component.placeholder || "Make a selection",
    min: component.min_values ?? 1,
    max: component.max_values ?? 1,
    disabled: component.disabled,
    selected: (component.options ?? []).filter((option) => option.default).map(({ value }) => value),
    onCommit: async (values) => {
      select.setBusy(true);
      await context.act(component.custom_id, values);
      select.setBusy(false);
    },
  });
  select.element.dataset.customId = component.custom_id;
  select.element.dataset.testid = "component-select";
  return select.element;
}
