/**
 * Renders Discord's Markdown as DOM nodes.
 *
 * Text becomes text nodes and nothing else; only http and https addresses become links.
 * Input is at most a few thousand characters, nesting is bounded.
 */

import { codeBlock } from "./code-block.js";
import { h } from "./dom.js";
import { timeElement } from "./time.js";

const DEEPEST = 8;
const ADDRESS = /^https?:\/\/[^\s<>"'`]*[^\s<>"'`.,:;!?)\]}]/i;

/** Wrappers in the order they are tried; the longest mark first. */
const SPANS = [
  { mark: "***", tags: ["strong", "em"] },
  { mark: "**", tags: ["strong"] },
  { mark: "__", tags: ["u"] },
  { mark: "~~", tags: ["s"] },
  { mark: "*", tags: ["em"] },
  { mark: "_", tags: ["em"], wordBound: true },
];

/**
 * @typedef {Object} Names how to name what a mention points to
 * @property {(id: string) => string} user
 * @property {(id: string) => string} channel
 */

/**
 * Render text with blocks: code blocks, quotes, headings, lists, subtext.
 *
 * @param {string} text
 * @param {Names} names
 * @returns {DocumentFragment}
 */
export function renderMarkdown(text, names) {
  const fragment = document.createDocumentFragment();
  const source = text.replace(/\r\n?/g, "\n");
  const fence = /```(?:([\w+#.-]{1,20})\n)?\n?([\s\S]+?)\n?```\n?/g;
  let end = 0;
  for (const match of source.matchAll(fence)) {
    renderLines(source.slice(end, match.index).replace(/\n$/, ""), names, fragment);
    fragment.append(codeBlock(match[2], match[1]));
    end = match.index + match[0].length;
  }
  renderLines(source.slice(end), names, fragment);
  return fragment;
}

/**
 * Render text without blocks: styles, mentions, links, spoilers, timestamps.
 *
 * @param {string} text
 * @param {Names} names
 * @param {number} [depth]
 * @returns {DocumentFragment}
 */
export function renderInline(text, names, depth = 0) {
  const fragment = document.createDocumentFragment();
  let plain = "";
  let at = 0;
  const flush = () => {
    if (plain) fragment.append(plain);
    plain = "";
  };
  while (at < text.length) {
    const found = depth < DEEPEST ? matchInline(text, at, names, depth) : null;
    if (!found) {
      plain += text[at];
      at += 1;
    } else if (typeof found.node === "string") {
      plain += found.node;
      at += found.length;
    } else {
      flush();
      fragment.append(found.node);
      at += found.length;
    }
  }
  flush();
  return fragment;
}

function renderLines(text, names, parent) {
  if (!text) return;
  const lines = text.split("\n");
  let paragraph = [];
  const flush = () => {
    if (!paragraph.length) return;
    parent.append(h("p", {}, renderInline(paragraph.join("\n"), names)));
    paragraph = [];
  };
  for (let index = 0; index < lines.length;) {
    const block = matchBlock(lines, index, names);
    if (block) {
      flush();
      parent.append(block.node);
      index += block.lines;
    } else {
      paragraph.push(lines[index]);
      index += 1;
    }
  }
  flush();
}

function matchBlock(lines, index, names) {
  const line = lines[index];
  const heading = /^(#{1,3}) +(\S.*)$/.exec(line);
  if (heading) {
    const level = heading[1].length;
    return {
      node: h(
        "div",
        { class: `heading heading-${level}`, role: "heading", "aria-level": level + 2 },
        renderInline(heading[2], names),
      ),
      lines: 1,
    };
  }
  const subtext = /^-# +(\S.*)$/.exec(line);
  if (subtext) return { node: h("small", { class: "subtext" }, renderInline(subtext[1], names)), lines: 1 };
  if (line.startsWith(">>> ")) {
    const rest = [line.slice(4), ...lines.slice(index + 1)].join("\n");
    return { node: quote(rest, names), lines: lines.length - index };
  }
  const quoted = run(lines, index, /^> ?(.*)$/, (text) => text.startsWith("> ") || text === ">");
  if (quoted.length) return { node: quote(quoted.join("\n"), names), lines: quoted.length };
  return (
    matchList(lines, index, names, "ul", /^ {0,6}[-*] +(.*)$/) ??
    matchList(lines, index, names, "ol", /^ {0,6}\d{1,9}\. +(.*)$/)
  );
}

function matchList(lines, index, names, tag, pattern) {
  const items = run(lines, index, pattern, () => true);
  if (!items.length) return null;
  const first = tag === "ol" ? Number.parseInt(lines[index], 10) : 1;
  const list = h(
    tag,
    { start: first > 1 ? first : null },
    ...items.map((item) => h("li", {}, renderInline(item, names))),
  );
  return { node: list, lines: items.length };
}

function run(lines, index, pattern, wanted) {
  const found = [];
  for (let at = index; at < lines.length && wanted(lines[at]); at += 1) {
    const match = pattern.exec(lines[at]);
    if (!match) break;
    found.push(match[1]);
  }
  return found;
}

function quote(text, names) {
  const node = h("blockquote");
  renderLines(text, names, node);
  return node;
}

function matchInline(text, at, names, depth) {
  const rest = text.slice(at);
  switch (rest[0]) {
    case "\\":
      return /^\\[\\`*_~|<>[\]()#:@.!-]/.test(rest) ? { node: rest[1], length: 2 } : null;
    case "`":
      return matchCode(rest);
    case "<":
      return matchAngle(rest, names);
    case "|":
      return matchSpoiler(rest, names, depth);
    case "[":
      return matchMaskedLink(rest, names, depth);
    case "@":
      return matchEveryone(rest);
    case "h":
    case "H":
      return matchAddress(rest, text[at - 1]);
    case "\n":
      return { node: h("br"), length: 1 };
    case "*":
    case "_":
    case "~":
      return matchSpan(rest, text[at - 1], names, depth);
    default:
      return null;
  }
}

function matchCode(rest) {
  const match = /^(`+)([\s\S]*?[^`])\1(?!`)/.exec(rest);
  if (!match) return null;
  const body = match[1].length > 1 ? match[2].replace(/^ (?=.)| $/g, "") : match[2];
  return { node: h("code", {}, body), length: match[0].length };
}

function matchAngle(rest, names) {
  const time = /^<t:(-?\d{1,17})(?::([tTdDfFR]))?>/.exec(rest);
  if (time)
    return { node: timeElement(Number(time[1]) * 1000, time[2] ?? "f", "timestamp"), length: time[0].length };
  const mention = /^<(@[!&]?|#)(\d{1,20})>/.exec(rest);
  if (mention) return { node: mentionPill(mention[1], mention[2], names), length: mention[0].length };
  const command = /^<\/([^:<>\n]{1,100}):\d{1,20}>/.exec(rest);
  if (command) return { node: h("span", { class: "mention" }, `/${command[1]}`), length: command[0].length };
  const emoji = /^<a?:(\w{1,40}):\d{1,20}>/.exec(rest);
  if (emoji) return { node: h("span", { class: "emoji-name" }, `:${emoji[1]}:`), length: emoji[0].length };
  const link = /^<(https?:\/\/[^\s<>]+)>/i.exec(rest);
  return link ? { node: anchor(link[1], [link[1]]), length: link[0].length } : null;
}

function mentionPill(kind, id, names) {
  const label = kind === "#" ? `#${names.channel(id)}` : kind === "@&" ? "@role" : `@${names.user(id)}`;
  return h("span", { class: "mention", "data-id": id }, label);
}

function matchEveryone(rest) {
  const match = /^@(everyone|here)\b/.exec(rest);
  return match ? { node: h("span", { class: "mention" }, match[0]), length: match[0].length } : null;
}

function matchSpoiler(rest, names, depth) {
  const match = /^\|\|([\s\S]+?)\|\|/.exec(rest);
  return match ? { node: spoiler(renderInline(match[1], names, depth + 1)), length: match[0].length } : null;
}

/**
 * Hide something until it is clicked.
 *
 * @param {Node} content
 * @returns {HTMLElement}
 */
export function spoiler(content) {
  const node = h(
    "span",
    {
      class: "spoiler",
      role: "button",
      tabindex: "0",
      "aria-expanded": "false",
      "aria-label": "Spoiler, activate to show",
    },
    h("span", { class: "spoiler-text" }, content),
  );
  const show = () => {
    node.classList.add("is-shown");
    for (const name of ["role", "tabindex", "aria-expanded", "aria-label"]) node.removeAttribute(name);
  };
  node.addEventListener("click", show, { once: true });
  node.addEventListener("keydown", (event) => {
    if (node.classList.contains("is-shown") || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    show();
  });
  return node;
}

function matchMaskedLink(rest, names, depth) {
  const match =
    /^\[([^\]\n]{1,300})\]\(<?(https?:\/\/[^\s<>()]+(?:\([^\s<>()]*\)[^\s<>()]*)?)>?(?: +"[^"\n]*")?\)/i.exec(
      rest,
    );
  return match
    ? { node: anchor(match[2], [renderInline(match[1], names, depth + 1)]), length: match[0].length }
    : null;
}

function matchAddress(rest, before) {
  if (before && /[\w/]/.test(before)) return null;
  const match = ADDRESS.exec(rest);
  return match ? { node: anchor(match[0], [match[0]]), length: match[0].length } : null;
}

function anchor(address, children) {
  return h(
    "a",
    { href: address, title: address, target: "_blank", rel: "noopener noreferrer nofollow" },
    ...children,
  );
}

function matchSpan(rest, before, names, depth) {
  for (const { mark, tags, wordBound } of SPANS) {
    if (!rest.startsWith(mark)) continue;
    if (wordBound && before && /\w/.test(before)) continue;
    const length = closing(rest, mark, wordBound);
    if (length < 0) continue;
    const inner = renderInline(rest.slice(mark.length, length), names, depth + 1);
    return { node: tags.reduceRight((child, tag) => h(tag, {}, child), inner), length: length + mark.length };
  }
  return null;
}

function closing(rest, mark, wordBound) {
  if (/\s/.test(rest[mark.length] ?? " ") && mark[0] === "*" && mark.length === 1) return -1;
  for (let at = mark.length + 1; at <= rest.length - mark.length; at += 1) {
    if (rest[at - 1] === "\\" && rest[at - 2] !== "\\") continue;
    if (!rest.startsWith(mark, at)) continue;
    if (mark.length === 1 && (rest[at + 1] === mark || rest[at - 1] === mark) && !insidePair(rest, at, mark))
      continue;
    if (wordBound && /\w/.test(rest[at + 1] ?? " ")) continue;
    if (mark.length === 2 && rest[at + 2] === mark[0]) continue;
    return at;
  }
  return -1;
}

/** Say whether a single mark directly after a closing double mark still closes its own span. */
function insidePair(rest, at, mark) {
  return rest[at - 1] === mark && rest[at - 2] === mark && rest[at + 1] !== mark;
}
