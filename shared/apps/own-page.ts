/**
 * Whether a request to an app is one of the app's own pages, or somebody opens it. Apps are "same site" to each other, so SameSite keeps
 * neither their cookies nor their WebSockets apart: a page of one app could act on another, or read one that does not look at `Origin`.
 */

export interface Asked {
  method: string;
  /** A header's value, by its name in lower case. */
  header(name: string): string | undefined;
}

/** `origin`: the app's own. Scripts cannot set these headers (Fetch Metadata, `Sec-Fetch-Site`; RFC 6454, 7). */
export function isOwnPage({ method, header }: Asked, origin: string): boolean {
  const site = header("sec-fetch-site");
  if (site === "same-origin" || site === "none") return true;
  const isOpened =
    (method === "GET" || method === "HEAD") &&
    header("sec-fetch-mode") === "navigate" &&
    header("sec-fetch-dest") === "document";
  if (isOpened) return true;
  if (site !== undefined) return false;
  // Browsers send no Sec-Fetch-Site with a WebSocket, but always an Origin. Programs send neither.
  const from = header("origin");
  return from === undefined || from === origin;
}
