/**
 * The host names of apps. Each app of each session has its own, so that a browser keeps the pages of one app from those of another, and
 * from the API.
 */

/** Under it browsers resolve every name to the machine itself (RFC 6761, 6.3), and take plain HTTP for safe. */
export const LOCALHOST = "localhost";

/** Whether a name or address means the machine itself; an IPv6 address with or without brackets. */
export function isLoopback(hostname: string): boolean {
  return hostname === LOCALHOST || /^(\[::1\]|::1|127(\.\d{1,3}){3})$/.test(hostname);
}

const SESSION_PREFIX = "ses_";

export interface AppHost {
  app: string;
  /** The session's id. */
  session: string;
}

/** `session`: its id. */
export function appHostName({ app, session }: AppHost, domain: string): string {
  return `${app}--${session.slice(SESSION_PREFIX.length)}.${domain}`;
}

/** Whether a host name, without its port, is for apps only. All names under the domain are. */
export function isUnder(hostname: string, domain: string): boolean {
  return domain !== "" && hostname.toLowerCase().endsWith(`.${domain}`);
}

/** Which app a host name means; undefined: none that can be. */
export function readAppHost(hostname: string, domain: string): AppHost | undefined {
  if (!isUnder(hostname, domain)) return undefined;
  const label = hostname.toLowerCase().slice(0, -domain.length - 1);
  const [, app, id] = /^([a-z0-9-]{1,30})--([0-7][0-9a-hjkmnp-tv-z]{25})$/.exec(label) ?? [];
  return app === undefined ? undefined : { app, session: SESSION_PREFIX + id };
}
