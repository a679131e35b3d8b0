/** Opens modal dialogs and cleans up after them. */

/**
 * Show a dialog over the page; closing removes it and gives the focus back.
 *
 * @param {HTMLDialogElement} dialog
 */
export function showDialog(dialog) {
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    // The browser's own return of the focus comes while the page is still inert: the field
    // then has the focus, but what one types does not arrive. Focusing it anew mends that.
    before?.blur();
    before?.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}
