/**
 * workerd's configuration for the API: the same bundle, objects and bindings that wrangler.toml gives to Cloudflare (a test compares the
 * two). Values that differ between runs of `skein serve` are on workerd's command line.
 */

import { SETTING_NAMES, variableOf } from "../../shared/settings/settings.ts";

/** At most workerd's own date + 7 days. */
export const COMPATIBILITY_DATE = "2026-10-23";

/**
 * WebSockets are not compressed: of 1 GB through `skein forward` workerd spends 30 s of CPU on that, as Node's WebSocket offers it, and 4 s on the rest.
 */
export const COMPATIBILITY_FLAGS = ["no_web_socket_compression"];

/** Binding → the class, and the key that names its data on disk: a `uniqueKey` may never change. */
export const OBJECTS = {
  FLEET: { className: "Fleet", uniqueKey: "skein-fleet" },
  SESSION: { className: "Session", uniqueKey: "skein-session" },
  LINK: { className: "Link", uniqueKey: "skein-link" },
  TUNNEL: { className: "Tunnel", uniqueKey: "skein-tunnel" },
  LIMITER: { className: "Limiter", uniqueKey: "skein-limiter" },
  REFUSALS: { className: "Refusals", uniqueKey: "skein-refusals" },
  FEED: { className: "Feed", uniqueKey: "skein-feed" },
} as const;

/** Names that workerd's command line refers to. */
export const SOCKET = "http";
export const DISK = "disk";
export const ASSETS = "assets";
/** The worker's name for its static files. */
export const ASSETS_BINDING = "ASSETS";

/** The worker reads its admin token from this binding; workerd from its environment. */
export const ADMIN_TOKEN = "SKEIN_ADMIN_TOKEN";
/** The same for the key that encrypts secrets. */
export const SECRETS_KEY = "SKEIN_SECRETS_KEY";

/** Cap'n Proto text (workerd.capnp); workerd looks for `worker.js` beside the file. */
export function workerdConfig(): string {
  const objects = Object.entries(OBJECTS);
  const namespaces = objects.map(
    ([, { className, uniqueKey }]) =>
      `(className = "${className}", uniqueKey = "${uniqueKey}", enableSql = true)`,
  );
  const bindings = [
    ...[ADMIN_TOKEN, SECRETS_KEY, ...SETTING_NAMES.map(variableOf)].map(
      (name) => `(name = "${name}", fromEnvironment = "${name}")`,
    ),
    `(name = "${ASSETS_BINDING}", service = "${ASSETS}")`,
    ...objects.map(([name, { className }]) => `(name = "${name}", durableObjectNamespace = "${className}")`),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "api", worker = .api),
    (name = "${DISK}", disk = (writable = true)),
    (name = "${ASSETS}", disk = (writable = false)),
  ],
  sockets = [(name = "${SOCKET}", http = (), service = "api")],
);

const api :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "${COMPATIBILITY_DATE}",
  compatibilityFlags = ${JSON.stringify(COMPATIBILITY_FLAGS)},
  bindings = [
    ${bindings.join(",\n    ")},
  ],
  durableObjectNamespaces = [
    ${namespaces.join(",\n    ")},
  ],
  durableObjectStorage = (localDisk = "${DISK}"),
);
`;
}
