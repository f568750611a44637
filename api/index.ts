/** The worker: HTTP at the edge, and the kinds of object that own all state. */
import { app } from "./app.ts";
import { serveApp } from "./apps/serve-app.ts";

/** The host name decides: what comes to an app's never reaches the API's routes, and the reverse. */
export default {
  fetch: (request, env, context) => serveApp(request, env) ?? app.fetch(request, env, context),
} satisfies ExportedHandler<Cloudflare.Env>;
export { Limiter } from "./access/limiter.ts";
export { Refusals } from "./audit/refusals.ts";
export { Feed } from "./feed/feed-object.ts";
export { Fleet } from "./fleet/fleet-object.ts";
export { Link } from "./link/link-object.ts";
export { Session } from "./session/session-object.ts";
export { Tunnel } from "./tunnel/tunnel-object.ts";
