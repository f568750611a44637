/** Names of what Skein creates on a node, and the labels that mark its owner (DESIGN: prefix `skein-`, interfaces `sk`). */

export const LABELS = {
  fleet: "skein.fleet",
  node: "skein.node",
  session: "skein.session",
  host: "skein.host",
  epoch: "skein.epoch",
} as const;
