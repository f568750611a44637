/** What sessions wait with, and what a look at it came to. */

import type { Reserved } from "../network/addressing.ts";
import type { PlannedSpec } from "../plan/planned-spec.ts";

/** What did not work out for a session before. Its nodes (ids) are avoided only where others have room. */
export type Avoid = Reserved & { nodes?: string[] };

/** Sessions with equal demands fare alike, so a demand is evaluated once for all of them. */
export interface Demand {
  spec: PlannedSpec;
  avoid: Avoid;
  /** What the last look came to; null where there was none, or where what it says may no longer hold. */
  evaluation: Evaluation | null;
  /** Nothing that may help it has changed since that look. */
  current: boolean;
}

/** Why a demand was refused, and what it waits for. */
export interface Evaluation {
  reason: string;
  /** `turn`: there is room, but it is kept for a session that has waited longer. */
  lacks: "room" | "network" | "turn";
  /** The network it would have if no session ran; null where it would not fit even then, so that it claims nothing. */
  claim: Claim | null;
}

export interface Claim {
  subnet: string;
  vni: number | null;
}
