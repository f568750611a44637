/** What the platform binds to the worker; wrangler.toml and cli/serve/config.ts say the same. */
declare namespace Cloudflare {
  interface Env {
    FLEET: DurableObjectNamespace<import("./index.ts").Fleet>;
    SESSION: DurableObjectNamespace<import("./index.ts").Session>;
    LINK: DurableObjectNamespace<import("./index.ts").Link>;
    TUNNEL: DurableObjectNamespace<import("./index.ts").Tunnel>;
    LIMITER: DurableObjectNamespace<import("./index.ts").Limiter>;
    REFUSALS: DurableObjectNamespace<import("./index.ts").Refusals>;
    FEED: DurableObjectNamespace<import("./index.ts").Feed>;
    /** Static files: those of Swagger UI, for /docs. */
    ASSETS: Fetcher;
    /** Opens everything under /v1, and signs all other tokens. */
    SKEIN_ADMIN_TOKEN: string;
    /** Encrypts what is stored and never shown (api/platform/seal.ts). workerd binds null where it is not set. */
    SKEIN_SECRETS_KEY?: string | null;
  }

  interface GlobalProps {
    mainModule: typeof import("./index.ts");
    durableNamespaces: "Fleet" | "Session" | "Link" | "Tunnel" | "Limiter" | "Refusals" | "Feed";
  }
}

/** All bundlers give the text of a page. */
declare module "*.html" {
  const text: string;
  export default text;
}
