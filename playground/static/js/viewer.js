/** The full-screen picture viewer: a modal dialog with download, next and previous. */

import { showDialog } from "./dialog.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Open pictures full screen.
 *
 * @param {{url: string, name: string, alt: string, size?: number}[]} pictures
 * @param {number} index the one to show first
 */
export function openViewer(pictures, index) {
  let at = index;
  const image = h("img", { class: "viewer-image", testid: "viewer-image" });
  const name = h("span", { class: "viewer-name" });
  const download = h(
    "a",
    { class: "viewer-button", "aria-label": "Download the picture", testid: "viewer-download" },
    icon("download"),
    h("span", { class: "wide-only" }, "Download"),
  );
  const original = h(
    "a",
    {
      class: "viewer-button",
      target: "_blank",
      rel: "noopener noreferrer",
      "aria-label": "Open the picture in a new tab",
    },
    icon("external"),
  );
  const close = h(
    "button",
    { type: "button", class: "viewer-button", "aria-label": "Close", testid: "viewer-close" },
    icon("close"),
  );
  const stage = h("div", { class: "viewer-stage" }, image);
  const dialog = h(
    "dialog",
    { class: "viewer", "aria-label": "Picture", testid: "viewer" },
    h(
      "div",
      { class: "viewer-bar" },
      name,
      h("span", { class: "viewer-actions" }, download, original, close),
    ),
    stage,
  );

  const show = (next) => {
    at = (next + pictures.length) % pictures.length;
    const picture = pictures[at];
    image.src = picture.url;
    image.alt = picture.alt;
    name.textContent =
      pictures.length > 1 ? `${picture.name} (${at + 1} of ${pictures.length})` : picture.name;
    download.href = picture.url;
    download.setAttribute("download", picture.name);
    original.href = picture.url;
  };
  if (pictures.length > 1) {
    stage.prepend(step("left", "Previous picture", () => show(at - 1)));
    stage.append(step("right", "Next picture", () => show(at + 1)));
  }
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(at - 1);
    if (event.key === "ArrowRight") show(at + 1);
  });
  close.addEventListener("click", () => dialog.close());
  stage.addEventListener("click", (event) => event.target === stage && dialog.close());
  show(index);
  showDialog(dialog);
  close.focus();
}

function step(direction, label, onClick) {
  return h(
    "button",
    {
      type: "button",
      class: `viewer-step viewer-step-${direction}`,
      "aria-label": label,
      on: { click: onClick },
    },
    icon(direction),
  );
}
