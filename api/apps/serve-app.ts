/**
 * Apps over HTTP, each at a host of its own. A link gives a browser the app's cookie, and with the cookie its requests go to the app. The
 * cookie is signed and names app, session and token: so it opens no other app, and ends with session or token.
 */
import { APP_COOKIE, ourCookies } from "../../shared/apps/app-headers.ts";
import { type AppHost, readAppHost } from "../../shared/apps/app-host.ts";
import { isOwnPage } from "../../shared/apps/own-page.ts";
import { SkeinError, skeinErrorOf } from "../../shared/errors/errors.ts";
import { SESSION_STATES } from "../../shared/session/lifecycle.ts";
import { type AppPass, signCookie, verifyCookie, verifyLink } from "../access/app-passes.ts";
import { unavailable } from "../http/unavailable.ts";
import { refuseIfFull, streamBegins } from "../link/open-links.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { logError } from "../platform/log-error.ts";
import type { AppReach } from "../platform/messages.ts";
import { limiterOf, sessionOf, tunnelOf } from "../platform/objects.ts";
import { type AppDial, DIAL_HEADER } from "../tunnel/dials.ts";
import { isForApps, originAt } from "./app-origin.ts";
import { appProblem } from "./app-page.ts";

/** The path of a link at the app's host, and its query's field. Any other path is the app's. */
export const LINK_PATH = "/.skein/open";
export const LINK_FIELD = "link";

/** Undefined: the request is for the API. */
export function serveApp(request: Request, env: Cloudflare.Env): Promise<Response> | undefined {
  const url = new URL(request.url);
  return isForApps(url) ? answer(request, url, env) : undefined;
}

async function answer(request: Request, url: URL, env: Cloudflare.Env): Promise<Response> {
  try {
    const host = readAppHost(url.hostname, SETTINGS.appsDomain);
    // Without an admin token nothing is signed.
    if (!host || !env.SKEIN_ADMIN_TOKEN) throw noPass();
    if (url.pathname === LINK_PATH) return await openLink(request, url, env, host);
    return await pass(request, url, env, host);
  } catch (error) {
    const known = skeinErrorOf(error) ?? unavailable(error);
    // The path may be the app's secret, and the query a link.
    if (!known) logError(`a request to ${url.hostname}:`, error);
    return await appProblem(
      request,
      known ?? new SkeinError("internal", "the request could not be carried out"),
    );
  }
}

/** One answer for all, so that a stranger learns nothing: not which apps there are, nor what is wrong with a cookie. */
function noPass(): SkeinError {
  return new SkeinError(
    "unauthorized",
    "open it by a link: skein open, or POST /v1/sessions/{id}/apps/{name}/links",
  );
}

async function openLink(request: Request, url: URL, env: Cloudflare.Env, host: AppHost): Promise<Response> {
  const given = url.searchParams.get(LINK_FIELD) ?? "";
  const link =
    request.method === "GET" ? await verifyLink(env.SKEIN_ADMIN_TOKEN, given, Date.now()) : undefined;
  if (!link || !isFor(link.pass, host)) throw usedLink();
  const { app } = await reachOf(env, link.pass);
  if (!app || !(await sessionOf(env, host.session).spendAppLink(link.id, link.until))) throw usedLink();
  const cookie = await signCookie(env.SKEIN_ADMIN_TOKEN, link.pass);
  return new Response(null, {
    status: 303,
    headers: {
      location: app.path,
      // Browsers take a `__Host-` cookie only with Secure, and count localhost as secure.
      "set-cookie": `${APP_COOKIE}=${cookie}; Path=/; Secure; HttpOnly; SameSite=Lax`,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
    },
  });
}

function usedLink(): SkeinError {
  return new SkeinError("unauthorized", "this link is used or too old: a link is good for 60 s, and once");
}

function isFor({ app, session }: AppPass, host: AppHost): boolean {
  return app === host.app && session === host.session;
}

/** The app, as long as session and token are. @throws SkeinError `unauthorized` */
async function reachOf(
  env: Cloudflare.Env,
  { actor, expiresAt, session, project, app }: AppPass,
): Promise<AppReach> {
  // The installation's own token cannot be revoked.
  if (expiresAt !== null && (await limiterOf(env, actor).isRevoked())) throw noPass();
  const { found } = await sessionOf(env, session).app(project, app);
  if (!found || !SESSION_STATES[found.session.status].live) throw noPass();
  return found;
}

async function pass(request: Request, url: URL, env: Cloudflare.Env, host: AppHost): Promise<Response> {
  const origin = originAt(url);
  const header = (name: string) => request.headers.get(name) ?? undefined;
  // The cookie of another page's request counts for nothing, though a browser sends it.
  const cookies = isOwnPage({ method: request.method, header }, origin)
    ? ourCookies(header("cookie") ?? "")
    : [];
  const cookie =
    cookies.length === 1 ? await verifyCookie(env.SKEIN_ADMIN_TOKEN, cookies[0]!, Date.now()) : undefined;
  if (!cookie || !isFor(cookie, host)) throw noPass();
  const { session, app, node } = await reachOf(env, cookie);
  if (!app) throw noPass();
  if (!node)
    throw new SkeinError(
      "not_running",
      `session ${session.name} is ${session.status}, or its main1 does not run`,
    );
  refuseIfFull(SETTINGS.maxLinks);
  const arrived = streamBegins();
  try {
    const tunnel = tunnelOf(env, session.id);
    await tunnel.admit(session.id, node);
    const { actor, expiresAt } = cookie;
    const dial: AppDial = {
      node,
      app: { host: "main1", port: app.port, origin },
      token: { actor, expiresAt },
    };
    const passed = new Request(request);
    passed.headers.set(DIAL_HEADER, JSON.stringify(dial));
    return await tunnel.fetch(passed);
  } finally {
    arrived();
  }
}
