/**
 * Builds DOM nodes without ever parsing text as HTML.
 *
 * Text from members and bots reaches the document only as text nodes, so nothing that
 * somebody writes can become an element. There is no way to pass markup or a style
 * attribute through this module.
 */

/**
 * Create an element.
 *
 * `props`: attributes by name; `on` holds event listeners by type; `testid` becomes
 * `data-testid`; null, undefined and false leave the attribute out, true sets it empty.
 *
 * @param {string} tag
 * @param {Object<string, *>} [props]
 * @param {...(Node|string|null|undefined|false|Array)} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") {
      for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    } else if (key === "testid") {
      node.dataset.testid = value;
    } else {
      node.setAttribute(key, value === true ? "" : String(value));
    }
  }
  node.append(...present(children));
  return node;
}

/**
 * Drop the empty entries of a list of children.
 *
 * @param {Array} children
 * @returns {Array<Node|string>}
 */
export function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

let lastId = 0;

/**
 * Return an id that no other element has, for aria references.
 *
 * @param {string} prefix
 * @returns {string}
 */
export function uniqueId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/**
 * Let a text area grow with its text up to the height its style sheet allows.
 *
 * @param {HTMLTextAreaElement} area
 */
export function growWithText(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}
