/** Shows a bot's modal and sends it; it stays open, with what was typed, until it is answered. */

import { avatar } from "./avatar.js";
import { showDialog } from "./dialog.js";
import { h, uniqueId } from "./dom.js";
import { icon } from "./icons.js";
import { modalFields } from "./modal-fields.js";

/**
 * Open a modal.
 *
 * @param {{interaction_id: string, custom_id: string, title: string, components: Object[]}} modal
 * @param {Object} context
 * @param {{id: string, name: string}} context.application
 * @param {import("./markdown.js").Names} context.names
 * @param {(kind: string) => Object[]} context.entities
 * @param {(values: Object, files: File[]) => Promise<string|null>} context.submit
 *     resolves with null once answered, or with why it was not
 */
export function openModal(modal, context) {
  const fields = modalFields(modal.components, context);
  const titleId = uniqueId("modal-title");
  const error = h("p", { class: "form-error", role: "alert", testid: "modal-error" });
  const submit = h(
    "button",
    { type: "submit", class: "button button-primary", testid: "modal-submit" },
    "Submit",
  );
  const cancel = h(
    "button",
    { type: "button", class: "button button-quiet", testid: "modal-cancel" },
    "Cancel",
  );
  const close = h(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", testid: "modal-close" },
    icon("close"),
  );
  const form = h(
    "form",
    { class: "modal-form", novalidate: true },
    h(
      "header",
      { class: "modal-head" },
      avatar({ ...context.application, bot: true }, "small"),
      h("h2", { id: titleId, testid: "modal-title" }, modal.title),
      close,
    ),
    h(
      "div",
      { class: "modal-body" },
      fields.map(({ element }) => element),
      h("p", { class: "modal-note" }, `What you submit goes to ${context.application.name}.`),
    ),
    error,
    h("footer", { class: "modal-foot" }, cancel, submit),
  );
  const dialog = h(
    "dialog",
    { class: "modal", "aria-labelledby": titleId, testid: "modal", "data-custom-id": modal.custom_id },
    form,
  );

  const setBusy = (busy) => {
    submit.disabled = busy;
    if (busy) submit.setAttribute("aria-busy", "true");
    else submit.removeAttribute("aria-busy");
  };
  const send = async () => {
    const read = readAll(fields);
    if (!read || submit.disabled) return;
    error.replaceChildren();
    setBusy(true);
    const failure = await context.submit(read.values, read.files);
    setBusy(false);
    if (failure) error.replaceChildren(icon("warning"), failure);
    else dialog.close();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
  });
  cancel.addEventListener("click", () => dialog.close());
  close.addEventListener("click", () => dialog.close());
  showDialog(dialog);
  fields.find(({ focus }) => focus)?.focus();
}

function readAll(fields) {
  const values = {};
  const files = [];
  let firstWrong = null;
  for (const field of fields.filter(({ read }) => read)) {
    const result = field.read();
    if (result.error) firstWrong ??= field;
    else if (result.files) values[field.customId] = result.files.map((file) => files.push(file) - 1);
    else values[field.customId] = result.value;
  }
  firstWrong?.focus();
  return firstWrong ? null : { values, files };
}
