/** Takes files that are dropped anywhere on the page, and says where they will go. */

import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Watch the page for dragged files.
 *
 * @param {() => string} target in words, where a file would go now
 * @param {(files: File[]) => void} onFiles
 * @returns {HTMLElement} the overlay
 */
export function watchDrops(target, onFiles) {
  const label = h("span");
  const overlay = h(
    "div",
    { class: "drop-overlay", hidden: true, testid: "drop-overlay" },
    h("div", { class: "drop-card" }, icon("upload"), label),
  );
  let depth = 0;
  const hasFiles = (event) =>
    event.dataTransfer?.types.includes("Files") && !document.querySelector("dialog[open]");
  const hide = () => {
    depth = 0;
    overlay.hidden = true;
  };
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    label.textContent = target();
    overlay.hidden = false;
  });
  addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) hide();
  });
  addEventListener("dragover", (event) => event.preventDefault());
  // In the capture phase: a field that takes the file itself stops the event further down.
  addEventListener("drop", hide, { capture: true });
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (hasFiles(event)) onFiles([...event.dataTransfer.files]);
  });
  return overlay;
}
