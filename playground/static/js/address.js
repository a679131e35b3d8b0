/** Decides which addresses the page loads itself, and under which name of this machine. */

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Rewrite an address of this server to the page's own origin.
 *
 * The server writes one public address into its messages; a page opened under another name
 * of the same machine would otherwise load its pictures from a foreign origin.
 *
 * @param {string} url
 * @param {{host: string, hostname: string, port: string, href: string}} [here]
 * @returns {string}
 */
export function ownAddress(url, here = location) {
  if (!URL.canParse(url, here.href)) return "";
  const parsed = new URL(url, here.href);
  const sameMachine =
    LOOPBACK.has(parsed.hostname) && LOOPBACK.has(here.hostname) && parsed.port === here.port;
  return sameMachine ? parsed.pathname + parsed.search : parsed.href;
}

/**
 * Say whether an address is one of the web and nothing that a browser would run.
 *
 * @param {string|undefined} url
 * @returns {boolean}
 */
export function isWebAddress(url) {
  return /^(https?:\/\/|\/)/i.test(url ?? "");
}

/**
 * Read the file name at the end of an address.
 *
 * @param {string} url
 * @returns {string}
 */
export function fileNameOf(url) {
  if (!URL.canParse(url, location.href)) return "";
  const last = new URL(url, location.href).pathname.split("/").pop();
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
