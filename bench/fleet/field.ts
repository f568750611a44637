/** The environment of a phase: a running API, simulated nodes, and the measures to fill. */
import { setTimeout as pause } from "node:timers/promises";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import type { Holding } from "../../test/support/process-meter.ts";
import type { TestApi } from "../../test/support/server.ts";
import type { State } from "./calls.ts";
import type { MeasureName, Value } from "./measures.ts";
import type { Options } from "./options.ts";
import type { SimulatedFleet } from "./simulated-fleet.ts";

export interface Field {
  api: TestApi;
  fleet: SimulatedFleet;
  options: Options;
  /** workerd's use before the first node joined: memory in bytes, and descriptors. */
  empty: Holding;
  /** Aborts when the time of the phase is up. */
  signal: AbortSignal;
  measure(name: MeasureName, value: Value): void;
  /** Progress, for people. */
  say(text: string): void;
}

export const IMAGE = "debian:12";

/** How often the bench asks the simulators for their progress. */
const POLL_MS = 50;
const SAY_EVERY_MS = 5_000;

/** One request as the admin. @throws Error if the status is another one, or the time of the phase is up */
export async function request<T>(
  { api, signal }: Pick<Field, "api" | "signal">,
  method: string,
  path: string,
  status: number,
  body?: object,
): Promise<T> {
  const response = await api.call(method, path, body, {}, signal);
  const text = await response.text();
  if (response.status === status) return JSON.parse(text === "" ? "null" : text) as T;
  throw new Error(`${method} ${path} was answered with ${response.status}: ${text.slice(0, 500)}`);
}

/** Creates a session and waits until it runs. @throws Error if it does not */
export async function runSession(field: Field, body: object): Promise<SessionView> {
  const session = await request<SessionView>(field, "POST", "/v1/sessions?wait=60", 202, body);
  if (session.status === "running") return session;
  throw new Error(`a session is ${session.status} and not running: ${session.reason}`);
}

/** Ends a session and waits until nothing of it is left. */
export async function endSession(field: Pick<Field, "api" | "signal">, id: string): Promise<void> {
  await request(field, "DELETE", `/v1/sessions/${id}`, 202);
  const { status } = await request<SessionView>(field, "GET", `/v1/sessions/${id}?wait=60`, 200);
  if (status !== "terminated") throw new Error(`a session that was to end is ${status}`);
}

/** Runs the work several times in sequence. Returns the duration of each, in milliseconds. */
export async function timed(times: number, work: (turn: number) => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  for (let turn = 0; turn < times; turn++) {
    const began = performance.now();
    await work(turn);
    took.push(performance.now() - began);
  }
  return took;
}

/** Waits until all nodes are up, at most `limitMs`. Returns the state then, and how long it took. */
export async function untilUp(
  { fleet, say, signal }: Pick<Field, "fleet" | "say" | "signal">,
  limitMs: number,
): Promise<{ state: State; seconds: number }> {
  const began = performance.now();
  for (let saidAt = began; ; ) {
    const state = await fleet.state();
    const now = performance.now();
    if (state.up >= fleet.nodes || now - began > limitMs) return { state, seconds: (now - began) / 1000 };
    if (now - saidAt > SAY_EVERY_MS) {
      say(`${state.up} of ${fleet.nodes} are up`);
      saidAt = now;
    }
    await pause(POLL_MS, undefined, { signal });
  }
}
