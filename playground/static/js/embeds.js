/** Renders embeds: colour bar, author, title, text, fields, pictures, footer. */

import { fileNameOf, isWebAddress, ownAddress } from "./address.js";
import { cssColor } from "./avatar.js";
import { h } from "./dom.js";
import { renderInline, renderMarkdown } from "./markdown.js";
import { formatMessageTime } from "./time.js";
import { openViewer } from "./viewer.js";

/**
 * Render one embed.
 *
 * @param {Object} embed Discord embed object, attachment addresses already resolved
 * @param {import("./markdown.js").Names} names
 * @returns {HTMLElement}
 */
export function renderEmbed(embed, names) {
  const body = h(
    "div",
    { class: "embed-body" },
    embed.author?.name && h("div", { class: "embed-author" }, linked(embed.author.url, embed.author.name)),
    embed.title &&
      h(
        "div",
        { class: "embed-title", testid: "embed-title" },
        linked(embed.url, renderInline(embed.title, names)),
      ),
    embed.description &&
      h(
        "div",
        { class: "embed-description markdown", testid: "embed-description" },
        renderMarkdown(embed.description, names),
      ),
    embed.fields?.length ? fieldGrid(embed.fields, names) : null,
  );
  const node = h(
    "div",
    { class: "embed", testid: "embed" },
    body,
    isWebAddress(embed.thumbnail?.url) && embedPicture(embed.thumbnail, embed.title, "embed-thumbnail"),
    isWebAddress(embed.image?.url) && embedPicture(embed.image, embed.title, "embed-image"),
    footer(embed),
  );
  const color = embed.color ? cssColor(embed.color) : null;
  if (color) node.style.setProperty("--bar", color);
  return node;
}

function linked(url, content) {
  if (!isWebAddress(url)) return content;
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, content);
}

function fieldGrid(fields, names) {
  return h(
    "dl",
    { class: "embed-fields" },
    fields.map((field) =>
      h(
        "div",
        { class: field.inline ? "embed-field is-inline" : "embed-field", testid: "embed-field" },
        h("dt", {}, renderInline(field.name, names)),
        h("dd", { class: "markdown" }, renderMarkdown(field.value, names)),
      ),
    ),
  );
}

function embedPicture(picture, title, className) {
  const url = ownAddress(picture.url);
  const name = fileNameOf(url) || "picture.png";
  const alt = picture.description || title || name;
  const button = h(
    "button",
    {
      type: "button",
      class: `picture ${className}`,
      "aria-label": `Open ${alt} full screen`,
      on: { click: () => openViewer([{ url, name, alt }], 0) },
    },
    h("img", {
      src: url,
      alt,
      width: picture.width,
      height: picture.height,
      decoding: "async",
      testid: className,
    }),
  );
  if (picture.width && picture.height)
    button.style.setProperty("--ratio", String(picture.width / picture.height));
  return button;
}

function footer(embed) {
  const parts = [
    embed.footer?.text,
    embed.timestamp && formatMessageTime(Date.parse(embed.timestamp)),
  ].filter(Boolean);
  return parts.length ? h("div", { class: "embed-footer", testid: "embed-footer" }, parts.join(" • ")) : null;
}
