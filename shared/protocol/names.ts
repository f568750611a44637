/** Names of what Skein makes on a node, and the labels that say whose it is (DESIGN: prefix `skein-`, interfaces `sk`). */

export const LABELS = {
  fleet: "skein.fleet",
  node: "skein.node",
  session: "skein.session",
  host: "skein.host",
  epoch: "skein.epoch",
  /** SHA-256 of the assignment as it was sent: equal means "adopt", different means "make anew". */
  hash: "skein.hash",
} as const;
