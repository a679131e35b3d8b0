/** Renders a code block; one in the language `diff` shows which lines were added or removed. */

import { h } from "./dom.js";

const DIFF_CLASSES = { "+": "diff-added", "-": "diff-removed" };

/**
 * Render a code block.
 *
 * @param {string} text
 * @param {string} [language] what stands behind the opening fence
 * @returns {HTMLElement}
 */
export function codeBlock(text, language) {
  const content = language === "diff" ? diffLines(text) : text;
  return h("pre", { tabindex: "0" }, h("code", { "data-language": language }, content));
}

function diffLines(text) {
  return text.split("\n").map((line, index) => {
    const name = DIFF_CLASSES[line[0]];
    return [index ? "\n" : null, name ? h("span", { class: name }, line) : line];
  });
}
