/**
 * The inputs of a bot's modal: text fields, selects, file uploads, choices.
 *
 * Every field is `{element, customId, read, focus}`; `read()` answers `{value}`, `{files}`
 * or `{error}`. Fields stand in an action row (the classic way) or in a label (type 18).
 */

import { h, uniqueId } from "./dom.js";
import { filePicker } from "./file-picker.js";
import { renderMarkdown } from "./markdown.js";
import { createSelect } from "./select.js";

const ACTION_ROW = 1;
const TEXT_INPUT = 4;
const TEXT_DISPLAY = 10;
const LABEL = 18;
const FILE_UPLOAD = 19;
const RADIO_GROUP = 21;
const CHECKBOX_GROUP = 22;
const CHECKBOX = 23;
const SELECTS = { 3: "string", 5: "user", 6: "role", 7: "mentionable", 8: "channel" };
const PARAGRAPH = 2;
const LONGEST_TEXT = 4000;

/**
 * Build the fields of a modal in order.
 *
 * @param {Object[]} components
 * @param {{names: Object, entities: (kind: string) => Object[]}} context
 * @returns {{element: HTMLElement, customId?: string, read?: () => Object, focus?: () => void}[]}
 */
export function modalFields(components, context) {
  return components.flatMap((component) => {
    if (component.type === TEXT_DISPLAY)
      return [{ element: h("div", { class: "markdown" }, renderMarkdown(component.content, context.names)) }];
    if (component.type === LABEL)
      return [field(component.component, component.label, component.description, context)];
    if (component.type === ACTION_ROW)
      return component.components.map((inner) => field(inner, inner.label, null, context));
    return [];
  });
}

function field(component, label, description, context) {
  const ids = {
    input: uniqueId("modal-input"),
    label: uniqueId("modal-label"),
    hint: uniqueId("modal-hint"),
    error: uniqueId("modal-error"),
  };
  const control = createControl(component, ids, context);
  const error = h("p", { class: "field-error", id: ids.error, role: "alert", testid: "modal-field-error" });
  const required = isRequired(component);
  const element = h(
    "div",
    { class: "modal-field", testid: "modal-field", "data-custom-id": component.custom_id },
    h(
      "label",
      { class: "modal-label", id: ids.label, for: ids.input },
      label ?? "",
      required && h("span", { class: "required", "aria-hidden": "true" }, " *"),
    ),
    h("p", { class: "modal-hint", id: ids.hint, hidden: !description }, description ?? ""),
    control.element,
    error,
  );
  const show = (message) => {
    error.textContent = message;
    element.classList.toggle("is-invalid", Boolean(message));
  };
  element.addEventListener("input", () => show(""));
  element.addEventListener("change", () => show(""));
  return {
    element,
    customId: component.custom_id,
    focus: control.focus,
    read: () => {
      const result = control.read(required);
      show(result.error ?? "");
      return result;
    },
  };
}

function isRequired(component) {
  return component.type === CHECKBOX ? false : component.required !== false;
}

function createControl(component, ids, context) {
  if (component.type === TEXT_INPUT) return textInput(component, ids);
  if (SELECTS[component.type]) return selectInput(component, ids, context);
  if (component.type === FILE_UPLOAD) return fileInput(component, ids);
  if (component.type === RADIO_GROUP) return choiceGroup(component, "radio");
  if (component.type === CHECKBOX_GROUP) return choiceGroup(component, "checkbox");
  if (component.type === CHECKBOX) return checkbox(component, ids);
  return {
    element: h("p", { class: "field-error" }, "This page cannot show this kind of field."),
    read: () => ({ value: "" }),
    focus: () => {},
  };
}

function textInput(component, ids) {
  const paragraph = component.style === PARAGRAPH;
  const input = h(paragraph ? "textarea" : "input", {
    id: ids.input,
    class: `modal-input${paragraph ? " is-paragraph" : ""}`,
    type: paragraph ? null : "text",
    rows: paragraph ? "8" : null,
    placeholder: component.placeholder,
    spellcheck: "false",
    autocomplete: "off",
    "aria-describedby": `${ids.hint} ${ids.error}`,
    testid: "modal-input",
  });
  input.value = component.value ?? "";
  const max = component.max_length ?? LONGEST_TEXT;
  const counter = h("span", { class: "counter", "aria-hidden": "true" });
  const count = () => {
    const length = [...input.value].length;
    counter.textContent = `${length}/${max}`;
    counter.classList.toggle("is-over", length > max);
  };
  input.addEventListener("input", count);
  count();
  return {
    element: h("div", { class: "modal-control" }, input, counter),
    focus: () => input.focus(),
    read: (required) => readText(input.value, component, max, required),
  };
}

function readText(value, { min_length: min = 0 }, max, required) {
  const length = [...value].length;
  if (required && !value.trim()) return { error: "This field is required." };
  if (length > max) return { error: `At most ${max} characters; this has ${length}.` };
  if (length && length < min) return { error: `At least ${min} characters; this has ${length}.` };
  return { value };
}

function selectInput(component, ids, context) {
  const kind = SELECTS[component.type];
  const select = createSelect({
    options: kind === "string" ? component.options : context.entities(kind),
    placeholder: component.placeholder || "Make a selection",
    min: component.min_values ?? 1,
    max: component.max_values ?? 1,
    selected: (component.options ?? []).filter((option) => option.default).map(({ value }) => value),
    labelledBy: ids.label,
    onCommit: () => select.element.dispatchEvent(new Event("change", { bubbles: true })),
  });
  return {
    element: select.element,
    focus: select.focus,
    read: (required) => readSeveral(select.getValues(), component, required),
  };
}

function readSeveral(values, component, required) {
  const min = Math.max(component.min_values ?? 1, required ? 1 : 0);
  if ((required || values.length) && values.length < min)
    return { error: min > 1 ? `Choose at least ${min}.` : "Choose one." };
  return { value: values };
}

function fileInput(component, ids) {
  const pickers = Array.from({ length: Math.min(component.max_values ?? 1, 10) }, (_, index) =>
    filePicker({
      id: index ? `${ids.input}-${index}` : ids.input,
      describedBy: `${ids.hint} ${ids.error}`,
      testid: "modal-file",
    }),
  );
  const element = h(
    "div",
    { class: "modal-files" },
    pickers.map((picker) => picker.element),
  );
  // One empty place at a time: the next shows once the one before it is filled.
  const paint = () =>
    pickers.forEach(
      (picker, index) => (picker.element.hidden = index > 0 && Boolean(pickers[index - 1].read().empty)),
    );
  element.addEventListener("change", paint);
  paint();
  return {
    element,
    focus: pickers[0].focus,
    read: (required) => {
      const results = pickers.map((picker) => picker.read()).filter(({ empty }) => !empty);
      const wrong = results.find(({ error }) => error);
      if (wrong) return wrong;
      const min = Math.max(component.min_values ?? 1, required ? 1 : 0);
      if ((required || results.length) && results.length < min)
        return { error: min > 1 ? `Choose at least ${min} files.` : "Choose a file." };
      return { files: results.map(({ file }) => file) };
    },
  };
}

function choiceGroup(component, type) {
  const name = uniqueId("choice");
  const inputs = component.options.map((option) =>
    h("input", { type, name, value: option.value, checked: option.default, testid: "modal-choice" }),
  );
  const element = h(
    "div",
    { class: "modal-choices" },
    inputs.map((input, index) => {
      const option = component.options[index];
      return h(
        "label",
        { class: "modal-choice" },
        input,
        h("span", {}, option.label, option.description && h("small", {}, option.description)),
      );
    }),
  );
  return {
    element,
    focus: () => inputs[0]?.focus(),
    read: (required) => {
      const values = inputs.filter(({ checked }) => checked).map(({ value }) => value);
      if (type === "checkbox") return readSeveral(values, component, required);
      return required && !values.length ? { error: "Choose one." } : { value: values[0] ?? null };
    },
  };
}

function checkbox(component, ids) {
  const input = h("input", {
    type: "checkbox",
    id: ids.input,
    checked: component.default,
    testid: "modal-choice",
  });
  return {
    element: h("div", { class: "modal-choices" }, input),
    focus: () => input.focus(),
    read: () => ({ value: input.checked }),
  };
}
