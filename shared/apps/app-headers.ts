/** What passes between a browser and an app: headers that end at the proxy, and those that say where the app is. */

export type HeaderPair = readonly [name: string, value: string];

/** The cookie that opens an app at the API. No app sees it. */
export const APP_COOKIE = "__Host-skein-app";

export interface AppPlace {
  /** As browsers see it, like `https://notebook--01jd….apps.example.com`. */
  origin: string;
  /** Where it listens in main1. */
  port: number;
}

/** For one connection only (RFC 9110, 7.6.1), or for a proxy. `Connection` names more. */
const HOP_BY_HOP = new Set([
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
/** What a client could use to lie about where it is. */
const FORWARDED = /^(forwarded|x-forwarded-.*|x-real-ip|x-skein-.*|cf-.*)$/;
/** Of an answer: they would reach other apps of the domain (`"cookies"` clears those of the whole site), or lead around the proxy. */
const FAR_REACHING = new Set(["alt-svc", "clear-site-data"]);
/** Tokens of Skein: where a program sends its own to an app by mistake, the app does not get it. */
const OUR_TOKENS = /^sk[at]_/;
const OUR_SUBPROTOCOL = "base64url.bearer.authorization.skein.";

/**
 * A request's headers as the app gets them. Servers like Jupyter take only a `Host` that is local, and an `Origin` and `Referer` that agree
 * with it. So all three name the app's own port; `X-Forwarded-Host` and `-Proto` say what the browser sees. `isOurs`: a bearer token is the
 * API's.
 */
export function towardsApp(
  headers: readonly HeaderPair[],
  { origin, port }: AppPlace,
  isOurs: (token: string) => boolean = () => false,
): HeaderPair[] {
  const inner = innerOrigin(port);
  const dropped = connectionOnly(headers);
  const passed = headers.flatMap(([name, value]): HeaderPair[] => {
    const key = name.toLowerCase();
    if (key === "host" || dropped.has(key) || FORWARDED.test(key)) return [];
    if (key === "authorization") return bearsOurs(value, isOurs) ? [] : [[name, value]];
    if (key === "cookie") return pairUnlessEmpty(name, withoutOurCookie(value));
    if (key === "sec-websocket-protocol") return pairUnlessEmpty(name, withoutOurProtocol(value));
    if (key === "origin") return [[name, value === origin ? inner : value]];
    if (key === "referer") return [[name, moved(value, origin, inner)]];
    return [[name, value]];
  });
  const [scheme, host] = origin.split("://") as [string, string];
  return [
    ["Host", inner.slice("http://".length)],
    ...passed,
    ["X-Forwarded-Host", host],
    ["X-Forwarded-Proto", scheme],
  ];
}

/** An answer's headers as the browser gets them. A cookie is for the app's own host only: `Domain` would send it to its siblings. */
export function fromApp(headers: readonly HeaderPair[], { origin, port }: AppPlace): HeaderPair[] {
  const inner = innerOrigin(port);
  const dropped = connectionOnly(headers);
  return headers.flatMap(([name, value]): HeaderPair[] => {
    const key = name.toLowerCase();
    if (dropped.has(key) || FAR_REACHING.has(key)) return [];
    if (key === "set-cookie")
      return isOurCookie(value) ? [] : [[name, value.replace(/;\s*domain\s*(=[^;]*)?(?=;|$)/gi, "")]];
    if (key === "location" || key === "content-location") return [[name, moved(value, inner, origin)]];
    return [[name, value]];
  });
}

function innerOrigin(port: number): string {
  return port === 80 ? "http://localhost" : `http://localhost:${port}`;
}

function connectionOnly(headers: readonly HeaderPair[]): Set<string> {
  const named = headers
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) => value.split(",").map((each) => each.trim().toLowerCase()));
  return new Set([...HOP_BY_HOP, ...named]);
}

function bearsOurs(value: string, isOurs: (token: string) => boolean): boolean {
  const token = /^\s*bearer\s+(\S+)/i.exec(value)?.[1];
  return token !== undefined && (OUR_TOKENS.test(token) || isOurs(token));
}

/** All values that a `Cookie` header has for our cookie. */
export function ourCookies(header: string): string[] {
  return header
    .split(";")
    .filter(isOurCookie)
    .map((each) => each.slice(each.indexOf("=") + 1).trim());
}

function withoutOurCookie(header: string): string {
  return header
    .split(";")
    .filter((each) => !isOurCookie(each))
    .join(";")
    .trim();
}

/** Browsers guard the prefix whatever its case, so another case is no cookie of the app either. */
function isOurCookie(text: string): boolean {
  return text.split("=")[0]!.trim().toLowerCase() === APP_COOKIE.toLowerCase();
}

function withoutOurProtocol(value: string): string {
  const offered = value.split(",").map((each) => each.trim());
  return offered.filter((each) => !each.startsWith(OUR_SUBPROTOCOL)).join(", ");
}

function pairUnlessEmpty(name: string, value: string): HeaderPair[] {
  return value === "" ? [] : [[name, value]];
}

/** An address at another origin. */
function moved(address: string, from: string, to: string): string {
  const isThere = address === from || (address.startsWith(from) && /^[/?#]/.test(address.slice(from.length)));
  return isThere ? to + address.slice(from.length) : address;
}
