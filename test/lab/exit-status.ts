/** Exit statuses, numbered as in shells. */
import { constants } from "node:os";

/** A child's exit status as one number: its code, or 128 + the number of the signal that ended it. */
export function exitStatus(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
