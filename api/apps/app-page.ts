/** What an app's host says itself: why the app is not there. A page for people, a problem for programs. */
import { html } from "hono/html";
import { ERRORS, type SkeinError } from "../../shared/errors/errors.ts";
import { wantsPage } from "../http/not-found-page.ts";
import { problemResponse } from "../http/problem.ts";

/** Nothing of the app may be stored, framed or run with it. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
};

export async function appProblem(request: Request, error: SkeinError): Promise<Response> {
  // Browsers know no scheme for it (RFC 9110, 11.6.1 wants one).
  const challenge: Record<string, string> =
    ERRORS[error.code].status === 401 ? { "www-authenticate": "Skein-App-Link" } : {};
  const headers = { ...HEADERS, ...challenge };
  if (!wantsPage(request)) return problemResponse(error, headers);
  const { status, title } = ERRORS[error.code];
  const page = await html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Skein: ${title}</title>
<p>This is an app of a Skein session; ${error.message}.</p>
</html>`;
  return new Response(String(page), {
    status,
    headers: { ...headers, "content-type": "text/html; charset=utf-8" },
  });
}
