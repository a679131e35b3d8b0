/** Draws a user's avatar from their colour and initials; no picture is ever loaded. */

import { h } from "./dom.js";

const BOT_HUES = [232, 268, 318, 196];

/**
 * Build an avatar.
 *
 * @param {{id: string, name: string, color?: string|number, bot?: boolean}} person
 * @param {string} [size] class suffix: "large", "small" or "tiny"
 * @returns {HTMLElement}
 */
export function avatar({ id, name, color, bot }, size = "large") {
  const node = h(
    "span",
    { class: `avatar avatar-${size}${bot ? " avatar-bot" : ""}`, "aria-hidden": "true" },
    initials(name),
  );
  node.style.setProperty("--avatar", cssColor(color) ?? `hsl(${hue(id)} 62% 62%)`);
  return node;
}

/**
 * Turn a colour of the API (number or "#rrggbb") into CSS; null when there is none.
 *
 * @param {string|number|null|undefined} color
 * @returns {string|null}
 */
export function cssColor(color) {
  if (typeof color === "number") return `#${(color & 0xffffff).toString(16).padStart(6, "0")}`;
  return /^#[0-9a-f]{6}$/i.test(color ?? "") ? color : null;
}

function initials(name) {
  const words = (name || "?")
    .trim()
    .split(/[\s_.-]+/u)
    .filter(Boolean);
  const letters =
    words.length > 1 ? [words[0], words[1]].map((word) => [...word][0]) : [...(words[0] ?? "?")].slice(0, 1);
  return letters.join("").toUpperCase();
}

function hue(id) {
  const sum = [...String(id)].reduce((total, digit) => (total * 31 + digit.codePointAt(0)) % 9973, 7);
  return BOT_HUES[sum % BOT_HUES.length];
}
