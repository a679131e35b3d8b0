/**
 * Keeps the page still under a pressed pointer.
 *
 * A press moves the focus first; if that moved what lies under the pointer, the release
 * would land beside it and the click would be lost.
 */

let pressed = false;
addEventListener("pointerdown", () => (pressed = true), { capture: true });
for (const type of ["pointerup", "pointercancel"]) {
  addEventListener(type, () => (pressed = false), { capture: true });
}

/**
 * Run something now, or once the pointer was released and its click was handled.
 *
 * @param {() => void} act
 */
export function afterPress(act) {
  if (!pressed) {
    act();
    return;
  }
  const controller = new AbortController();
  const release = () => {
    controller.abort();
    setTimeout(act);
  };
  for (const type of ["pointerup", "pointercancel"]) {
    addEventListener(type, release, { capture: true, signal: controller.signal });
  }
}
