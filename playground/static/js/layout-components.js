/** Renders Discord's layout components (Components V2): text, sections, galleries, containers. */

import { fileNameOf } from "./address.js";
import { cssColor } from "./avatar.js";
import { button, renderRows } from "./components.js";
import { h } from "./dom.js";
import { renderAttachments } from "./files.js";
import { renderMarkdown } from "./markdown.js";

const ACTION_ROW = 1;
const BUTTON = 2;
const SECTION = 9;
const TEXT_DISPLAY = 10;
const THUMBNAIL = 11;
const MEDIA_GALLERY = 12;
const FILE = 13;
const SEPARATOR = 14;
const CONTAINER = 17;

/** @returns {boolean} whether a top-level component is one of the layout kind */
export const isLayout = ({ type }) =>
  [SECTION, TEXT_DISPLAY, MEDIA_GALLERY, FILE, SEPARATOR, CONTAINER].includes(type);

/**
 * Render a tree of layout components.
 *
 * @param {Object[]} components
 * @param {import("./components.js").ComponentContext & {names: Object, attachments: Object[]}} context
 * @returns {Node[]}
 */
export function renderLayout(components, context) {
  return components.flatMap((component) => renderOne(component, context)).filter(Boolean);
}

function renderOne(component, context) {
  switch (component.type) {
    case ACTION_ROW:
      return renderRows([component], context);
    case TEXT_DISPLAY:
      return h("div", { class: "markdown" }, renderMarkdown(component.content, context.names));
    case SECTION:
      return h(
        "div",
        { class: "layout-section" },
        h("div", {}, renderLayout(component.components, context)),
        accessory(component.accessory, context),
      );
    case MEDIA_GALLERY:
      return renderAttachments(
        component.items.map((item) => asAttachment(item.media, item.description, context)),
      );
    case FILE:
      return renderAttachments([asAttachment(component.file, null, context)]);
    case SEPARATOR:
      return h("hr", { class: component.divider === false ? "layout-gap" : "layout-rule" });
    case CONTAINER:
      return container(component, context);
    default:
      return null;
  }
}

function accessory(component, context) {
  if (component?.type === BUTTON) return button(component, context);
  if (component?.type === THUMBNAIL)
    return renderAttachments([asAttachment(component.media, component.description, context)]);
  return null;
}

function container(component, context) {
  const node = h(
    "div",
    { class: "embed layout-container" },
    h("div", { class: "embed-body" }, renderLayout(component.components, context)),
  );
  const color = component.accent_color ? cssColor(component.accent_color) : null;
  if (color) node.style.setProperty("--bar", color);
  return node;
}

function asAttachment(media, description, context) {
  const known = context.attachments.find(({ url }) => url === media.url);
  const filename = fileNameOf(media.url) || "file";
  return {
    filename,
    size: 0,
    content_type: media.content_type ?? "",
    width: media.width,
    height: media.height,
    ...known,
    url: media.url,
    description,
  };
}
