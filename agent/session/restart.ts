/** Decides whether a container that ended is started again, and when. Pure: the time and the engine's data are arguments. */
import type { Container } from "../docker/port.ts";

/** The pause before the first restart. It doubles with each further one, up to LONGEST_MS. */
const FIRST_MS = 1000;
const LONGEST_MS = 60_000;
/** After a run of this length the pauses start at the shortest again. Used restarts stay used. */
const WELL_MS = 600_000;

/** The latest restart of a container, also before it happens. Stored on disk. */
export interface Restart {
  /** Counts from 1. */
  number: number;
  /** How many restarts there were since the container last ran for WELL_MS, this one included. */
  inARow: number;
  /** The end that it follows (the engine's `finishedAt`), since the same end may be reported again. */
  endedAt: number;
  /** For example "it ended with exit code 3". */
  why: string;
  /** ms since 1970. */
  dueAt: number;
}

/** An end of a container. `why` as in {@link Restart}. */
export type End = Pick<Container, "exitCode" | "startedAt" | "finishedAt"> & { why: string };

/** Undefined when there is no restart: the exit code was 0, or all `most` restarts are used up. */
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

/** The rest of the pause in ms. At most LONGEST_MS, even when the clock was set back. */
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
