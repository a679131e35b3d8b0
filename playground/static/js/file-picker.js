/** A field for one file: by the file dialog, by drag and drop, or by paste. */

import { h } from "./dom.js";
import { formatSize } from "./files.js";
import { icon } from "./icons.js";

export const LARGEST_FILE = 10 * 1024 * 1024;

/**
 * Say what is wrong with a file's size; empty when nothing is.
 *
 * @param {File} file
 * @returns {string}
 */
export function fileError(file) {
  return file.size > LARGEST_FILE
    ? `${file.name} is ${formatSize(file.size)}; files may have at most 10 MB.`
    : "";
}

/**
 * Build a file field.
 *
 * @param {{id: string, describedBy?: string, testid: string, accept?: string}} settings
 * @returns {{element: HTMLElement, read: () => Object, setFile: (file: File|null) => void, focus: () => void}}
 */
export function filePicker({ id, describedBy, testid, accept }) {
  let file = null;
  const input = h("input", {
    id,
    type: "file",
    class: "visually-hidden file-input",
    accept,
    "aria-describedby": describedBy,
    testid,
  });
  const label = h("span", { class: "file-field-label" });
  const clear = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": "Remove the file",
      hidden: true,
      testid: "file-clear",
    },
    icon("close"),
  );
  const face = h("label", { class: "file-face", for: id }, icon("upload"), label);
  const element = h("div", { class: "file-field" }, input, face, clear);

  const setFile = (next) => {
    file = next;
    label.replaceChildren(
      ...(file
        ? [h("b", {}, file.name), ` ${formatSize(file.size)}`]
        : ["Drop a file here or ", h("u", {}, "choose one")]),
    );
    element.classList.toggle("has-file", Boolean(file));
    clear.hidden = !file;
    element.dispatchEvent(new Event("change", { bubbles: true }));
  };
  input.addEventListener("change", () => {
    if (input.files[0]) setFile(input.files[0]);
    input.value = "";
  });
  clear.addEventListener("click", () => {
    setFile(null);
    input.focus();
  });
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    element.classList.add("is-over");
  });
  element.addEventListener("dragleave", () => element.classList.remove("is-over"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    element.classList.remove("is-over");
    if (event.dataTransfer.files[0]) setFile(event.dataTransfer.files[0]);
  });
  setFile(null);
  return {
    element,
    setFile,
    focus: () => input.focus(),
    read: () => {
      if (!file) return { empty: true };
      const error = fileError(file);
      return error ? { error } : { file };
    },
  };
}
