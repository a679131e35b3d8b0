/** Writes times as Discord does and keeps the relative ones fresh. */

import { h } from "./dom.js";

const DISCORD_EPOCH_MS = 1420070400000n;

const FORMATS = {
  t: { hour: "numeric", minute: "2-digit" },
  T: { hour: "numeric", minute: "2-digit", second: "2-digit" },
  d: { year: "numeric", month: "2-digit", day: "2-digit" },
  D: { year: "numeric", month: "long", day: "numeric" },
  f: { year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit" },
  F: { weekday: "long", year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit" },
};

const UNITS = [
  ["year", 31557600],
  ["month", 2629800],
  ["week", 604800],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const formatters = new Map();

/**
 * Make an id that sorts after every message that exists now.
 *
 * @returns {string}
 */
export function snowflakeNow() {
  return String((BigInt(Date.now()) - DISCORD_EPOCH_MS) << 22n);
}

/**
 * Compare two snowflakes by age.
 *
 * @param {string} a
 * @param {string} b
 * @returns {number} negative when a is older
 */
export function compareIds(a, b) {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
}

/**
 * Write a moment in one of Discord's timestamp styles (t T d D f F R).
 *
 * @param {number} ms
 * @param {string} style
 * @returns {string}
 */
export function formatTime(ms, style) {
  if (style === "R") return formatRelative(ms);
  if (!formatters.has(style))
    formatters.set(style, new Intl.DateTimeFormat(undefined, FORMATS[style] ?? FORMATS.f));
  return formatters.get(style).format(ms);
}

function formatRelative(ms) {
  const seconds = Math.round((ms - Date.now()) / 1000);
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS.at(-1);
  return relative.format(Math.trunc(seconds / size), unit);
}

/**
 * Write when a message came: the time today, else day and time.
 *
 * @param {number} ms
 * @returns {string}
 */
export function formatMessageTime(ms) {
  const day = (value) => new Date(value).toDateString();
  if (day(ms) === day(Date.now())) return `Today at ${formatTime(ms, "t")}`;
  if (day(ms) === day(Date.now() - 86400000)) return `Yesterday at ${formatTime(ms, "t")}`;
  return `${formatTime(ms, "d")} ${formatTime(ms, "t")}`;
}

/**
 * Build a `<time>` element; `tick` keeps relative ones right.
 *
 * @param {number} ms
 * @param {string} style
 * @param {string} [className]
 * @returns {HTMLElement}
 */
export function timeElement(ms, style, className) {
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return h("span", { class: className }, "Invalid date");
  const text = style === "message" ? formatMessageTime(ms) : formatTime(ms, style);
  return h(
    "time",
    {
      class: className,
      datetime: new Date(ms).toISOString(),
      title: formatTime(ms, "F"),
      "data-ms": ms,
      "data-style": style,
    },
    text,
  );
}

/** Rewrite every relative time in the document. */
export function tick() {
  for (const node of document.querySelectorAll('time[data-style="R"]')) {
    const text = formatRelative(Number(node.dataset.ms));
    if (node.textContent !== text) node.textContent = text;
  }
}
