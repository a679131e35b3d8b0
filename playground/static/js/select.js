/** A select menu with descriptions, for one value or several. */

import { h, uniqueId } from "./dom.js";
import { icon } from "./icons.js";
import { place } from "./popup.js";

/**
 * Build a select menu.
 *
 * With `max` 1 a choice commits at once; with more, closing the list commits.
 *
 * @param {Object} settings
 * @param {{label: string, value: string, description?: string, emoji?: Object}[]} settings.options
 * @param {string} settings.placeholder
 * @param {number} settings.min
 * @param {number} settings.max
 * @param {boolean} [settings.disabled]
 * @param {string[]} [settings.selected]
 * @param {string} [settings.labelledBy]
 * @param {(values: string[]) => void} [settings.onCommit]
 * @returns {{element: HTMLElement, getValues: () => string[], setBusy: (busy: boolean) => void, focus: () => void}}
 */
export function createSelect({
  options,
  placeholder,
  min,
  max,
  disabled,
  selected = [],
  labelledBy,
  onCommit = () => {},
}) {
  let values = [...selected];
  const listId = uniqueId("select-list");
  const label = h("span", { class: "select-label" });
  const opener = h(
    "button",
    {
      type: "button",
      class: "select-button",
      role: "combobox",
      disabled,
      "aria-haspopup": "listbox",
      "aria-expanded": "false",
      "aria-controls": listId,
      popovertarget: listId,
      "aria-labelledby": labelledBy,
      testid: "select-open",
    },
    label,
    icon("chevron"),
  );
  const list = h("div", {
    class: "listbox",
    id: listId,
    role: "listbox",
    popover: "auto",
    "aria-multiselectable": max > 1 ? "true" : null,
  });
  const element = h("div", { class: "select" }, opener, list);

  const paint = () => {
    const chosen = options.filter(({ value }) => values.includes(value)).map((option) => option.label);
    label.textContent = chosen.join(", ") || placeholder;
    label.classList.toggle("is-placeholder", !chosen.length);
    for (const item of list.querySelectorAll("[role=option]"))
      item.setAttribute("aria-selected", String(values.includes(item.dataset.value)));
  };
  const choose = (value) => {
    if (max === 1) {
      values = min === 0 && values.includes(value) ? [] : [value];
      paint();
      list.hidePopover();
      onCommit(values);
      return;
    }
    if (values.includes(value)) values = values.filter((other) => other !== value);
    else if (values.length < max) values = [...values, value];
    paint();
  };
  list.append(...options.map((option) => optionItem(option, choose)));
  opener.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    list.showPopover();
  });
  let before = "";
  list.addEventListener("toggle", (event) => {
    const open = event.newState === "open";
    opener.setAttribute("aria-expanded", String(open));
    if (open) {
      before = values.join("\n");
      place(list, opener.getBoundingClientRect(), { matchWidth: true });
      (list.querySelector("[aria-selected=true]") ?? list.querySelector("[role=option]"))?.focus();
    } else {
      if (list.contains(document.activeElement)) opener.focus();
      if (max > 1 && values.length >= min && values.join("\n") !== before) onCommit(values);
    }
  });
  list.addEventListener("keydown", (event) => moveFocus(event, list));
  paint();
  return {
    element,
    getValues: () => values,
    setBusy: (busy) =>
      busy ? opener.setAttribute("aria-busy", "true") : opener.removeAttribute("aria-busy"),
    focus: () => opener.focus(),
  };
}

function optionItem(option, choose) {
  const item = h(
    "div",
    {
      class: "listbox-option",
      role: "option",
      tabindex: "-1",
      "data-value": option.value,
      testid: "select-option",
    },
    h(
      "span",
      { class: "listbox-label" },
      option.emoji?.name && !option.emoji.id ? `${option.emoji.name} ` : null,
      option.label,
    ),
    option.description && h("span", { class: "listbox-description" }, option.description),
    icon("check"),
  );
  item.addEventListener("click", () => choose(option.value));
  item.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(option.value);
  });
  return item;
}

function moveFocus(event, list) {
  const items = [...list.querySelectorAll("[role=option]")];
  const at = items.indexOf(document.activeElement);
  const target = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  items[Math.max(0, Math.min(target, items.length - 1))]?.focus();
}
