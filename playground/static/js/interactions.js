/**
 * Follows interactions from the click to their answer.
 *
 * An event can overtake the answer to the request that caused it, so events of unknown
 * interactions are kept for a moment. An interaction about which nothing is heard (the
 * feed dropped just then) ends by itself: no spinner lasts for ever.
 */

import { postInteraction } from "./api.js";

const SILENCE_MS = 12000;
const KEPT_EVENTS = 64;

export const NO_RESPONSE = "The application did not respond";

/** The interactions of this page that wait for the bot. */
export class Interactions {
  constructor() {
    this.waiting = new Map();
    this.early = [];
  }

  /**
   * Send an interaction and report its outcome once.
   *
   * @param {Object} payload
   * @param {File[]} files
   * @param {Object} handlers
   * @param {() => void} [handlers.done] it was answered
   * @param {(message: string) => void} [handlers.failed] nobody answered
   * @param {(modal: Object) => void} [handlers.modal] it was answered with a modal
   * @param {(choices: Object[]) => void} [handlers.choices] autocomplete's answer
   * @returns {Promise<string>} the interaction's id
   * @throws {import("./api.js").Refusal} when the server does not accept it
   */
  async send(payload, files, handlers) {
    const { interaction_id: id } = await postInteraction(payload, files);
    const timer = setTimeout(() => this.#settle(id, "failed", NO_RESPONSE), SILENCE_MS);
    this.waiting.set(id, { handlers, timer });
    const early = this.early.filter(({ data }) => data.interaction_id === id);
    this.early = this.early.filter(({ data }) => data.interaction_id !== id);
    for (const { type, data } of early) this.handle(type, data);
    return id;
  }

  /**
   * Take an event of the feed.
   *
   * @param {string} type
   * @param {Object} data
   */
  handle(type, data) {
    if (!this.waiting.has(data.interaction_id)) {
      this.early.push({ type, data });
      if (this.early.length > KEPT_EVENTS) this.early.shift();
      return;
    }
    const id = data.interaction_id;
    if (type === "interaction_done") this.#settle(id, "done");
    else if (type === "interaction_failed") this.#settle(id, "failed", data.message || NO_RESPONSE);
    else if (type === "modal") this.#settle(id, "modal", data);
    else if (type === "autocomplete") this.#settle(id, "choices", data.choices ?? []);
  }

  #settle(id, outcome, value) {
    const entry = this.waiting.get(id);
    if (!entry) return;
    // A modal may be announced after the answer that it is, so "done" alone is not the end.
    if (outcome === "done" && entry.handlers.modal) {
      entry.handlers.done?.();
      clearTimeout(entry.timer);
      entry.timer = setTimeout(() => this.waiting.delete(id), SILENCE_MS);
      return;
    }
    clearTimeout(entry.timer);
    this.waiting.delete(id);
    entry.handlers[outcome]?.(value);
  }
}
