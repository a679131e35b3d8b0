/** Calls the control API: what this member's client asks the server to do. */

/** A request that the server refused; `message` is what Discord's client would show. */
export class Refusal extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} status HTTP status, 0 when the server could not be reached
   */
  constructor(code, message, status) {
    super(message);
    this.name = "Refusal";
    this.code = code;
    this.status = status;
  }
}

async function call(path, init) {
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Refusal("unreachable", "The playground cannot be reached. Is it still running?", 0);
  }
  const text = await response.text();
  const body = parse(text);
  if (response.ok) return body;
  const error = body?.error ?? {};
  throw new Refusal(
    error.code ?? "http_error",
    error.message ?? `The playground answered with status ${response.status}.`,
    response.status,
  );
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function post(path, payload, files) {
  if (!files.length) {
    return call(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(payload),
    });
  }
  const form = new FormData();
  form.append("payload_json", JSON.stringify(payload));
  files.forEach((file, index) => form.append(`files[${index}]`, file, file.name));
  return call(path, { method: "POST", body: form });
}

/**
 * Fetch the channel as one user sees it; without ids the server chooses.
 *
 * @param {string} [userId]
 * @param {string} [channelId]
 * @returns {Promise<Object>} application, guild, channels, users, commands, messages, now
 */
export function getState(userId, channelId) {
  const query = new URLSearchParams();
  if (userId) query.set("user_id", userId);
  if (channelId) query.set("channel_id", channelId);
  return call(`/playground/state?${query}`);
}

/**
 * Start an interaction; its outcome arrives on the event feed.
 *
 * @param {Object} payload `kind` and its fields, see the room's README
 * @param {File[]} [files] what attachment options point to by index
 * @returns {Promise<{interaction_id: string}>}
 */
export function postInteraction(payload, files = []) {
  return post("/playground/interactions", payload, files);
}

/**
 * Post an ordinary message as a member.
 *
 * @param {{user_id: string, channel_id: string, content: string}} payload
 * @param {File[]} [files]
 * @returns {Promise<Object>} the message
 */
export function postMessage(payload, files = []) {
  return post("/playground/messages", payload, files);
}

/**
 * Delete a message.
 *
 * @param {string} messageId
 * @param {string} channelId
 * @param {string} userId who deletes it
 * @returns {Promise<Object|null>}
 */
export function deleteMessage(messageId, channelId, userId) {
  const query = new URLSearchParams({ channel_id: channelId, user_id: userId });
  return call(`/playground/messages/${encodeURIComponent(messageId)}?${query}`, { method: "DELETE" });
}
