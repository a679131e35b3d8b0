/** Opens menus: the apps menu of a message, the user switch. Arrow keys move, Escape closes. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { place } from "./popup.js";

/**
 * @typedef {Object} MenuItem
 * @property {string} label
 * @property {string} [description]
 * @property {Node} [lead] what stands before the label
 * @property {string} [icon]
 * @property {boolean} [checked] makes it a choice of one
 * @property {boolean} [danger]
 * @property {string} [testid]
 * @property {() => void} onSelect
 */

/**
 * Open a menu at an element or a point; the element gets the focus back.
 *
 * @param {HTMLElement} owner the button that opened it
 * @param {{label: string, groups: {title?: string, items: MenuItem[]}[], at?: {x: number, y: number}, align?: "start"|"end"}} menu
 */
export function openMenu(owner, { label, groups, at, align }) {
  const node = h("div", {
    class: "menu",
    role: "menu",
    "aria-label": label,
    popover: "auto",
    testid: "menu",
  });
  for (const { title, items } of groups.filter((group) => group.items.length)) {
    if (node.childElementCount) node.append(h("div", { class: "menu-rule", role: "separator" }));
    if (title) node.append(h("div", { class: "menu-title" }, title));
    node.append(...items.map((item) => menuItem(item, node)));
  }
  node.addEventListener("keydown", (event) => moveFocus(event, node));
  node.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    const hadFocus = node.contains(document.activeElement) || document.activeElement === document.body;
    node.remove();
    owner.setAttribute("aria-expanded", "false");
    if (hadFocus && owner.isConnected) owner.focus();
  });
  document.body.append(node);
  node.showPopover();
  owner.setAttribute("aria-expanded", "true");
  const anchor = at
    ? { left: at.x, right: at.x, top: at.y, bottom: at.y, width: 0 }
    : owner.getBoundingClientRect();
  place(node, anchor, { align });
  (node.querySelector('[aria-checked="true"]') ?? node.querySelector("button"))?.focus();
}

function menuItem(item, menu) {
  const choice = item.checked !== undefined;
  return h(
    "button",
    {
      type: "button",
      class: `menu-item${item.danger ? " is-danger" : ""}`,
      role: choice ? "menuitemradio" : "menuitem",
      "aria-checked": choice ? String(item.checked) : null,
      tabindex: "-1",
      testid: item.testid ?? "menu-item",
      on: {
        click: () => {
          menu.hidePopover();
          item.onSelect();
        },
      },
    },
    item.lead,
    h(
      "span",
      { class: "menu-text" },
      h("span", { class: "menu-label" }, item.label),
      item.description && h("span", { class: "menu-description" }, item.description),
    ),
    item.checked ? icon("check") : item.icon && icon(item.icon),
  );
}

function moveFocus(event, menu) {
  const items = [...menu.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement);
  const target = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab") event.preventDefault();
  if (target === undefined) return;
  event.preventDefault();
  items[(target + items.length) % items.length].focus();
}
