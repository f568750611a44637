/** What a browser sees where nothing is: a line, and the way to /docs. Programs get a problem. */
import { html } from "hono/html";

/** Whether it comes from a browser's address line: programs accept anything, or JSON. */
export function wantsPage(request: Request): boolean {
  return /\btext\/html\b/.test(request.headers.get("accept") ?? "");
}

/** `detail`: the problem's. */
export async function notFoundPage(detail: string): Promise<Response> {
  const page = await html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Skein: not found</title>
<p>This is a Skein API; ${detail}.</p>
<p><a href="/docs">What it answers</a></p>
</html>`;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  };
  return new Response(String(page), { status: 404, headers });
}
