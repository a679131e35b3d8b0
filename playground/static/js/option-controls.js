/**
 * One input control per type of command option.
 *
 * Every control is `{element, read, focus, fill}`. `read()` answers `{empty: true}`,
 * `{value}`, `{file}` or `{error}`, the error in words for the person who typed.
 */

import { createCombobox } from "./combobox.js";
import { OPTION } from "./commands.js";
import { growWithText, h } from "./dom.js";
import { filePicker } from "./file-picker.js";

const AUTOCOMPLETE_PAUSE_MS = 200;
const LONGEST_STRING = 6000;

/**
 * Build the control for an option.
 *
 * @param {Object} option application command option
 * @param {Object} context
 * @param {string} context.id id of the input
 * @param {string} context.describedBy
 * @param {(kind: string) => Object[]} context.entities
 * @param {(option: Object, typed: string) => Promise<Object[]>} context.suggest autocomplete
 * @returns {{element: HTMLElement, read: () => Object, focus: () => void, fill: (value: *) => void}}
 */
export function createControl(option, context) {
  if (option.choices?.length) return choiceControl(option, context);
  if (option.autocomplete) return autocompleteControl(option, context);
  switch (option.type) {
    case OPTION.INTEGER:
    case OPTION.NUMBER:
      return numberControl(option, context);
    case OPTION.BOOLEAN:
      return booleanControl(option, context);
    case OPTION.USER:
      return entityControl("user", context);
    case OPTION.CHANNEL:
      return entityControl("channel", context);
    case OPTION.ROLE:
      return entityControl("role", context);
    case OPTION.MENTIONABLE:
      return entityControl("mentionable", context);
    case OPTION.ATTACHMENT:
      return attachmentControl(context);
    default:
      return textControl(option, context);
  }
}

function textControl(option, { id, describedBy }) {
  const input = h("textarea", {
    id,
    class: "field-input",
    rows: "1",
    spellcheck: "false",
    autocomplete: "off",
    "aria-describedby": describedBy,
    testid: "option-input",
  });
  input.addEventListener("input", () => growWithText(input));
  return {
    element: input,
    read: () => (input.value ? readText(input.value, option) : { empty: true }),
    focus: () => input.focus(),
    fill: (value) => {
      input.value = value;
      growWithText(input);
      // A short text is typed on; a long one is read first.
      const caret = value.includes("\n") ? 0 : value.length;
      input.setSelectionRange(caret, caret);
    },
  };
}

function readText(value, { min_length: min = 0, max_length: max = LONGEST_STRING }) {
  const length = [...value].length;
  if (length > max) return { error: `At most ${max} characters; this has ${length}.` };
  if (length < min) return { error: `At least ${min} character${min === 1 ? "" : "s"}.` };
  return { value };
}

function numberControl(option, { id, describedBy }) {
  const whole = option.type === OPTION.INTEGER;
  const input = h("input", {
    id,
    type: "text",
    class: "field-input",
    inputmode: whole ? "numeric" : "decimal",
    autocomplete: "off",
    placeholder: rangeText(option),
    "aria-describedby": describedBy,
    testid: "option-input",
  });
  return {
    element: input,
    read: () => (input.value.trim() ? readNumber(input.value.trim(), option) : { empty: true }),
    focus: () => input.focus(),
    fill: (value) => {
      input.value = String(value);
    },
  };
}

function readNumber(text, option) {
  const whole = option.type === OPTION.INTEGER;
  const pattern = whole ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  if (!pattern.test(text)) return { error: whole ? "Enter a whole number." : "Enter a number." };
  const value = Number(text);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return { error: "This number is too large." };
  const { min_value: min = -Infinity, max_value: max = Infinity } = option;
  if (value < min || value > max) return { error: `Enter a number ${rangeText(option)}.` };
  return { value };
}

function rangeText({ min_value: min, max_value: max }) {
  if (min !== undefined && max !== undefined) return `from ${min} to ${max}`;
  if (min !== undefined) return `of at least ${min}`;
  return max === undefined ? "" : `of at most ${max}`;
}

function booleanControl(_option, { id, describedBy }) {
  const radio = (value, label, index) =>
    h(
      "label",
      { class: "toggle" },
      h("input", {
        type: "radio",
        name: id,
        id: index ? null : id,
        value: String(value),
        testid: "option-input",
      }),
      h("span", {}, label),
    );
  const element = h(
    "div",
    { class: "field-toggles", role: "radiogroup", "aria-describedby": describedBy },
    radio(true, "True", 0),
    radio(false, "False", 1),
  );
  const checked = () => element.querySelector("input:checked");
  return {
    element,
    read: () => (checked() ? { value: checked().value === "true" } : { empty: true }),
    focus: () => (checked() ?? element.querySelector("input")).focus(),
    fill: (value) => {
      element.querySelector(`input[value="${Boolean(value)}"]`).checked = true;
    },
  };
}

function listControl(items, { id, describedBy }, placeholder) {
  const find = (typed) =>
    items().filter(({ name }) => name.toLowerCase().includes(typed.trim().toLowerCase()));
  const box = createCombobox({ id, describedBy, placeholder, load: find });
  const exact = () => items().find(({ name }) => name.toLowerCase() === box.input.value.trim().toLowerCase());
  return {
    element: box.element,
    read: () => {
      if (!box.input.value.trim()) return { empty: true };
      const choice = box.chosen() ?? exact();
      return choice ? { value: choice.value } : { error: "Choose one of the options in the list." };
    },
    focus: () => box.input.focus(),
    fill: (value) => {
      const choice = items().find((item) => item.value === value);
      if (choice) box.set(choice);
    },
  };
}

function choiceControl(option, context) {
  return listControl(() => option.choices, context, "Choose one");
}

function entityControl(kind, context) {
  const items = () => context.entities(kind).map(({ label, value }) => ({ name: label, value }));
  return listControl(items, context, `Choose a ${kind === "mentionable" ? "user or role" : kind}`);
}

function autocompleteControl(option, { id, describedBy, suggest }) {
  const numeric = option.type !== OPTION.STRING;
  const box = createCombobox({
    id,
    describedBy,
    placeholder: "Type to search",
    inputMode: numeric ? "decimal" : undefined,
    pauseMs: AUTOCOMPLETE_PAUSE_MS,
    load: (typed) => suggest(option, typed),
  });
  return {
    element: box.element,
    read: () => {
      const typed = box.input.value;
      if (!typed.trim()) return { empty: true };
      if (box.chosen()) return { value: box.chosen().value };
      return numeric ? readNumber(typed.trim(), option) : readText(typed, option);
    },
    focus: () => box.input.focus(),
    fill: (value) => box.set({ name: String(value), value }),
  };
}

function attachmentControl({ id, describedBy }) {
  const picker = filePicker({ id, describedBy, testid: "option-file" });
  return {
    element: picker.element,
    read: () => picker.read(),
    focus: () => picker.focus(),
    fill: (file) => picker.setFile(file),
  };
}
