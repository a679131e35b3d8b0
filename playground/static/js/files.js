/** Shows attachments: a grid of pictures, cards for other files, and a size people can read. */

import { ownAddress } from "./address.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { spoiler } from "./markdown.js";
import { openViewer } from "./viewer.js";

const PREVIEW_BYTES = 64 * 1024;
const TEXT_NAME = /\.(xml|txt|json|md|log|csv|ya?ml)$/i;
const PICTURE_TYPE = /^image\/(png|jpeg|gif|webp|avif)$/;

/**
 * Write a size in bytes as people read it.
 *
 * @param {number} bytes
 * @returns {string}
 */
export function formatSize(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(bytes < 10240 ? 1 : 0)} KB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

/**
 * Render a message's attachments.
 *
 * @param {Object[]} attachments Discord attachment objects
 * @returns {Node[]}
 */
export function renderAttachments(attachments) {
  const pictures = attachments.filter(isPicture);
  const others = attachments.filter((attachment) => !isPicture(attachment));
  const nodes = [];
  if (pictures.length) nodes.push(pictureGrid(pictures));
  for (const attachment of others) nodes.push(fileCard(attachment));
  return nodes;
}

function isPicture({ content_type: type, filename, width }) {
  return (
    PICTURE_TYPE.test((type ?? "").split(";")[0]) ||
    (Boolean(width) && /\.(png|jpe?g|gif|webp|avif)$/i.test(filename))
  );
}

function pictureGrid(pictures) {
  const shown = pictures.map((attachment) => ({
    url: ownAddress(attachment.url),
    name: attachment.filename,
    alt: attachment.description || attachment.filename,
    size: attachment.size,
  }));
  const grid = h("div", { class: `pictures pictures-${Math.min(pictures.length, 4)}` });
  pictures.forEach((attachment, index) => grid.append(picture(attachment, shown, index)));
  return grid;
}

function picture(attachment, shown, index) {
  const image = h("img", {
    src: shown[index].url,
    alt: shown[index].alt,
    width: attachment.width,
    height: attachment.height,
    decoding: "async",
    testid: "attachment-image",
  });
  const button = h(
    "button",
    {
      type: "button",
      class: "picture",
      "aria-label": `Open ${shown[index].alt} full screen`,
      testid: "attachment-open",
      on: { click: ({ currentTarget }) => openShown(currentTarget, shown, index) },
    },
    image,
  );
  const node = attachment.filename.startsWith("SPOILER_") ? spoiler(button) : button;
  if (attachment.width && attachment.height)
    node.style.setProperty("--ratio", String(attachment.width / attachment.height));
  return node;
}

/** Open the viewer with the pictures of a grid that are no spoilers any more. */
function openShown(button, shown, index) {
  const buttons = [...button.closest(".pictures").querySelectorAll(".picture")];
  const isOpen = (at) => !buttons[at].closest(".spoiler:not(.is-shown)");
  const open = shown.filter((_, at) => isOpen(at));
  openViewer(open, open.indexOf(shown[index]));
}

function fileCard(attachment) {
  const card = h(
    "div",
    { class: "file-card", testid: "attachment-file", "data-filename": attachment.filename },
    h("span", { class: "file-icon" }, icon("file")),
    h(
      "span",
      { class: "file-text" },
      h(
        "a",
        { href: ownAddress(attachment.url), download: attachment.filename, class: "file-name" },
        attachment.filename,
      ),
      h("span", { class: "file-size" }, formatSize(attachment.size)),
    ),
  );
  if (!isReadable(attachment)) return card;
  const preview = h("pre", { class: "file-preview", hidden: true, tabindex: "0" });
  const toggle = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-expanded": "false",
      "aria-label": `Show the text of ${attachment.filename}`,
      testid: "attachment-preview",
    },
    icon("eye"),
  );
  toggle.addEventListener("click", () => togglePreview(toggle, preview, ownAddress(attachment.url)));
  card.append(toggle);
  return h("div", { class: "file" }, card, preview);
}

function isReadable({ content_type: type, filename, size }) {
  return size <= PREVIEW_BYTES && (TEXT_NAME.test(filename) || /^text\//.test(type ?? ""));
}

async function togglePreview(toggle, preview, url) {
  const open = preview.hidden;
  toggle.setAttribute("aria-expanded", String(open));
  preview.hidden = !open;
  if (!open || preview.textContent) return;
  try {
    const response = await fetch(url);
    preview.textContent = response.ok ? await response.text() : "This file is gone.";
  } catch {
    preview.textContent = "The file could not be read.";
  }
}
