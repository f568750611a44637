/** A contender's round: it starts eight containers on the lab's hosts, reports times, and removes them. */
import type { LabHost } from "../../test/lab/host.ts";
import type { EngineEvents } from "./events.ts";

/** The same for all. */
export const IMAGE = "skein/debian:12";
export const HOSTS = 4;
export const PER_HOST = 2;
export const CONTAINERS = HOSTS * PER_HOST;

/** Times on the way up, in milliseconds from the request; each is the time of the last host. */
export type Marks = Record<string, number>;

export interface Contender {
  name: string;
  /** `ready`, the last mark, is the contender's result. */
  bringUp(round: number): Promise<Marks>;
  /** Resolves when nothing of the round is left on any host. */
  takeDown(): Promise<void>;
  /** Removes what it set up before its first round. */
  close?(): Promise<void>;
}

export interface Field {
  hosts: readonly LabHost[];
  events: EngineEvents;
}

/** Milliseconds since 1970 with fractions; comparable with the times in engines' events and agents' logs. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
