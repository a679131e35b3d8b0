/**
 * Keeps the event feed of one user open.
 *
 * Events that arrive while the state is being fetched wait in a queue: the feed opens
 * first, then the state is read, so that nothing falls between the two. After a drop the
 * feed opens again by itself, with growing pauses, and the state is read anew.
 */

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 8000;

/** A websocket to `/playground/events` that outlives drops and changes of user. */
export class EventFeed {
  /**
   * @param {Object} handlers
   * @param {(type: string, data: Object) => void} handlers.onEvent
   * @param {() => Promise<void>} handlers.onOpen reads the state; events wait until it is done
   * @param {(connected: boolean) => void} handlers.onStatus
   */
  constructor({ onEvent, onOpen, onStatus }) {
    this.handlers = { onEvent, onOpen, onStatus };
    this.socket = null;
    this.pause = FIRST_PAUSE_MS;
    this.timer = 0;
  }

  /**
   * Follow this user's events and drop the ones followed so far.
   *
   * @param {string} userId
   */
  follow(userId) {
    clearTimeout(this.timer);
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.pause = FIRST_PAUSE_MS;
    this.#open(userId);
  }

  #open(userId) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const query = new URLSearchParams({ user_id: userId });
    const socket = new WebSocket(`${scheme}://${location.host}/playground/events?${query}`);
    this.socket = socket;
    const current = () => this.socket === socket;
    let waiting = [];
    socket.addEventListener("open", async () => {
      if (!current()) return;
      try {
        await this.handlers.onOpen();
      } catch {
        socket.close();
        return;
      }
      if (!current()) return;
      this.pause = FIRST_PAUSE_MS;
      this.handlers.onStatus(true);
      const queued = waiting;
      waiting = null;
      for (const { type, data } of queued) this.handlers.onEvent(type, data);
    });
    socket.addEventListener("message", (frame) => {
      if (!current()) return;
      const event = JSON.parse(frame.data);
      if (waiting) waiting.push(event);
      else this.handlers.onEvent(event.type, event.data);
    });
    socket.addEventListener("close", () => {
      if (!current()) return;
      this.handlers.onStatus(false);
      this.timer = setTimeout(() => this.#open(userId), this.pause);
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
    });
  }
}
