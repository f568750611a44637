/** When a container that ended is started again, and when no more. Pure: the clock and the engine's word come in. */
import type { Container } from "../docker/port.ts";

/** The pause before the first restart; it doubles with each that follows, up to the longest. */
const FIRST_MS = 1000;
const LONGEST_MS = 60_000;
/** One that has run for so long was well: the pauses begin anew. What was used up stays used up. */
const WELL_MS = 600_000;

/** A container's latest restart, also while it is waited for. Kept on disk. */
export interface Restart {
  /** From 1 on. */
  number: number;
  /** How many there were, with this one, since the container last ran for long. */
  inARow: number;
  /** Which end it follows: the engine's `finishedAt`. The same end may be heard of again. */
  endedAt: number;
  /** "it ended with exit code 3". */
  why: string;
  /** ms since 1970. */
  dueAt: number;
}

/** What is to be known of an end; `why` as in {@link Restart}. */
export type End = Pick<Container, "exitCode" | "startedAt" | "finishedAt"> & { why: string };

/** Undefined where the end is for good: it ended with 0, or `most` restarts are used up. */
export function nextRestart(
  before: Restart | undefined,
  { exitCode, startedAt, finishedAt, why }: End,
  most: number,
  now: number,
): Restart | undefined {
  const number = (before?.number ?? 0) + 1;
  if (exitCode === 0 || number > most) return undefined;
  const well = finishedAt - startedAt >= WELL_MS;
  const inARow = well ? 1 : (before?.inARow ?? 0) + 1;
  const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** (inARow - 1));
  return { number, inARow, endedAt: finishedAt, why, dueAt: now + pause };
}

/** How long is still to be waited; never longer than any pause is, should the clock have been set back. */
export function pauseBefore({ dueAt }: Restart, now: number): number {
  return Math.max(0, Math.min(LONGEST_MS, dueAt - now));
}

export function sayAwaited(restart: Restart, most: number, now: number): string {
  const seconds = Math.ceil(pauseBefore(restart, now) / 1000);
  return `restart ${restart.number} of ${most} in ${seconds} s; ${restart.why}`;
}

export function sayRestarted({ number, why }: Restart, most: number): string {
  return `restart ${number} of ${most}; before, ${why}`;
}

export function sayUsedUp(most: number): string {
  return `its ${most === 1 ? "restart is" : `${most} restarts are`} used up`;
}
