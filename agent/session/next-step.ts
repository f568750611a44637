/** Decides the next step for one session on this node. Pure; `controller.ts` carries the step out. */
import type { Report } from "../../shared/protocol/protocol.ts";
import { PHASES, type Phase } from "../../shared/session/lifecycle.ts";

/**
 * - `store`: write the assignment or the keys to the disk, before acting on them
 * - `clear`: remove what another epoch left
 * - `adopt`: take over what an earlier run of the agent made for this epoch
 * - `prepare`, `start`, `open`: reach the next phase
 * - `authorize`: let the users' keys log in
 * - `remove`: remove everything
 * - `rest`: do nothing until something else is wanted
 */
export type Step =
  | "store"
  | "clear"
  | "adopt"
  | "prepare"
  | "authorize"
  | "start"
  | "open"
  | "remove"
  | "rest";

export interface Situation {
  wanted: { epoch: number; phase: Phase };
  /** Everything that the API sent for the wanted epoch is on the disk. */
  stored: boolean;
  /** Epochs of containers and networks on this node that are neither made nor adopted for the wanted epoch. */
  left: readonly number[];
  /** The phase that the wanted epoch has reached. */
  reached: Report["phase"];
  /** All the users' keys that the API sent may log in. */
  authorized: boolean;
  /** A step of the wanted epoch failed. */
  failed: boolean;
}

const ORDER: readonly Report["phase"][] = ["none", ...PHASES];

export function hasReached(reached: Report["phase"], phase: Phase): boolean {
  return ORDER.indexOf(reached) >= ORDER.indexOf(phase);
}

/** The first rule whose condition holds decides. */
const RULES: readonly (readonly [Step, (situation: Situation) => boolean])[] = [
  ["rest", ({ wanted, reached }) => wanted.phase === "removed" && reached === "removed"],
  // Tried until it succeeds, since the session's resources stay reserved until then.
  ["remove", ({ wanted }) => wanted.phase === "removed"],
  ["store", ({ stored, failed }) => !stored && !failed],
  // Tried until it succeeds too: the wanted epoch cannot begin while another is still here.
  ["clear", ({ left, wanted }) => left.some((epoch) => epoch !== wanted.epoch)],
  // The API decides what follows a failure: the end of the session, or another epoch.
  ["rest", ({ failed }) => failed],
  ["adopt", ({ left }) => left.length > 0],
  ["authorize", ({ authorized, reached }) => !authorized && hasReached(reached, "prepared")],
  ["rest", ({ wanted, reached }) => hasReached(reached, wanted.phase)],
  ["prepare", ({ reached }) => reached === "none"],
  ["start", ({ reached }) => reached === "prepared"],
  ["open", ({ reached }) => reached === "started"],
];

export function nextStep(situation: Situation): Step {
  return RULES.find(([, holds]) => holds(situation))?.[0] ?? "rest";
}
