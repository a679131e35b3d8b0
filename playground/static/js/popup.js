/** Places small popups next to what opened them, in the browser's top layer. */

const GAP = 6;
const EDGE = 8;

/**
 * Put a popup above or below its anchor, whichever has more room, within the window.
 *
 * @param {HTMLElement} popup an element with a `popover` attribute, already shown
 * @param {{left: number, right: number, top: number, bottom: number, width: number}} anchor
 * @param {{align?: "start"|"end", matchWidth?: boolean, upward?: boolean}} [options] `upward`
 *     prefers the room above
 */
export function place(popup, anchor, { align = "start", matchWidth = false, upward = false } = {}) {
  const above = anchor.top - GAP - EDGE;
  const below = innerHeight - anchor.bottom - GAP - EDGE;
  popup.style.maxHeight = "";
  popup.style.minWidth = matchWidth ? `${Math.min(anchor.width, innerWidth - 2 * EDGE)}px` : "";
  const [first, second] = upward ? [above, below] : [below, above];
  const usesFirst = popup.offsetHeight <= first || first >= second;
  const useBelow = usesFirst !== upward;
  popup.style.maxHeight = `${Math.max(useBelow ? below : above, 80)}px`;
  const left = align === "end" ? anchor.right - popup.offsetWidth : anchor.left;
  popup.style.left = `${Math.max(EDGE, Math.min(left, innerWidth - popup.offsetWidth - EDGE))}px`;
  popup.style.top = `${useBelow ? anchor.bottom + GAP : anchor.top - GAP - popup.offsetHeight}px`;
}
