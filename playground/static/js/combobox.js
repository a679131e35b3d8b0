/** A text field with a list of suggestions, after the ARIA combobox pattern. */

import { h, uniqueId } from "./dom.js";
import { place } from "./popup.js";

const MOST_SUGGESTIONS = 25;

/**
 * Build a combobox.
 *
 * @param {Object} settings
 * @param {string} settings.id id of the input, for its label
 * @param {string} [settings.placeholder]
 * @param {string} [settings.inputMode]
 * @param {string} [settings.describedBy]
 * @param {number} [settings.pauseMs] how long typing must rest before suggestions are loaded
 * @param {(query: string) => (Object[]|Promise<Object[]>)} settings.load suggestions
 *     `{name, value, description?}` for what was typed; rejects when there are none to have
 * @returns {{element: HTMLElement, input: HTMLInputElement, chosen: () => (Object|null), set: (choice: Object) => void}}
 */
export function createCombobox({ id, placeholder, inputMode, describedBy, pauseMs = 0, load }) {
  const listId = uniqueId("suggestions");
  const input = h("input", {
    id,
    type: "text",
    class: "field-input",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    placeholder,
    inputmode: inputMode,
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": listId,
    "aria-describedby": describedBy,
    testid: "option-input",
  });
  const list = h("div", {
    class: "listbox",
    id: listId,
    role: "listbox",
    popover: "manual",
    "aria-label": "Suggestions",
    testid: "suggestions",
  });
  const element = h("div", { class: "combobox" }, input, list);
  const state = { choice: null, items: [], active: -1, turn: 0, timer: 0 };

  const isOpen = () => list.matches(":popover-open");
  const close = () => {
    state.turn += 1;
    clearTimeout(state.timer);
    if (isOpen()) list.hidePopover();
    input.setAttribute("aria-expanded", "false");
    activate(-1);
  };
  const open = () => {
    if (!isOpen()) list.showPopover();
    input.setAttribute("aria-expanded", "true");
    // The form stands at the window's foot: upwards a list hides nothing that comes next.
    place(list, element.getBoundingClientRect(), { matchWidth: true, upward: true });
  };
  const activate = (index) => {
    state.active = index;
    [...list.querySelectorAll("[role=option]")].forEach((node, at) => {
      node.setAttribute("aria-selected", String(at === index));
      if (at === index) node.scrollIntoView({ block: "nearest" });
    });
    const node = list.querySelectorAll("[role=option]")[index];
    if (node) input.setAttribute("aria-activedescendant", node.id);
    else input.removeAttribute("aria-activedescendant");
  };
  const set = (choice) => {
    state.choice = choice;
    input.value = choice.name;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    close();
  };
  const paint = (items) => {
    state.items = items.slice(0, MOST_SUGGESTIONS);
    list.replaceChildren(...state.items.map((item) => suggestion(item, () => set(item))));
    if (!state.items.length) list.append(h("div", { class: "listbox-empty" }, "No options match"));
    open();
    activate(state.items.length && input.value ? 0 : -1);
  };
  const refresh = async (typed) => {
    state.turn += 1;
    const turn = state.turn;
    input.setAttribute("aria-busy", "true");
    try {
      const items = await load(typed);
      if (turn === state.turn && document.activeElement === input) paint(items);
    } catch (error) {
      if (turn !== state.turn) return;
      list.replaceChildren(h("div", { class: "listbox-empty" }, error.message || "Loading options failed"));
      open();
    } finally {
      if (turn === state.turn) input.removeAttribute("aria-busy");
    }
  };
  const later = (typed) => {
    clearTimeout(state.timer);
    state.timer = setTimeout(() => refresh(typed), pauseMs);
  };

  input.addEventListener("focus", () => later(state.choice ? "" : input.value));
  input.addEventListener("click", () => isOpen() || later(state.choice ? "" : input.value));
  input.addEventListener("blur", close);
  input.addEventListener("input", () => {
    state.choice = null;
    later(input.value);
  });
  input.addEventListener("keydown", (event) => {
    if (!isOpen()) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") later("");
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && state.items.length) {
      event.preventDefault();
      activate(
        (state.active + step + state.items.length + (state.active < 0 && step < 0 ? 1 : 0)) %
          state.items.length,
      );
    } else if ((event.key === "Enter" || event.key === "Tab") && state.active >= 0) {
      if (event.key === "Enter") event.preventDefault();
      event.stopPropagation();
      set(state.items[state.active]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  return { element, input, chosen: () => state.choice, set };
}

function suggestion(item, onChoose) {
  const node = h(
    "div",
    {
      class: "listbox-option",
      id: uniqueId("suggestion"),
      role: "option",
      "aria-selected": "false",
      testid: "suggestion",
    },
    h("span", { class: "listbox-label" }, item.name),
    item.description && h("span", { class: "listbox-description" }, item.description),
  );
  // The field keeps the focus; the list closes with its blur.
  node.addEventListener("pointerdown", (event) => event.preventDefault());
  node.addEventListener("click", onChoose);
  return node;
}
