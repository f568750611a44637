/** The page at /docs: Swagger UI over the OpenAPI document. All that it loads comes from this API. */
import type { Context } from "hono";
import { sha256 } from "../../platform/hash.ts";
import type { AppEnv } from "../request-context.ts";
import PAGE from "./page.html";

/** Files of the package swagger-ui-dist, which the platform serves as static assets. */
const FILES: Readonly<Record<string, string>> = {
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8",
};

/** Only the page's own scripts run: one from this API, the other by its hash. The token in the page goes nowhere else. */
async function contentSecurityPolicy(): Promise<string> {
  const [, script] = /<script>(.*)<\/script>/s.exec(PAGE)!;
  const hash = new Uint8Array(await sha256(script!)).toBase64();
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    // Swagger UI's icons and sizes are inline styles and images.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

export async function viewerPage(context: Context<AppEnv>) {
  context.header("content-security-policy", await contentSecurityPolicy());
  context.header("x-content-type-options", "nosniff");
  context.header("referrer-policy", "no-referrer");
  return context.html(PAGE, 200);
}

/** A file that the page loads; undefined: there is none of that name. */
export async function viewerFile({ env }: Context<AppEnv>, name: string): Promise<Response | undefined> {
  const type = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (type === undefined) return undefined;
  const { body, status } = await env.ASSETS.fetch(`http://assets/${name}`);
  if (status !== 200) throw new Error(`the static asset ${name} answers ${status}`);
  return new Response(body, {
    headers: {
      "content-type": type,
      "cache-control": "public, max-age=3600",
      "x-content-type-options": "nosniff",
    },
  });
}
