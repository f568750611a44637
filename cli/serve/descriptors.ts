/** File descriptors: how many agents the limit has room for, and when too many are in use. Pure. */
import { SETTINGS_TABLE } from "../../shared/settings/settings.ts";

/** Measured on workerd 1.20261023: a connection takes two, also one that has sent nothing yet. */
const PER_AGENT = 2;

/**
 * Descriptors reserved for everything except agents. 234 are always in use: workerd itself (42), and 64 Link objects with three files each
 * (database, log, shared memory). The other 166 and the share are for awake Session objects (three files each) and for clients (two each):
 * 39 of both at a limit of 1,000, 153 at 20,000.
 */
const RESERVE = 400;
const RESERVED_SHARE = 0.03;

/** Two shares, so that a count that goes up and down around 80 % gives one warning. */
const FULL_AT = 0.8;
const EASED_BELOW = 0.7;

export interface DescriptorUse {
  used: number;
  limit: number;
}

/** The soft limit in a text like /proc/PID/limits; undefined if it has none. */
export function descriptorLimit(limits: string): number | undefined {
  const [, soft] = /^Max open files +(\d+) /m.exec(limits) ?? [];
  return soft === undefined ? undefined : Number(soft);
}

/** How many agents may be connected at once: at least one, at most the upper bound of `MAX_LINKS`. */
export function agentsThatFit(limit: number): number {
  const free = limit - RESERVE - limit * RESERVED_SHARE;
  return Math.min(Math.max(Math.floor(free / PER_AGENT), 1), SETTINGS_TABLE.maxLinks.max);
}

/** Whether enough are in use for a warning; `wasFull` is the previous result. */
export function isFull({ used, limit }: DescriptorUse, wasFull: boolean): boolean {
  return used >= limit * (wasFull ? EASED_BELOW : FULL_AT);
}

/** `room for 9,500 agents (20,000 descriptors)`, and `MAX_LINKS` if it was set. */
export function roomText(limit: number, maxLinks?: number): string {
  const fitting = agentsThatFit(limit);
  const room = `room for ${grouped(fitting)} agents (${grouped(limit)} descriptors)`;
  if (maxLinks === undefined) return room;
  return `${room}; MAX_LINKS allows ${grouped(maxLinks)}${maxLinks > fitting ? ", more than fit" : ""}`;
}

/** The warning for the operator: what happens, and what to do. */
export function fullText({ used, limit }: DescriptorUse): string {
  return `${grouped(used)} of the API's ${grouped(limit)} file descriptors are in use; when none is left, it refuses connections, or ends and restarts: raise the hard limit of open files and restart skein serve, or connect fewer agents and clients`;
}

function grouped(count: number): string {
  return count.toLocaleString("en-US");
}
